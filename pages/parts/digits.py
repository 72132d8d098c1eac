"""The digits that all visitors share."""

import streamlit as st

from data import Digits, load
from data.mnist import Progress


@st.cache_resource(max_entries=4, show_spinner=False)
def digits_called(
    name: str, folder: str | None = None, _progress: Progress | None = None
) -> Digits:
    """Return digits by a recipe's name for them, read-only, one copy for the whole server.

    Args:
        name: "bundled", "mnist" or "folder".
        folder: where the files are, for "folder".
        _progress: told (bytes so far, bytes in all) while "mnist" is fetched.

    Raises:
        DataError: they cannot be had; one sentence.
    """
    return load(name, folder, _progress)
