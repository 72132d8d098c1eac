"""What moves on the live page: the stage and, more gently, the curves."""

import streamlit as st
from plotly.graph_objects import Figure

from pages.parts.curves import thinned
from pages.parts.figures import accuracy_figure, loss_figure, weights_figure
from pages.parts.session import Key, Session
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
        _leave(session)
        was_playing = session.playing
        # At a set pace, what has just been trained is drawn. Where as much as fits is trained,
        # the browser draws the newest step while the next ones are trained, on another core.
        if session.pace.steps is not None:
            session.tick()
        stage(session.frame(session.shown), on_event=heard)
        if session.pace.steps is None:
            session.tick()
        if was_playing and not session.playing:
            st.rerun()  # the run ended: the buttons and the page say so

    tick()


def live_curves(session: Session) -> None:
    """Draw loss, accuracy and weights over the steps, refreshed gently."""

    @st.fragment(run_every=CURVES_EVERY if session.playing else None)
    def draw() -> None:
        _leave(session)
        run = session.run
        history, changes = run.history, run.recipe.learning_rate
        curves = thinned(history, CURVE_POINTS)
        judged = history.held_out_step
        left, right = st.columns(2)
        accuracy = history.held_out_accuracy
        with left:
            _clickable(session, "loss", loss_figure(curves, judged, history.held_out_loss, changes))
        with right:
            figure = accuracy_figure(curves, run.recipe.batch, judged, accuracy, changes)
            _clickable(session, "accuracy", figure)
        shown = 0
        if run.recipe.filters > 1:
            shown = st.segmented_control(
                "Weights of filter",
                range(run.recipe.filters),
                default=0,
                required=True,
                format_func=lambda f: str(f + 1),
                key=Key.WEIGHTS_OF,
            )
        _clickable(session, "weights", weights_figure(curves, shown, changes))

    draw()


def _clickable(session: Session, key: str, figure: Figure) -> None:
    """Draw curves over the steps; a click on a point leads to its step on the step page."""

    def clicked() -> None:
        points = st.session_state[key].selection.points
        if points:
            session.seek(int(points[0]["x"]))

    st.plotly_chart(figure, key=key, on_select=clicked, selection_mode="points")


def _leave(session: Session) -> None:
    """Go to the step page, if a step has just been sought."""
    if session.seeking:
        session.seeking = False
        st.switch_page("pages/step.py")
