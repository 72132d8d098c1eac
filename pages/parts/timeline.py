"""Time: which step is looked at."""

from typing import NamedTuple

import streamlit as st

from cnn import Step
from pages.parts.keys import Key
from pages.parts.session import Session


class Jump(NamedTuple):
    """A button of the bar: its key on the keyboard, and how far it goes."""

    label: str
    shortcut: str
    by: int


END = 10_000_000
"""Steps that lead past either end of any run."""

JUMPS = (
    Jump("First", "Home", -END),
    Jump("−100", "PageUp", -100),
    Jump("−1", "Left", -1),
    Jump("+1", "Right", 1),
    Jump("+100", "PageDown", 100),
)


def jumps(session: Session) -> None:
    """Offer to go to another step: by buttons, which have keys, or by its number."""
    newest, shown = session.run.step, session.looked_at

    def go(by: int) -> None:
        # From where it is by then: a key may be pressed again before the page has been drawn.
        session.look_at(session.looked_at + by)

    for jump in JUMPS:
        st.button(
            jump.label,
            on_click=go,
            args=(jump.by,),
            disabled=shown == (1 if jump.by < 0 else newest),
            shortcut=jump.shortcut,
        )
    st.button("Newest", on_click=session.look_at_newest, disabled=shown == newest, shortcut="End")
    st.session_state[Key.STEP_NUMBER] = shown
    st.number_input(
        f"Step, 1 to {newest:,}",
        1,
        newest,
        key=Key.STEP_NUMBER,
        on_change=_look_at_given,
        args=(session, Key.STEP_NUMBER),
        width=150,
    )


def scrubber(session: Session) -> Step:
    """Draw the scrubber over all steps, and return the one that it stands at."""
    newest, shown = session.run.step, session.looked_at
    st.session_state[Key.SCRUBBER] = shown
    st.slider(
        "Step",
        1,
        max(newest, 2),
        key=Key.SCRUBBER,
        on_change=_look_at_given,
        args=(session, Key.SCRUBBER),
        disabled=newest == 1,
        label_visibility="collapsed",
    )
    return session.step_looked_at


def _look_at_given(session: Session, key: Key) -> None:
    if number := st.session_state.get(key):
        session.look_at(number)
