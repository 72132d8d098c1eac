"""The sidebar's panels: which digit is watched, and what a new run is made of."""

import streamlit as st

from cnn import Recipe
from cnn.recipe import MAX_BATCH, MAX_FILTERS, MAX_HIDDEN, MAX_SEED
from pages.parts.choosing import choose_digit
from pages.parts.keys import Key
from pages.parts.refusal import plain
from pages.parts.session import Session

BIAS_RULES = {
    "exact": "Σ dz, the exact one",
    "notes": "Σ dk, as in the handwritten notes",
}


def new_run(session: Session) -> None:
    """Offer everything that only a new run can change, except its digits: see the data page."""
    recipe = session.run.recipe
    with st.sidebar.expander("New run: filters, batch, seed …"):
        with st.form("new_run", border=False):
            st.caption(
                "**Starts a new run**, from step 1, in the place of the one in hand, on the same "
                "digits. The learning rate stays as it is set."
            )
            filters = _whole_number("Filters", 1, MAX_FILTERS, recipe.filters)
            hidden = _whole_number("Hidden units", 1, MAX_HIDDEN, recipe.hidden)
            batch = _whole_number("Images a step (batch)", 1, MAX_BATCH, recipe.batch)
            seed = _whole_number("Seed", 0, MAX_SEED, recipe.seed)
            bias_rule = st.radio(
                "Gradient of the filter's bias",
                BIAS_RULES,
                list(BIAS_RULES).index(recipe.bias_rule),
                format_func=BIAS_RULES.__getitem__,
            )
            pressed = st.form_submit_button("Start a new run", type="primary")
        if pressed:
            session.start(
                session.digits,
                Recipe(
                    data=recipe.data,
                    seed=seed,
                    filters=filters,
                    hidden=hidden,
                    batch=batch,
                    bias_rule="notes" if bias_rule == "notes" else "exact",
                    learning_rate=session.chosen_rate,
                ),
            )
            st.rerun()
        st.page_link("pages/data.py", label="Other digits, also your own")


def _whole_number(name: str, least: int, most: int, now: int) -> int:
    """Ask for a number, and say its range: the form is not sent with another one in it."""
    return st.number_input(f"{name}, {least} to {most:,}", least, most, now)


def watched_digit(session: Session) -> None:
    """Offer to look at one digit all the time instead of each step's own."""
    with st.sidebar.expander("Watch one digit"):
        st.caption(
            "See what the newest parameters make of one digit, all the time. It is only looked "
            "at: the run goes on training on its own images."
        )
        watch = st.toggle("Watch this one:", key=Key.WATCH)
        position = choose_digit(session, Key.WATCHED, Key.NEXT_OF_CLASS, _watch)
        _, label = session.held.digit(position)
        st.caption(f"It is of class {plain(session.digits.classes[label])}.")
        session.watching = position if watch else None


def _watch() -> None:
    st.session_state[Key.WATCH] = True
