"""The stage of the step page: a step of the past, and the cell of it that is pinned."""

import streamlit as st

from cnn import Step
from cnn.arithmetic import explain
from cnn.network import BiasRule
from pages.parts.frame import Spot
from pages.parts.keys import Key
from pages.parts.quiz import open_question
from pages.parts.scenes import still_frame
from pages.parts.session import Session
from pages.parts.spots import PANELS, place_of
from pages.parts.stage import Asked, Event, Pinned, Released, Sought, stage


def step_stage(session: Session, step: Step) -> None:
    """Draw a step, and pin what is clicked."""

    def heard(event: Event) -> None:
        match event:
            case Pinned(spot) if _has(step, spot, session.run.recipe.bias_rule):
                session.look.pin(place_of(spot), spot)
            case Released():
                session.look.let_go()
            case Sought(number):
                session.look_at(number)
            case Asked(panel) if panel in PANELS:
                session.look.asked = panel

    with st.container(key="looking"):
        _examined(session)
        image_of_batch(session, step)
        asked = open_question(session, step)
        frame = still_frame(session, step, asked.covers if asked else ())
        stage(frame, key="step_stage", on_event=heard)


def _has(step: Step, spot: Spot, rule: BiasRule) -> bool:
    """Whether a step has that cell: the browser may tell of one that only another run has."""
    if spot.panel not in PANELS:
        return False
    place = place_of(spot)
    try:
        explain(step, place.quantity, place.index, filter=place.filter or 0, bias_rule=rule)
    except ValueError:
        return False
    return True


def _examined(session: Session) -> None:
    """While the stage shows a digit in the place of the step's own, which it says: end that."""
    if session.look.examined is not None:
        st.button("Back to the step’s own image", on_click=session.look.examine, args=(None,))


def image_of_batch(session: Session, step: Step) -> None:
    """Choose which image of a batch is looked at; gradients are the mean over all of them."""
    count = len(step.labels)
    if count == 1:
        return
    st.session_state[Key.IMAGE_OF_BATCH] = session.look.image_in(step) + 1

    def choose() -> None:
        if number := st.session_state.get(Key.IMAGE_OF_BATCH):
            session.look.image = number - 1

    with st.container(horizontal=True, vertical_alignment="center"):
        st.number_input(
            f"Image of the batch, 1 to {count}",
            1,
            count,
            key=Key.IMAGE_OF_BATCH,
            on_change=choose,
            width=170,
        )
        st.caption(
            f"Maps and errors are this image's own. Every gradient is the mean over the {count} "
            "images of the step; every parameter moves by that."
        )
