"""Going on: from the newest step, from this one with another rate, or with another run."""

import streamlit as st

from pages.parts.held import Held
from pages.parts.keys import Key
from pages.parts.rates import RATES, nearest, written
from pages.parts.refusal import plain
from pages.parts.session import Session


def branches(session: Session) -> None:
    """Offer to play on, to fork the run at the step that is looked at, and the other runs."""
    _play_on(session)
    _fork(session)
    _runs(session)


def ancestry(session: Session) -> None:
    """Say where the run in hand was forked off, if it was."""
    origin = session.held.origin
    if origin is None:
        return
    rate = written(session.run.recipe.rate_at(origin.step + 1))
    kept = f" Run {origin.parent} is kept." if origin.parent in session.others else ""
    st.caption(
        f"This is **run {session.held.number}**. It shares its first {origin.step:,} steps with "
        f"run {origin.parent} and goes on from there with the learning rate {rate}.{kept}"
    )


def _play_on(session: Session) -> None:
    run = session.run
    pressed = st.button(
        f"Play on from step {run.step:,}",
        type="primary",
        disabled=run.stopped is not None,
        help=run.stopped
        or "The newest step, on the live page. Looking at the past has not changed it.",
    )
    if pressed:
        session.play()
        st.switch_page("app.py")


def _fork(session: Session) -> None:
    number = session.looked_at
    # Named after the run: with another one in hand it is another popover, which is closed.
    with st.popover("Continue from here with another rate", key=f"fork_{session.held.number}"):
        st.markdown(
            f"A new run shares this one's first **{number:,}** steps and goes on from there. "
            f"Run {session.held.number} stays as it is, and you can return to it."
        )
        now = nearest(session.run.recipe.rate_at(number))
        rate = st.select_slider(
            "Learning rate η", RATES, value=now, format_func=written, key=Key.FORK_RATE
        )
        pressed = st.button(
            f"Continue from step {number:,} with η {written(rate)}", type="primary", key="continue"
        )
    if pressed:
        session.fork(number, rate)
        st.rerun()


def _runs(session: Session) -> None:
    if not session.others:
        return
    with st.popover(f"Runs: {len(session.others) + 1}", key=f"runs_{session.held.number}"):
        st.caption(f"In hand: {_described(session.held)}")
        for held in reversed(session.others.values()):
            if st.button(_described(held), key=f"run_{held.number}", help="Take it in hand again."):
                session.take(held)
                st.rerun()


def _described(held: Held) -> str:
    changes = held.run.recipe.learning_rate
    rates = ", ".join(
        f"η {written(rate)}" + (f" from step {start:,}" if start > 1 else "")
        for start, rate in changes
    )
    data = plain(held.run.recipe.data)
    return f"{plain(held.title)}, on the digits “{data}”, at step {held.run.step:,}, {rates}"
