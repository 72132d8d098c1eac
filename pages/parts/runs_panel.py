"""The runs of this visit: a table of them, and what can be done with one."""

from typing import NamedTuple

import streamlit as st

from pages.parts.curves import thinned
from pages.parts.held import Held
from pages.parts.keys import Key
from pages.parts.rates import written
from pages.parts.session import LONGEST_NAME, MOST_OTHERS, Session


class Row(NamedTuple):
    """A run as the table shows it."""

    run: str
    held_out: float | None
    step: int
    rate: str
    batch: int
    filters: int
    hidden: int
    seed: int
    digits: str
    loss: float
    training: float


_HEADS = (
    "Run",
    "Held out",
    "Step",
    "η",
    "Batch",
    "Filters",
    "Hidden",
    "Seed",
    "Digits",
    "Loss",
    "Training",
)
"""What a phone has no room for comes last."""


def rows(session: Session) -> list[Row]:
    """Return the runs of this visit, each with its newest numbers."""
    return [_row(held, held.number == session.held.number) for held in session.runs.values()]


def _row(held: Held, in_hand: bool) -> Row:
    run, recipe = held.run, held.run.recipe
    newest = thinned(run.history, 1, run.step)  # one point: the mean of the last hundred steps
    judged = run.history.held_out_accuracy
    # Its name last, for it may be too long for the column.
    said = (str(held.number), "in hand" if in_hand else "", held.name)
    return Row(
        " · ".join(part for part in said if part),
        float(judged[-1]) if len(judged) else None,
        run.step,
        " → ".join(written(rate) for _, rate in recipe.learning_rate),
        recipe.batch,
        recipe.filters,
        recipe.hidden,
        recipe.seed,
        recipe.data,
        float(newest.loss[-1]),
        float(newest.correct[-1] / recipe.batch),
    )


def table(session: Session) -> None:
    """Draw the table of the runs."""
    drawn = rows(session)
    columns = {head: [row[at] for row in drawn] for at, head in enumerate(_HEADS)}
    st.dataframe(
        columns,
        hide_index=True,
        column_config={
            "Run": st.column_config.TextColumn(width="medium"),  # a name has room
            "Step": st.column_config.NumberColumn(format="localized"),
            "Loss": st.column_config.NumberColumn(format="%.4f", help="Mean of the last 100 steps"),
            "Training": st.column_config.NumberColumn(
                format="percent", help="Share right in the last 100 steps, before each of them"
            ),
            "Held out": st.column_config.NumberColumn(
                format="percent", help="Share right at the newest point of the curve"
            ),
        },
    )
    st.caption(
        f"A visit keeps up to {MOST_OTHERS + 1} runs: when one more begins, the one that was in "
        "hand longest ago is let go. A saved run can be opened again."
    )


def handling(session: Session) -> None:
    """Offer to take a run in hand, to rename it, and to remove it."""
    runs = session.runs
    if st.session_state.get(Key.RUN_CHOSEN) not in runs:
        st.session_state[Key.RUN_CHOSEN] = session.held.number

    def rename() -> None:
        if (name := st.session_state.get(key)) is not None:
            session.rename(number, name)
            st.session_state[Key.RUN_CHOSEN] = number  # the box shows the new name only if told so

    with st.container(horizontal=True, vertical_alignment="bottom", key="handling"):
        number = st.selectbox(
            "One of them",
            list(runs),
            format_func=lambda number: runs[number].title if number in runs else "",
            key=Key.RUN_CHOSEN,
            width=220,
        )
        key = f"{Key.RUN_NAME}_{number}"
        st.session_state[key] = runs[number].name
        st.text_input(
            "Its name",
            key=key,
            max_chars=LONGEST_NAME,
            on_change=rename,
            placeholder="none",
            width=220,
        )
        in_hand = number == session.held.number
        take = st.button("Take in hand", disabled=in_hand)
        remove = st.button(
            "Remove", disabled=in_hand, help="Forgets this run. The one in hand stays."
        )
    if in_hand:
        return
    if take:
        session.take(runs[number])
        st.rerun()
    if remove:
        session.remove(number)
        st.rerun()
