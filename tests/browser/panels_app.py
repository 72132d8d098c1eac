"""The four panels of the step page on a real run, without the page around them.

In the address: ``filters``, ``batch``, ``rule`` and ``step``, the step that is shown first.
"""

import streamlit as st

from cnn import Recipe
from data import load_bundled
from pages.parts.gradient_panel import gradient_panel
from pages.parts.process import prepare_process
from pages.parts.quiz import quiz_panel
from pages.parts.rate_panel import rate_panel
from pages.parts.session import Session
from pages.parts.whatif_panel import whatif_panel

STEPS = 60


def begun(filters: int = 1, batch: int = 1, rule: str = "exact") -> Session:
    """The same session in the server and in a test."""
    recipe = Recipe(
        seed=0,
        filters=filters,
        batch=batch,
        bias_rule="notes" if rule == "notes" else "exact",
        learning_rate=0.02,
    )
    session = Session.begun(load_bundled(), recipe)
    session.run.advance(STEPS - session.run.step)
    return session


def main() -> None:
    """The page."""
    st.set_page_config(layout="wide")
    prepare_process()
    ask = st.query_params
    if "session" not in st.session_state:
        filters, batch = int(ask.get("filters", 1)), int(ask.get("batch", 1))
        st.session_state["session"] = begun(filters, batch, ask.get("rule", "exact"))
        st.session_state["number"] = int(ask.get("step", STEPS))
    session: Session = st.session_state["session"]
    number = st.number_input("Step", 1, STEPS, key="number")
    step = session.run.at(number)
    image = len(step.images) - 1
    gradient_panel(session, step, image)
    rate_panel(session, step, image)
    whatif_panel(session, step, image)
    quiz_panel(session, step, image)


if __name__ == "__main__":
    main()
