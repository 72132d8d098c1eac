"""What every page begins with."""

from typing import Literal

import streamlit as st

from pages.parts.process import prepare_process

PAGES = {
    "app.py": ("Live", "▶️"),
    "pages/step.py": ("Any step", "◀️"),
    "pages/filter.py": ("Filter", "🔲"),
    "pages/evaluate.py": ("Evaluate", "🎯"),
    "pages/draw.py": ("Draw", "✏️"),
    "pages/notes.py": ("Notes", "📝"),
    "pages/data.py": ("Data", "🔢"),
}
"""The pages, in the order of the sidebar. An icon is a character: a picture would be fetched."""

_STYLE = """<style>
/* The stage is the page: no wide margins around it. */
.stMainBlockContainer { padding: 2.75rem 1.5rem 3rem; }
.stAppHeader { height: 2.75rem; min-height: 2.75rem; }
[data-testid="stSidebarContent"] h1 { font-size: 1.4rem; padding: 0 0 0.25rem; }
@media (max-width: 640px) { .stMainBlockContainer { padding: 2.75rem 0.75rem 3rem; } }
</style>"""


def page(title: str, sidebar: Literal["auto", "collapsed"] = "auto") -> None:
    """Set up a page: its title, the whole width, and the list of pages in the sidebar.

    Args:
        title: of the page.
        sidebar: "collapsed" on a page that needs its room.
    """
    st.set_page_config(
        page_title=f"{title} · Watch it learn",
        page_icon="🔢",
        layout="wide",
        initial_sidebar_state=sidebar,
    )
    prepare_process()
    st.html(_STYLE)
    with st.sidebar:
        st.title("Watch it learn")
        st.caption(
            "A small convolutional network in plain NumPy learns handwritten digits, "
            "and shows every number of every step."
        )
        for file, (label, icon) in PAGES.items():
            st.page_link(file, label=label, icon=icon)
