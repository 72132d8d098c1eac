"""The tour of the live page: shown on a first visit, and whenever it is asked for."""

import streamlit as st

from pages.parts.component import component
from pages.parts.session import Session


def tour(session: Session) -> None:
    """Mount the tour, and offer it. The browser remembers that it has been seen."""
    st.sidebar.button("Show me around", on_click=session.ask_for_tour, type="tertiary")
    with st.container(key="tour"):
        component("tour", "stage/element.js")(key="tour_stops", data={"asked": session.tours_asked})
