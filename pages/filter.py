"""The filter page: the life of the 3×3 filters."""

import streamlit as st

from pages.parts.filter_files import animation, strip_files
from pages.parts.filter_panels import (
    chosen_filter,
    distances,
    film_choice,
    filmstrip,
    then_and_now,
    weights,
)
from pages.parts.over_steps import leave
from pages.parts.page import page
from pages.parts.playing import playing, refresh
from pages.parts.session import session

page("Filter")
held = session()
playing(held)
shown = chosen_filter(held)


@st.fragment(run_every=refresh(held))
def life() -> None:
    """What the filter has been and is: follows the newest step."""
    leave(held)
    weights(held, shown)
    then_and_now(held, shown)
    distances(held, shown)


life()
choice = film_choice(held)


@st.fragment(run_every=refresh(held))
def film() -> None:
    """The filmstrip as it stands, and its files."""
    strip_files(held, filmstrip(held, shown, choice))


film()
animation(held, shown, choice)
