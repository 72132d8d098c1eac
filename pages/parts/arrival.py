"""What a link has asked for: the way to its step, and what of it made no sense."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.parts.refusal import plain
from pages.parts.session import Session


def arrival(session: Session) -> None:
    """Train to the step that a link asks for, and say what of the link was ignored."""
    # In places of their own, also when there is nothing to say: what is below stays where it is.
    place = st.empty()
    if session.goal and session.run.step < session.goal:
        _replay(session, session.goal, place)
    with st.container(horizontal=True, vertical_alignment="center", key="notice"):
        if session.notice:
            st.warning(plain(session.notice))  # it may quote the link
            st.button("All right", on_click=session.read_notice)


def _replay(session: Session, goal: int, place: DeltaGenerator) -> None:
    """Train, with a bar; a press on the button interrupts this and begins the page anew."""
    run = session.run
    goal = min(goal, run.longest)
    with place.container():
        bar = st.progress(0.0)
        st.button("Stop here", on_click=session.stay)
    while run.step < goal and not run.stopped:
        session.approach(goal)
        waits = ", waiting for its turn" if session.waits else ""
        bar.progress(run.step / goal, f"Training to step {goal:,}: step {run.step:,}{waits}")
    session.stay()
    place.empty()
