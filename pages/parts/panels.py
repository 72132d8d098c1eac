"""What can be asked about a step beyond its numbers, each in a drawer of its own."""

import streamlit as st

from cnn import Step
from pages.parts.gradient_panel import gradient_panel
from pages.parts.quiz import quiz_panel
from pages.parts.rate_panel import rate_panel
from pages.parts.session import Session
from pages.parts.whatif_panel import whatif_panel


def panels(session: Session, step: Step) -> None:
    """Offer the panels. What stands in a closed drawer is not computed, so a jump stays quick."""
    image = session.image_in(step)
    with st.container(key="panels"):
        check = _drawer("Gradient check: is backpropagation right for this very step?")
        if check.open:
            with check:
                gradient_panel(session, step, image)
        rates = _drawer("What would another rate have done?")
        if rates.open:
            with rates:
                rate_panel(session, step, image)
        changed = _drawer("What if this weight were different?")
        if changed.open:
            with changed:
                whatif_panel(session, step, image, session.pinned)
        quiz = _drawer("Predict, then reveal: a quiz about this step")
        if quiz.open:
            with quiz:
                quiz_panel(session, step, image)


def _drawer(title: str) -> ExpanderContainer:
    return st.expander(title, on_change="rerun", key=f"drawer_{title}")
