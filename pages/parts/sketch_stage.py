"""The stage of the draw page: every map that a drawing makes, and the way back from it."""

import streamlit as st

from cnn import Step
from pages.parts.scenes import sketch_frame
from pages.parts.session import Session
from pages.parts.stage import Event, Sought, stage


def sketch_stage(session: Session, step: Step, told: int | None) -> None:
    """Draw a step on a picture that is not in the data.

    Args:
        session: whose run is looked at.
        step: from `pages.parts.verdict.judged` or `pages.parts.lesson.taught`.
        told: which digit it really is, or None.
    """

    def heard(event: Event) -> None:
        if isinstance(event, Sought):
            session.seek(event.step)

    note = f"Your digit, seen by the parameters after step {step.number:,}. "
    if step.after is step.before:
        note += "Nothing is trained on it."
    else:
        note += "One training step on it is tried out here and thrown away."
    st.subheader("Everything in between")
    frame = sketch_frame(session, step, note, told is not None)
    stage(frame, key="sketch_stage", on_event=heard)
    if session.seeking:
        session.seeking = False
        st.switch_page("pages/step.py")
