"""The page's address: it names the run in hand, so that a page loaded again has that run again."""

from urllib.parse import parse_qsl

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from pages.parts.component import component
from pages.parts.link import DEFAULT, Wanted, query, wanted
from pages.parts.over_steps import leave
from pages.parts.session import Session, begin, session

PLAYING = 2.0
"""Seconds between two writings while the run plays: as much of it a killed server may cost."""

STANDING = 60.0
"""Seconds between two writings while it does not. They say nothing new; but only a page on which
something is drawn again and again asks by itself for its contents when its server is back."""

RETURNED = (
    "The server was started again, or was out of reach for long. Your run is back, the same to the "
    "last bit; what else this visit had is gone."
)


def address(visit: Session, page: str) -> None:
    """Keep the address up to date, and take up again what it names if the server has forgotten it.

    Args:
        visit: of the visitor.
        page: its title. An address is written anew on each, for the way there has emptied it.
    """

    returned = False

    def forgotten() -> None:
        nonlocal returned
        returned = True
        _return_to(wanted(dict(parse_qsl(str(st.session_state["address_bar"]["forgotten"])))))

    @st.fragment(run_every=PLAYING if visit.playing else STANDING)
    def write() -> None:
        leave(visit)
        context = get_script_run_ctx()
        component("address")(
            key="address_bar",
            data={
                "visit": context.session_id if context else "",
                "run": _named(visit),
                "page": page,
            },
            on_forgotten_change=forgotten,
        )
        if returned:
            st.rerun()  # the whole page, which trains that run and says so

    with st.container(key="unseen_address"):  # which takes no room
        write()


def _named(visit: Session) -> str | None:
    """The parameters that name the run in hand, or None while they are to stay as they are."""
    run = visit.run
    if visit.awaited and run.step == 1:
        return None  # the page may be loaded again when the digits of the link's run are here
    # With the rate of the next step, unlike a link: it may have been set for it just now.
    if (run.recipe, run.step) == DEFAULT[:2]:
        return ""
    return query(run.recipe, run.step, until=run.step + 1)


def _return_to(asked: Wanted) -> None:
    """Have in hand what the visitor had, unless Streamlit has brought the same address already."""
    visit = session()
    if visit.awaited == asked:
        return
    if (visit.run.recipe, visit.run.step) != (asked.recipe, asked.step):
        visit = begin(asked)
    if visit.awaited is None:
        visit.notice = RETURNED
