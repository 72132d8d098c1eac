"""Why something that was brought cannot be used, in one sentence."""

import re

import streamlit as st

_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:])")

_ICON = re.compile(r":(?=[\w+/-]+:)")
"""Where ``:material/face:`` or ``:smile:`` begins."""


def plain(text: object) -> str:
    """Escape what Markdown would take for its own, such as in the name of somebody's file.

    Line breaks and rows of spaces become one space: they would begin a list or a block. Streamlit
    looks for the names of icons when the escapes are read already, so those are parted unseen.
    """
    parted = _ICON.sub(":\u2060", " ".join(str(text).split()))
    return _SPECIAL.sub(r"\\\1", parted)


def refused(sentence: object) -> None:
    """Say what is wrong with it; nothing else changes."""
    st.error(f"{plain(sentence)} The run in hand goes on.")
