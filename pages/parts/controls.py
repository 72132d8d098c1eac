"""Keys and fingers: what they do to controls that are not the app's own."""

import streamlit as st

from pages.parts.component import component


def controls(page: str) -> None:
    """Let keys and fingers do what is expected of them; see ``static/controls/controls.js``.

    Args:
        page: its title.
    """
    with st.container(key="unseen_controls"):  # which takes no room
        component("controls")(key="controls", data={"page": page})
