"""Playing on, on the pages that have no stage."""

import streamlit as st

from pages.parts.over_steps import leave
from pages.parts.rates import written
from pages.parts.session import Session
from pages.parts.trouble import what_went_wrong
from pages.parts.turns import TURNS

NOTHING = "\N{NO-BREAK SPACE}"
"""A line of text with nothing in it."""

REFRESHED = 2.0
"""Seconds between two drawings of what follows the newest step, on a page that plays on."""


def playing(session: Session) -> None:
    """Say how far the run in hand is, offer to play or pause it, and play on if it plays."""

    @st.fragment(run_every=session.pace.interval if session.playing else None)
    def tick() -> None:
        leave(session)
        was_playing = session.playing
        session.tick()
        run = session.run
        history = run.history
        right = ""
        if len(history.held_out_step):  # judged only now and then, so it says after which step
            share, judged = history.held_out_accuracy[-1], history.held_out_step[-1]
            right = f" · {share:.1%} of the held-out digits recognised after step {judged:,}"
        st.markdown(
            f"**Run {session.held.number}**, step {run.step:,} · epoch {run.epoch} · "
            f"η {written(run.learning_rate)}{right}"
        )
        shared_machine(session)
        if was_playing and not session.playing:
            st.rerun()  # the run ended: the button says so

    with st.container(horizontal=True, vertical_alignment="center", key="playing"):
        st.button(
            "Pause" if session.playing else "Play",
            key="play",
            width=110,
            on_click=session.pause if session.playing else session.play,
            disabled=session.run.stopped is not None,
            shortcut="Space",
        )
        tick()
    what_went_wrong(session)


def shared_machine(session: Session) -> None:
    """Say that others train here too, or that this run has to wait for them.

    In a line that is always there, so that nothing below it moves.
    """
    players = TURNS.players
    if session.playing and session.waits:
        st.caption(
            f"As many visitors train on this machine as may at once, {players}: "
            "this run goes on by itself when one of them pauses."
        )
    elif players > 1:
        st.caption(f"{players} visitors train on this machine now and share its time.")
    else:
        st.caption(NOTHING)


def refresh(session: Session) -> float | None:
    """Return how often a fragment that follows the newest step is drawn, or None: only once."""
    return REFRESHED if session.playing else None
