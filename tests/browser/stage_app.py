"""The stage alone on a page, with everything that a test wants to change about it.

In the address: ``filters``, ``batch``, ``steps`` (how far the network is trained at first) and
``seconds`` (of slow motion).
"""

import functools

import numpy as np
import streamlit as st

from cnn import Recipe, Run, Step
from data import load_bundled
from pages.parts.frame import Scene, pack
from pages.parts.stage import Event, Pinned, stage

RATE = 0.02


@functools.cache
def run_of(filters: int, batch: int) -> Run:
    """One run for all sessions of a server, which only ever goes on."""
    digits = load_bundled()
    recipe = Recipe(seed=0, filters=filters, batch=batch, learning_rate=RATE)
    return Run(recipe, digits.images, digits.labels)


def step_at(number: int, filters: int = 1, batch: int = 1) -> Step:
    """The same step in the server and in a test."""
    run = run_of(filters, batch)
    run.advance(max(0, number - run.step))
    return run.at(number)


def scene(
    number: int, filters: int, batch: int, playing: bool, slow: float | None, watching: int | None
) -> Scene:
    """Real curves of up to 50 points, and a mark in their middle as if the rate had changed."""
    history = run_of(filters, batch).history
    shown = np.unique(np.linspace(1, number, min(number, 50)).astype(int))
    return Scene(
        run_id="test",
        playing=playing,
        slow=slow,
        watching=watching,
        position=number * batch,
        epoch_size=4000,
        rate_changes=((1, 0.01), (number // 2 + 1, RATE)),
        curve_steps=shown,
        curve_loss=history.loss[shown - 1],
        curve_filters=history.filters[shown - 1].reshape(len(shown), filters, 9),
    )


def heard(event: Event) -> None:
    """Remember what was done on the stage."""
    if isinstance(event, Pinned):
        spot = event.spot
        st.session_state.pins.append((spot.panel, spot.filter, spot.index))
    else:
        st.session_state.events.append(str(event))


def main() -> None:
    """The page."""
    st.set_page_config(layout="wide")
    st.html("<style>.stMainBlockContainer { padding: 3.5rem 1rem 1rem }</style>")
    filters = int(st.query_params.get("filters", 1))
    batch = int(st.query_params.get("batch", 1))
    seconds = float(st.query_params.get("seconds", 4))
    state = st.session_state
    state.setdefault("number", int(st.query_params.get("steps", 1)))
    state.setdefault("pins", [])
    state.setdefault("events", [])

    columns = st.columns(7)
    if columns[0].button("step", shortcut="ArrowRight"):
        state.number += 1
    playing = columns[1].toggle("play")
    slow = columns[2].toggle("slow")
    watching = columns[3].toggle("watch")
    broken = columns[4].toggle("break")
    shown = not columns[5].toggle("hide")

    @st.fragment(run_every=0.1 if playing else None)
    def live() -> None:
        if playing:
            state.number += 1
        step = step_at(state.number, filters, batch)
        setting = scene(
            state.number,
            filters,
            batch,
            playing=playing,
            slow=seconds if slow else None,
            watching=12 if watching else None,
        )
        frame = pack(step, setting)
        stage(frame[: len(frame) // 2] if broken else frame, on_event=heard)
        st.text(f"pins: {state.pins}")
        st.text(f"other events: {state.events}")

    if shown:
        live()
    st.text(f"server step: {state.number}")


if __name__ == "__main__":
    main()
