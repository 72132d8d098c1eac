"""The panels of the filter page: its curves, its numbers, how far it went, and its filmstrip."""

from dataclasses import dataclass

import numpy as np
import streamlit as st

from pages.parts.choosing import choose_digit, choose_filter
from pages.parts.curves import from_start, thinned
from pages.parts.figures import distances_figure, weights_figure
from pages.parts.filmstrip import STYLE, strip_html
from pages.parts.filter_life import STRETCH, Spacing, Strip, moments, strip_of, travelled
from pages.parts.kernel_tables import STYLE as TABLES
from pages.parts.kernel_tables import kernel_tables
from pages.parts.keys import Key
from pages.parts.numbers import readable
from pages.parts.over_steps import clickable, step_box
from pages.parts.session import Session
from pages.parts.wording import significant

POINTS = 800
"""Points of the curves of the weights."""

SPANS = {
    "all": "all",
    "first": "first 1,000",
    "last": "last 1,000",
    "newest": "last 100",
}
SPACINGS: dict[Spacing, str] = {
    "log": "closer together at the start",
    "even": "evenly spaced",
}


def chosen_filter(session: Session) -> int:
    """Offer the filters, where there are several, and return the chosen one, counted from 0."""
    st.html(STYLE)
    return choose_filter(session.run.recipe.filters, Key.FILTER_SHOWN)


def weights(session: Session, filter: int) -> None:
    """Draw the nine weights and the bias over the steps; a click on them goes to a step."""
    run = session.run
    st.subheader("Nine weights and a bias over the steps")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        span = st.segmented_control(
            "Steps",
            list(SPANS),
            default="all",
            required=True,
            format_func=SPANS.__getitem__,
            key=Key.SPAN,
            persist_state="session",
        )
        step_box(session)
    first, last = _span(str(span), run.step)
    curves = thinned(run.history, POINTS, first, last)
    if first == 1:  # the first step may be the largest
        curves = from_start(curves, run.recipe.initial_parameters())
    start, *changes = run.recipe.learning_rate
    shown = [start, *(change for change in changes if first <= change[0] <= last)]
    figure = weights_figure(curves, filter, shown)
    # A zoom outlives a refresh, but not another choice of steps.
    figure.update_layout(height=400, uirevision=f"{span} {session.held.number}")
    alt = "The filter's nine weights and its bias over the steps; the tables have the numbers."
    clickable(session, "filter_weights", figure, alt)


def _span(name: str, newest: int) -> tuple[int, int]:
    """Return the first and the last step that a choice shows."""
    if name == "first":
        return 1, min(1_000, newest)
    return {"all": 1, "last": max(1, newest - 999), "newest": max(1, newest - 99)}[name], newest


def then_and_now(session: Session, filter: int) -> None:
    """Write a filter's numbers before the first step, after the newest, and their difference."""
    run = session.run
    st.subheader("Where it began, and where it is")
    first, now = run.at(1).before.kernels[filter], run.parameters.kernels[filter]
    titles = "before step 1, drawn at random", f"after step {run.step:,}"
    st.html(TABLES)
    st.html(kernel_tables(first, now, titles))


def distances(session: Session, filter: int) -> None:
    """Draw how far a filter went over each hundred steps."""
    run = session.run
    st.subheader("How far it went, per hundred steps")
    if run.step < STRETCH:
        st.caption(f"The first point comes with step {STRETCH}.")
        return
    went = travelled(run, filter)
    each = (
        f" Each point is the mean of {went.stretches} stretches of a hundred steps."
        if went.stretches > 1
        else ""
    )
    st.caption(
        "The Euclidean length of the change of nine weights and bias over each hundred steps, "
        f"√(Σ Δk² + Δb²).{each} Together **{significant(went.total)}** so far; in a straight line "
        f"the filter is **{significant(went.straight)}** from where it began."
    )
    figure = distances_figure(went, run.recipe.learning_rate)
    clickable(session, "filter_distances", figure, "The distance per hundred steps over the steps.")


@dataclass(frozen=True)
class FilmChoice:
    """What the filmstrip shows.

    Attributes:
        spacing: how its moments are spread over the steps.
        count: how many there are, at most.
        position: the digit below the filter, as in `Held.digit`.
    """

    spacing: Spacing
    count: int
    position: int


def film_choice(session: Session) -> FilmChoice:
    """Offer how the moments of the filmstrip are spread, how many, and which digit."""
    st.subheader("Its life as a filmstrip, with what it makes of one digit")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        spacing: Spacing = st.segmented_control(
            "Moments",
            list(SPACINGS),
            default="log",
            required=True,
            format_func=SPACINGS.__getitem__,
            key=Key.SPACING,
            persist_state="session",
        )
        count = st.number_input(
            "How many", 2, 40, 12, key=Key.MOMENTS, persist_state="session", width=130
        )
        position = choose_digit(session, Key.FILM_DIGIT, Key.FILM_NEXT_OF_CLASS)
    return FilmChoice(spacing, count, position)


def filmstrip(session: Session, filter: int, choice: FilmChoice) -> Strip:
    """Draw a filter at some moments and, under each, the feature map of the chosen digit."""
    strip = strip_at(session, filter, choice, choice.count)
    st.html(strip_html(strip))
    st.caption(
        "Above the filter, below its feature map ReLU(z). Blue is positive, orange negative, and "
        f"all pictures share one scale: weights to ±{readable(strip.largest_weight)}, maps to "
        f"{readable(strip.largest_value)}. Point at a picture for its numbers."
    )
    return strip


def strip_at(session: Session, filter: int, choice: FilmChoice, count: int) -> Strip:
    """Return a filter at so many moments, with what it makes of the chosen digit."""
    image, label = session.held.digit(choice.position)
    steps = moments(session.run.step, count, choice.spacing)
    return strip_of(session.run, filter, np.asarray(steps), image, session.digits.classes[label])
