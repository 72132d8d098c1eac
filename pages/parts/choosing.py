"""Choosing one digit of the data, by its number or the next of a class; and one filter."""

from collections.abc import Callable

import numpy as np
import streamlit as st

from pages.parts.keys import Key
from pages.parts.session import Session


def choose_digit(
    session: Session, number: Key, next_of_class: Key, on_next: Callable[[], None] | None = None
) -> int:
    """Offer the digits of the data, and return the position of the chosen one.

    Args:
        session: its digits; the held-out digits follow the training digits.
        number: names the box with the digit's number.
        next_of_class: names the row of classes.
        on_next: called when a class has been pressed.
    """
    digits = session.digits
    labels = np.concatenate((digits.labels, digits.held_out_labels))
    training, last = len(digits.labels), len(labels) - 1

    def choose_next() -> None:
        """Choose the next digit of the class that was pressed, the first one after the last."""
        label = st.session_state.get(next_of_class)
        if label is None:
            return
        of_class = np.flatnonzero(labels == label)
        if len(of_class):
            after = np.searchsorted(of_class, st.session_state.get(number, 0), side="right")
            st.session_state[number] = int(of_class[after % len(of_class)])
        st.session_state[next_of_class] = None
        if on_next:
            on_next()

    # Other digits may be fewer.
    st.session_state[number] = min(st.session_state.get(number, 0), last)
    position = st.number_input(
        "Number of the digit",
        0,
        last,
        key=number,
        persist_state="session",
        width=180,
        help=f"0 to {training - 1:,} are trained on, {training:,} to {last:,} are held out.",
    )
    st.pills(
        "The next",
        range(len(digits.classes)),
        format_func=digits.classes.__getitem__,
        key=next_of_class,
        on_change=choose_next,
    )
    return position


def choose_filter(filters: int, key: Key, label: str = "Filter") -> int:
    """Offer the filters, where there are several, and return the chosen one, counted from 0.

    Args:
        filters: how many there are; on the page they are counted from 1.
        key: names the row of filters.
        label: above it.
    """
    if filters == 1:
        return 0
    if st.session_state.get(key, 0) not in range(filters):  # chosen in a run with more
        del st.session_state[key]
    chosen = st.segmented_control(
        label,
        range(filters),
        default=0,
        required=True,
        format_func=lambda filter: str(filter + 1),
        key=key,
        persist_state="session",
    )
    return int(chosen)
