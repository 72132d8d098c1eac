"""What can be kept of a filter's life: its filmstrip, a film, and the history as a table."""

from functools import partial

import streamlit as st

from pages.parts.curves import from_start, thinned
from pages.parts.film import Film, filmed
from pages.parts.filter_life import Strip, stride, table
from pages.parts.filter_panels import FilmChoice, strip_at
from pages.parts.filter_pictures import filmstrip_file
from pages.parts.keys import Key
from pages.parts.session import Session
from pages.parts.task import Task, show

CURVE_POINTS = 400
"""Points of the curves below the film."""

FRAMES = 40
"""Of the film, unless another number is asked for."""


def strip_files(session: Session, strip: Strip) -> None:
    """Offer the filmstrip as it stands as a picture, and the history as a table.

    The files are made when they are asked for. That happens beside the training, so they are
    made from what is handed over here, and from the history, which only grows.
    """
    run, name = session.run, f"filter-{strip.filter + 1}-step-{strip.steps[-1]}"
    history = run.history
    apart = stride(history)
    with st.container(horizontal=True):
        st.download_button(
            "Filmstrip as PNG",
            lambda: filmstrip_file(strip, "png"),
            f"{name}.png",
            "image/png",
            on_click="ignore",
        )
        st.download_button(
            "Filmstrip as SVG",
            lambda: filmstrip_file(strip, "svg"),
            f"{name}.svg",
            "image/svg+xml",
            on_click="ignore",
        )
        st.download_button(
            "History as CSV" if apart == 1 else f"History as CSV, one step in {apart}",
            lambda: table(history),
            f"run-{session.held.number}-history.csv",
            "text/csv",
            on_click="ignore",
            help="Step, loss, images right, learning rate, and the ten numbers of every filter. "
            "A long run is thinned to about 100,000 rows for one filter, some 15 MB.",
        )


def animation(session: Session, filter: int, choice: FilmChoice) -> None:
    """Offer to make an animated GIF beside the page, to stop that, and to save it."""
    film = session.kept.film
    running = film is not None and film.running
    with st.container(horizontal=True, vertical_alignment="bottom"):
        frames = st.number_input(
            "Frames of the film",
            2,
            100,
            FRAMES,
            key=Key.FRAMES,
            persist_state="session",
            width=160,
        )
        pressed = st.button("Make an animated GIF", disabled=running)
    if pressed and not running:
        run, strip = session.run, strip_at(session, filter, choice, frames)
        rates = [run.recipe.rate_at(max(step, 1)) for step in strip.steps.tolist()]
        start = run.recipe.initial_parameters()
        curves = from_start(thinned(run.history, CURVE_POINTS), start)
        session.kept.film = Task(partial(filmed, strip, curves, rates))
        st.rerun()
    if film is None:
        return
    if running:
        show(film, lambda done, total: f"Drawn {done} of {total} frames")
    elif film.result:
        _offer(film.result)


def _offer(film: Film) -> None:
    strip, gif = film.strip, film.gif
    first, last = strip.steps[[0, -1]]
    st.image(gif, width=720, alt=f"{strip.title}, from step {first:,} to step {last:,}")
    st.download_button(
        f"Save the film, {len(gif) / 1e6:.1f} MB",
        gif,
        f"filter-{strip.filter + 1}-step-{last}.gif",
        "image/gif",
        on_click="ignore",
    )
