"""What a link has asked for: the way to its step, and what of it made no sense."""

import streamlit as st

from pages.parts.refusal import plain
from pages.parts.session import Session

CHUNK = 1_000
"""Steps of training between two looks at whether the visitor wants it to stop."""


def arrival(session: Session) -> None:
    """Train to the step that a link asks for, and say what of the link was ignored."""
    if session.goal and session.run.step < session.goal:
        _replay(session, session.goal)
    if session.notice:
        with st.container(horizontal=True, vertical_alignment="center", key="notice"):
            st.warning(plain(session.notice))  # it may quote the link
            st.button("All right", on_click=session.read_notice)


def _replay(session: Session, goal: int) -> None:
    """Train, with a bar; a press on the button interrupts this and begins the page anew."""
    run, place = session.run, st.empty()
    with place.container():
        bar = st.progress(0.0)
        st.button("Stop here", on_click=session.stay)
    while run.step < goal and run.advance(min(CHUNK, goal - run.step)):
        bar.progress(run.step / goal, f"Training to step {goal:,} again: step {run.step:,}")
    session.stay()
    place.empty()
