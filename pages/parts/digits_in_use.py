"""The digits of the run in hand: where they come from, and how many there are of each class."""

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from data import DataError, Digits, class_names, is_own
from pages.parts.figures import HELD_OUT, TRAINING
from pages.parts.keys import Key
from pages.parts.refusal import refused
from pages.parts.session import Session

SOURCES = {
    "bundled": "5,000 digits of MNIST: of its training digits the first 500 of each class",
    "mnist": "All 70,000 digits of MNIST, held out are its own 10,000 test digits",
}


def digits_in_use(session: Session) -> None:
    """Say what the run in hand trains on and what is held out, class by class."""
    st.subheader("The digits in use")
    above = st.container()
    if is_own(session.digits.name):
        _rename(session)  # first, although it stands below: the chart has the new names
    digits = session.digits
    training, held_out = len(digits.labels), len(digits.held_out_labels)
    above.markdown(
        f"**{source_of(digits)}.** {training:,} to train on; {held_out:,} held out, which no step "
        "ever sees. Every digit is 28×28 pixels from 0, paper, to 255, ink."
    )
    above.plotly_chart(
        balance_figure(digits),
        key="balance",
        config={"displayModeBar": False},
        alt=_in_words(digits),
    )


def source_of(digits: Digits) -> str:
    """Say in words where digits come from."""
    return SOURCES.get(digits.name) or f"Digits of your own, {digits.name}"


def counts_of(digits: Digits) -> tuple[list[int], list[int]]:
    """Count the training and the held-out digits of each class."""
    classes = len(digits.classes)
    training, held_out = (
        np.bincount(labels, minlength=classes).tolist()
        for labels in (digits.labels, digits.held_out_labels)
    )
    return training, held_out


def balance_figure(digits: Digits) -> go.Figure:
    """Draw how many digits there are of each class, on top of one another."""
    figure = go.Figure()
    training, held_out = counts_of(digits)
    for name, counts, colour in (
        ("to train on", training, TRAINING),
        ("held out", held_out, HELD_OUT),
    ):
        figure.add_bar(x=list(digits.classes), y=counts, name=name, marker={"color": colour})
    figure.update_layout(
        barmode="stack",
        bargap=0.25,
        height=230,
        margin={"l": 8, "r": 8, "t": 28, "b": 8},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0},
        hovermode="x unified",
    )
    figure.update_xaxes(type="category", title="class")
    figure.update_yaxes(title="digits", tickformat=",d")
    return figure


def names_field(digits: Digits, key: Key) -> tuple[str, ...] | None:
    """Ask for the names of the ten classes; return them, or None where they cannot be."""
    classes = digits.classes
    text = st.text_input(
        "Names of the ten classes, from class 0 on, with commas between them",
        ", ".join(classes),
        key=f"{key}_{digits.name}",
        help="For digits, leave them. Fashion-MNIST, for one, has T-shirt, Trouser, Pullover, "
        "Dress, Coat, Sandal, Shirt, Sneaker, Bag, Boot.",
    )
    try:
        return class_names(text, len(classes))
    except DataError as error:
        refused(error)
        return None


def _rename(session: Session) -> None:
    with st.expander("What the classes are called"):
        names = names_field(session.digits, Key.CLASS_NAMES)
    if names and names != session.digits.classes:
        session.name_classes(names)


def _in_words(digits: Digits) -> str:
    each = zip(digits.classes, *counts_of(digits), strict=True)
    return "Digits to train on and held out: " + ", ".join(
        f"{name} {training:,} and {held_out:,}" for name, training, held_out in each
    )
