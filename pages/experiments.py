"""The experiments page: the runs of this visit side by side, and sweeps of many runs."""

import streamlit as st

from pages.parts.compare_panel import compare
from pages.parts.over_steps import leave
from pages.parts.page import page
from pages.parts.playing import playing, refresh
from pages.parts.runs_panel import handling, table
from pages.parts.session import session
from pages.parts.sweep_form import new_sweep
from pages.parts.sweep_panel import open_sweep, sweep

page("Experiments")
held = session()
playing(held)

st.subheader("The runs of this visit")


@st.fragment(run_every=refresh(held))
def runs() -> None:
    """The table follows the run that plays."""
    leave(held)
    table(held)


runs()
handling(held)
compare(held)

st.subheader("A sweep: many runs, what is tried with what")
new_sweep(held)
open_sweep(held)
sweep(held)
