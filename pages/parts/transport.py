"""The transport bar: Reset, Play, Step, the pace and the learning rate."""

import streamlit as st

from pages.parts.keys import Key
from pages.parts.pace import FASTEST, PACES
from pages.parts.rates import written
from pages.parts.session import Session


def transport(session: Session) -> None:
    """Draw the bar and carry out what was pressed."""
    session.slider.follow(session.run.learning_rate)
    ended = session.run.stopped is not None
    with st.container(horizontal=True, vertical_alignment="bottom", key="transport"):
        st.button(
            "Reset",
            on_click=session.reset,
            help="Start this run again, from the same starting weights.",
        )
        st.button(
            "Pause" if session.playing else "Play",
            key="play",
            type="primary",
            width=110,  # the same for both words, so that nothing beside it moves
            on_click=session.pause if session.playing else session.play,
            disabled=ended,
            shortcut="Space",
        )
        st.button(
            "Step",
            on_click=session.step,
            disabled=ended,
            shortcut="Right",
            help="Take one training step and stop there.",
        )
        chosen = st.segmented_control(
            "Pace",
            list(PACES),
            default=FASTEST,
            required=True,
            wrap=True,
            key=Key.PACE,
            persist_state="session",
        )
        session.pace = PACES[chosen]
        with st.container(width=236):  # so that the bar is one row beside the sidebar at 1440
            # "ignore": the next tick reads it from the session state; no rerun, no stutter.
            st.select_slider(
                "Learning rate η, from the next step on",
                session.slider.offered,
                value=session.slider.stands,
                format_func=written,
                key=session.slider.key,
                on_change="ignore",
                persist_state="session",
            )
