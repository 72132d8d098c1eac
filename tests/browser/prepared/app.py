"""Opens the step page with a run made from the address, in the place of the live page.

In the address: ``steps``, ``filters``, ``batch``, ``rule``, ``at`` (the step that is looked at).
"""

import streamlit as st

from cnn import Recipe
from data import load_bundled
from pages.parts.keys import Key
from pages.parts.page import page
from pages.parts.session import Session


def recipe(filters: int = 1, batch: int = 1, rule: str = "exact") -> Recipe:
    """The same run in the server and in a test."""
    return Recipe(
        seed=0,
        filters=filters,
        batch=batch,
        bias_rule="notes" if rule == "notes" else "exact",
        learning_rate=0.02,
    )


def main() -> None:
    """The page."""
    given = st.query_params
    if Key.SESSION not in st.session_state:  # before the page begins one of its own
        asked = recipe(
            int(given.get("filters", 1)), int(given.get("batch", 1)), given.get("rule", "exact")
        )
        session = Session.begun(load_bundled(), asked)
        session.run.advance(int(given.get("steps", 1)) - 1)
        session.look.step = int(given["at"]) if "at" in given else None
        st.session_state[Key.SESSION] = session
        st.switch_page("pages/step.py")
    page("Live")
    session = st.session_state[Key.SESSION]
    st.text(f"live: step {session.run.step}, {'playing' if session.playing else 'paused'}")


if __name__ == "__main__":
    main()
