"""The page that judges: what the network gets right and wrong, on digits it never trained on."""

import streamlit as st

from pages.parts.confusion import cell, classes, worst
from pages.parts.judging import follow_newest, held_out_curves, judged, rejudged
from pages.parts.over_steps import leave
from pages.parts.page import page
from pages.parts.playing import playing, refresh
from pages.parts.session import session

page("Evaluate")
held = session()
playing(held)


@st.fragment(run_every=refresh(held))
def curves() -> None:
    """How it went so far."""
    leave(held)
    held_out_curves(held)


curves()
follows = follow_newest(held)
end = held.run.step


@st.fragment(run_every=rejudged(held) if follows else None)
def judgement() -> None:
    """Every held-out digit, after the newest step or one of the past."""
    leave(held)
    outcome = judged(held, end)
    classes(held, outcome)
    cell(held, outcome)
    worst(held, outcome)


judgement()
