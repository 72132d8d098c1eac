"""Curves over the steps, on whichever page: a click on one leads to its step."""

import streamlit as st
from plotly.graph_objects import Figure

from pages.parts.clicks import Point, clickable_figure, whole
from pages.parts.curves import Curves
from pages.parts.figures import accuracy_figure, loss_figure
from pages.parts.keys import Key
from pages.parts.session import Session


def loss_and_accuracy(session: Session, curves: Curves) -> None:
    """Draw loss and accuracy, in training and held out, side by side."""
    run = session.run
    history, changes = run.history, run.recipe.learning_rate
    judged = history.held_out_step
    left, right = st.columns(2)
    with left:
        clickable(session, "loss", loss_figure(curves, judged, history.held_out_loss, changes))
    with right:
        accuracy = history.held_out_accuracy
        figure = accuracy_figure(curves, run.recipe.batch, judged, accuracy, changes)
        clickable(session, "accuracy", figure)


def clickable(session: Session, key: str, figure: Figure, alt: str | None = None) -> None:
    """Draw curves over the steps; a click on a point leads to its step on the step page.

    Args:
        session: its step is sought; `leave` then goes to it.
        key: one for each figure on a page.
        figure: the curves.
        alt: what they show, in words.
    """

    def clicked(point: Point) -> None:
        if (number := whole(point.get("x"))) is not None:
            session.seek(number)

    clickable_figure(figure, key, clicked, alt)


def step_box(session: Session) -> None:
    """Offer to open a step by its number: what a click on a curve does, by keyboard."""

    def chosen() -> None:
        if number := st.session_state.get(Key.OPENED_STEP):
            session.seek(number)

    newest = session.run.step
    st.number_input(
        f"Open step, 1 to {newest:,}",
        1,
        newest,
        None,
        key=Key.OPENED_STEP,
        on_change=chosen,
        placeholder="or click on a curve",
        width=220,
    )


def leave(session: Session) -> None:
    """Go to another page, if a click has just asked for that: `pages.parts.page` switches.

    At the head of every part of a page that is drawn alone: Streamlit may hear of a click in
    another part than the one that was clicked, in which nothing else would come of it.
    """
    if session.seeking or session.live_asked:
        st.rerun()
