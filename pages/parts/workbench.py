"""How the step page lies: the stage, and beside it what is written about one of its cells."""

from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

STYLE = Path(__file__).parents[2] / "static" / "step.css"


def bar() -> DeltaGenerator:
    """Return the place above everything, a row of controls."""
    return st.container(horizontal=True, vertical_alignment="bottom", key="bar")


def workbench() -> tuple[DeltaGenerator, DeltaGenerator]:
    """Return two places side by side, on narrow screens one below the other."""
    st.html(STYLE)
    both = st.container(key="workbench")
    return both.container(), both.container()
