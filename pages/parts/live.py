"""What moves on the live page: the stage and, more gently, the curves."""

import streamlit as st

from pages.parts.choosing import choose_filter
from pages.parts.curves import from_start, thinned
from pages.parts.figures import weights_figure
from pages.parts.keys import Key
from pages.parts.over_steps import clickable, leave, loss_and_accuracy
from pages.parts.playing import shared_machine
from pages.parts.scenes import live_frame
from pages.parts.session import Session
from pages.parts.stage import Event, Sought, stage

CURVE_POINTS = 400
"""Points of a curve below the stage."""

CURVES_EVERY = 5.0
"""Seconds between two drawings of the curves while the run plays: Plotly takes as long as several
frames of the stage."""


def live_stage(session: Session) -> None:
    """Train and draw, again and again while the run plays."""

    def heard(event: Event) -> None:
        if isinstance(event, Sought):
            session.seek(event.step)

    @st.fragment(run_every=session.pace.interval if session.playing else None)
    def tick() -> None:
        leave(session)
        was_playing = session.playing
        # At a set pace, what has just been trained is drawn. Where as much as fits is trained,
        # the browser draws the newest step while the next ones are trained, on another core.
        if session.pace.steps is not None:
            session.tick()
        stage(live_frame(session, session.shown), on_event=heard)
        if session.pace.steps is None:
            session.tick()
        shared_machine(session)
        if was_playing and (session.slider_lags or not session.playing):
            st.rerun()  # the slider follows the recipe; or the run ended, and the page says so

    tick()


def live_curves(session: Session) -> None:
    """Draw loss, accuracy and weights over the steps, refreshed gently."""

    @st.fragment(run_every=CURVES_EVERY if session.playing else None)
    def draw() -> None:
        leave(session)
        run = session.run
        curves = thinned(run.history, CURVE_POINTS)
        loss_and_accuracy(session, curves)
        shown = choose_filter(run.recipe.filters, Key.WEIGHTS_OF, "Weights of filter")
        weights = from_start(curves, run.recipe.initial_parameters())
        clickable(session, "weights", weights_figure(weights, shown, run.recipe.learning_rate))

    draw()
