"""Why something that was brought cannot be used, in one sentence."""

import re

import streamlit as st

_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:])")


def plain(text: object) -> str:
    """Escape what Markdown would take for its own, such as in the name of somebody's file."""
    return _SPECIAL.sub(r"\\\1", str(text))


def refused(sentence: object) -> None:
    """Say what is wrong with it; nothing else changes."""
    st.error(f"{plain(sentence)} The run in hand goes on.")
