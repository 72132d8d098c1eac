"""What every page begins with."""

import time
from typing import Literal

import streamlit as st
from streamlit.delta_generator_singletons import context_dg_stack, get_default_dg_stack_value

from pages.parts.address import address
from pages.parts.arrival import arrival
from pages.parts.controls import controls
from pages.parts.keeping import keeping
from pages.parts.limits import LimitsError, limits
from pages.parts.process import prepare_process
from pages.parts.refusal import plain
from pages.parts.session import Session, session

PAGES = {
    "Live": "app.py",
    "Any step": "pages/step.py",
    "Filter": "pages/filter.py",
    "Evaluate": "pages/evaluate.py",
    "Draw": "pages/draw.py",
    "Experiments": "pages/experiments.py",
    "Notes": "pages/notes.py",
    "Data": "pages/data.py",
}
"""The pages' files by their titles, in the order of the sidebar."""

_STYLE = """<style>
/* The stage is the page: no wide margins around it. */
.stMainBlockContainer { padding: 2.75rem 1.5rem 3rem; }
.stAppHeader { height: 2.75rem; min-height: 2.75rem; }
[data-testid="stSidebarContent"] h1 { font-size: 1.4rem; padding: 0 0 0.25rem; }
/* Around what is not seen, so that there is no gap for it either. */
:has(> [class*="st-key-unseen_"]) { display: none; }
/* What went wrong and the way on stand in one row, as low as it can be, where there is room. */
:is(.st-key-trouble, .st-key-notice) > :has(.stAlert) { flex-basis: 16rem; }
:is(.st-key-trouble, .st-key-notice) .stAlertContainer { padding: 0.4rem 0.75rem; }
/* Without a mouse Plotly's buttons would always stand there, on the legend. */
@media (hover: none) { .modebar { display: none; } }
@media (max-width: 640px) {
  .stMainBlockContainer { padding: 2.75rem 0.75rem 3rem; }
  .st-key-pace [role="radio"] { padding-inline: 0.6rem; } /* what has a number stays in one row */
}
</style>"""


def page(title: str, sidebar: Literal["auto", "collapsed"] = "auto") -> None:
    """Set up a page: its title, the whole width, and the list of pages in the sidebar.

    Args:
        title: of the page.
        sidebar: "collapsed" on a page that needs its room.
    """
    # A click that comes in the moment in which a fragment ends is served in the fragment's thread.
    # There Streamlit still draws into what the fragment stood in: a page within a part of itself,
    # which the browser sometimes cannot draw at all.
    context_dg_stack.set(get_default_dg_stack_value())
    st.set_page_config(
        page_title=f"{title} · Watch it learn",
        page_icon="🔢",
        layout="wide",
        initial_sidebar_state=sidebar,
    )
    prepare_process()
    st.html(_STYLE)
    try:
        limits()
    except LimitsError as error:
        st.error(plain(str(error)))
        st.stop()
    with st.sidebar:
        st.title("Watch it learn")
        st.caption(
            "A small convolutional network in plain NumPy learns handwritten digits, "
            "and shows every number of every step."
        )
        for name, file in PAGES.items():
            st.page_link(file, label=name)
    controls(title)
    visit = session()
    _switch(visit)
    arrival(visit)
    keeping(visit, PAGES[title])
    address(visit, title)


def _switch(visit: Session) -> None:
    """Go to another page, if a click has just asked for that.

    Here and not in the fragment that was clicked: a run of the whole page stops the timers of its
    fragments in the browser. A tick of the old page that came after the switch would be drawn into
    the new one, and leave it empty.
    """
    if visit.seeking or visit.live_asked:
        time.sleep(0.3)  # until the last tick under way has come: it is dropped for the switch
    if visit.seeking:
        visit.seeking = False
        st.switch_page("pages/step.py")
    if visit.live_asked:
        visit.live_asked = False
        st.switch_page("app.py")
