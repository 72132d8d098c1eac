"""Judging all held-out digits: after which step, and with what outcome."""

from dataclasses import dataclass

import streamlit as st

from cnn.evaluation import Judgement, judge
from cnn.run import HELD_OUT_IMAGES
from pages.parts.curves import thinned
from pages.parts.keys import Key
from pages.parts.over_steps import loss_and_accuracy, step_box
from pages.parts.playing import refresh
from pages.parts.session import Session

POINTS = 600
"""Points of the curves."""

PASSES_A_SECOND = 5_000
"""Digits, times filters, that are judged a second while the run plays: a tenth of what can be."""

MOST_KEPT = 8
"""Judgements that are kept: of 10,000 digits each takes half a megabyte."""


@dataclass(frozen=True, eq=False)
class Judged:
    """The held-out digits as the network saw them after a step.

    Attributes:
        step: its number.
        outcome: what each of them was taken for.
        first: the position of the first of them in `Held.digit`.
    """

    step: int
    outcome: Judgement
    first: int


def held_out_curves(session: Session) -> None:
    """Draw loss and accuracy over the steps; a click on them goes to a step."""
    st.subheader("Loss and accuracy over the steps")
    loss_and_accuracy(session, thinned(session.run.history, POINTS))
    count = len(session.digits.held_out_images)
    curve = HELD_OUT_IMAGES
    with st.container(horizontal=True, vertical_alignment="bottom"):
        step_box(session)
        if count > curve:
            st.caption(
                f"The curves' held-out points are taken from the first {curve:,} of the "
                f"{count:,} held-out digits. Below, all of them are judged."
            )


def follow_newest(session: Session) -> bool:
    """Offer to judge the newest step, whichever that is, or one of the past."""

    def choose() -> None:
        newest = st.session_state.get(Key.FOLLOW_NEWEST, True)
        session.kept.judged_step = None if newest else session.run.step

    st.subheader("All held-out digits")
    st.session_state[Key.FOLLOW_NEWEST] = session.kept.judged_step is None
    return st.toggle("Follow the newest step", key=Key.FOLLOW_NEWEST, on_change=choose)


def rejudged(session: Session) -> float | None:
    """Return how often the newest step is judged while it plays: rarely where that takes long."""
    often = refresh(session)
    passes = len(session.digits.held_out_images) * session.run.recipe.filters
    return None if often is None else max(often, passes / PASSES_A_SECOND)


def judged(session: Session, end: int) -> Judged:
    """Draw the scrubber, unless the newest step is followed, and judge after its step.

    Args:
        session: its run is judged.
        end: the last step of the scrubber. While the run plays it stays as it is, since a scale
            that grows would move under the finger that drags on it.
    """
    step = session.run.step
    if session.kept.judged_step is not None:
        step = min(session.kept.judged_step, end)
        _scrubber(session, step, end)
    outcome = judgement(session, step)
    right, count = outcome.correct, len(outcome.labels)
    st.markdown(
        f"After step **{step:,}** the network takes **{right:,} of {count:,}** held-out digits "
        f"for what they are, **{right / count:.2%}**; their mean loss is **{outcome.loss:.4f}** "
        "nats."
    )
    return Judged(step, outcome, len(session.digits.images))


def _scrubber(session: Session, step: int, end: int) -> None:
    def choose(key: Key) -> None:
        if step := st.session_state.get(key):
            session.kept.judged_step = step

    st.session_state[Key.JUDGED_STEP] = st.session_state[Key.JUDGED_SCRUBBER] = step
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.number_input(
            f"After step, 1 to {end:,}",
            1,
            end,
            key=Key.JUDGED_STEP,
            on_change=choose,
            args=(Key.JUDGED_STEP,),
            width=170,
        )
        st.slider(
            "After step",
            1,
            max(end, 2),
            key=Key.JUDGED_SCRUBBER,
            on_change=choose,
            args=(Key.JUDGED_SCRUBBER,),
            disabled=end == 1,
            label_visibility="collapsed",
        )
    if session.playing:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(
                f"The run plays on beyond step {end:,}, where this scale ends: so it does not "
                "move while you drag.",
                width="content",
            )
            if st.button("Up to the newest step"):
                st.rerun()


def judgement(session: Session, step: int) -> Judgement:
    """Return what the network takes every held-out digit for after a step, judged but once."""
    run, digits, kept = session.run, session.digits, session.kept.judgements
    key = session.held.number, step
    if key not in kept:
        parameters = run.parameters if step == run.step else run.at(step).after
        kept[key] = judge(parameters, digits.held_out_images, digits.held_out_labels)
        while len(kept) > MOST_KEPT:
            del kept[next(iter(kept))]
    return kept[key]
