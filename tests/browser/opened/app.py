"""Opens any page with a run made from the address, in the place of the live page.

In the address: ``page`` (the name of its file), ``steps``, ``filters``, ``batch``.
"""

import streamlit as st

from cnn import Recipe
from data import load_bundled
from pages.parts.page import page
from pages.parts.session import Key, Session


def begun(steps: int, filters: int = 1, batch: int = 1) -> Session:
    """The same run in the server and in a test, its rate changed after the first half."""
    recipe = Recipe(
        seed=0,
        filters=filters,
        batch=batch,
        learning_rate=((1, 0.02), (steps // 2 + 2, 0.01)),
    )
    session = Session.begun(load_bundled(), recipe)
    session.run.advance(steps - session.run.step)
    return session


def main() -> None:
    """The page."""
    given = st.query_params
    if Key.SESSION not in st.session_state:  # before the page begins one of its own
        numbers = (int(given.get(name, 1)) for name in ("steps", "filters", "batch"))
        st.session_state[Key.SESSION] = begun(*numbers)
        st.switch_page(f"pages/{given['page']}.py")
    page("Live")
    session = st.session_state[Key.SESSION]
    st.text(f"live: step {session.run.step}, {'playing' if session.playing else 'paused'}")


if __name__ == "__main__":
    main()
