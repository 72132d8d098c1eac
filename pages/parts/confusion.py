"""Which classes are taken for which, the digits behind each cell, and the worst mistakes."""

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from pages.parts.clicks import Point, clickable_figure, whole
from pages.parts.gallery import STYLE, gallery
from pages.parts.judgement_figures import classes_figure, confusion_figure
from pages.parts.judging import Judged
from pages.parts.keys import Key
from pages.parts.refusal import plain
from pages.parts.session import Session
from pages.parts.wording import counted

SHOWN = 12
"""Digits of a gallery."""


def classes(session: Session, judged: Judged) -> None:
    """Draw the confusion matrix, where a cell can be chosen, and each class's accuracy."""
    outcome, names = judged.outcome, session.digits.classes
    confusion = outcome.confusion
    if not session.kept.cell_chosen:
        _take_the_most_frequent_mistake(confusion)

    def clicked(point: Point) -> None:
        label, said = whole(point.get("y")), whole(point.get("x"))
        if label in range(len(names)) and said in range(len(names)):
            st.session_state[Key.TRUE_CLASS], st.session_state[Key.SAID_CLASS] = label, said
            session.kept.cell_chosen = True

    left, right = st.columns([3, 2])
    with left:
        st.markdown("**Which class is taken for which.** Click a cell to see its digits.")
        clickable_figure(
            confusion_figure(confusion, names, _cell()),
            Key.CONFUSION,
            clicked,
            alt="The confusion matrix. Below, two boxes choose a cell and show its digits.",
            config={"displayModeBar": False},
        )
        st.caption(
            "Blue is right and orange is wrong: the stronger, the larger the share of the row’s "
            "digits, from 0 to 100 % and the same at every step. So that a few are seen too, 1 % "
            "has a tenth of the strength, 25 % half of it."
        )
    with right:
        st.markdown("**How many of each class are right.**")
        st.plotly_chart(
            classes_figure(confusion, outcome.accuracy_by_class, names),
            key="classes",
            config={"displayModeBar": False},
            alt="The share of each class that is classified rightly.",
        )


def _take_the_most_frequent_mistake(confusion: NDArray[np.integer]) -> None:
    mistakes = confusion - np.diag(confusion.diagonal())
    row, column = np.unravel_index(mistakes.argmax(), mistakes.shape)
    st.session_state[Key.TRUE_CLASS] = int(row)
    st.session_state[Key.SAID_CLASS] = int(column)


def _cell() -> tuple[int, int]:
    return st.session_state[Key.TRUE_CLASS], st.session_state[Key.SAID_CLASS]


def cell(session: Session, judged: Judged) -> None:
    """Show the digits of one cell of the confusion matrix, the highest loss first.

    It is that of the most frequent mistake until somebody chooses one, or turns its pages.
    """

    def choose() -> None:
        session.kept.cell_chosen = True

    names = session.digits.classes
    st.html(STYLE)
    st.subheader("The digits of a cell")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        for words, key in (("True class", Key.TRUE_CLASS), ("Taken for", Key.SAID_CLASS)):
            st.selectbox(
                words,
                range(len(names)),
                format_func=names.__getitem__,
                key=key,
                on_change=choose,
                width=160,
                persist_state="session",
            )
        label, said = _cell()
        positions = judged.outcome.among(label, said)
        pages = max(1, -(-len(positions) // SHOWN))
        page = min(st.session_state.get(Key.CELL_PAGE, 1), pages)
        if pages > 1:
            st.session_state[Key.CELL_PAGE] = page
            st.number_input(
                f"Page, 1 to {pages}", 1, pages, key=Key.CELL_PAGE, on_change=choose, width=130
            )
    what = f"of class {plain(names[label])}, taken for {plain(names[said])}"
    if not len(positions):
        st.caption(f"After step {judged.step:,} there are no digits {what}.")
        return
    st.caption(
        f"{counted(len(positions), 'digit')} {what}; the highest loss first. "
        "Open leads to the step page, with all the arithmetic behind the answer."
    )
    gallery(session, judged, positions[(page - 1) * SHOWN : page * SHOWN], "cell")


def worst(session: Session, judged: Judged) -> None:
    """Show the mistakes with the highest loss."""
    mistakes = judged.outcome.mistakes
    st.subheader("The worst mistakes")
    if not len(mistakes):
        st.caption(f"After step {judged.step:,} every held-out digit is classified rightly.")
        return
    count = counted(len(mistakes), "mistake")
    which = f"{SHOWN} of {count}" if len(mistakes) > SHOWN else count
    st.caption(f"{which}, the highest loss first. A bar is a probability, blue for the true class.")
    gallery(session, judged, mistakes[:SHOWN], "worst")
