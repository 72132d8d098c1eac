"""What went wrong with a run, in one sentence, and the way on."""

import streamlit as st

from pages.parts.rates import written
from pages.parts.session import Session


def trouble(session: Session) -> None:
    """Say why the run stopped or learns no more, if it does, and offer to go back."""
    # In a place of its own, also when there is nothing to say: if the stage moved up or down among
    # the page's elements, Streamlit would build a new one, which knows nothing of what is pinned.
    # One row where there is room, so that the stage moves down as little as can be.
    with st.container(horizontal=True, vertical_alignment="center", key="trouble"):
        what_went_wrong(session)


def what_went_wrong(session: Session) -> None:
    """Say it, if anything did."""
    run = session.run
    if run.diverged:
        st.error(str(run.diverged))
        st.button(
            f"Go on from step {run.diverged.cause - 1:,} with a tenth of the rate",
            on_click=session.rescue,
        )
    elif run.stopped:
        st.info(f"{run.stopped} Reset starts it again.")
    elif session.held.dead:
        st.warning(
            "The network has died: for every digit all maps or all hidden units are 0, so no error "
            "flows back through them and only biases still move. The learning rate "
            f"{written(run.recipe.rate_at(run.step))} was too high."
        )
        st.button("Go back to where it did best, with a tenth of the rate", on_click=session.revive)
