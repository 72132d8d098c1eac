"""The digits that all visitors share."""

from contextlib import suppress
from pathlib import Path

import streamlit as st

from data import Digits, load, mnist_is_cached

FileState = tuple[str, int, int]
"""A file's name, its size in bytes, and when it was last written, in nanoseconds."""


def digits_called(name: str, folder: str | None = None) -> Digits:
    """Return digits by a recipe's name for them, read-only, one copy for the whole server.

    A folder whose files have changed since is read again; a run keeps the digits it has.

    Args:
        name: "bundled", "mnist" or "folder".
        folder: where the files are, for "folder".

    Raises:
        DataError: they cannot be had; one sentence.
    """
    files = _files_in(folder) if name == "folder" and folder else ()
    return _loaded(name, folder, files)


def shared_digits(name: str) -> Digits | None:
    """Return digits that every visitor has at once, by a recipe's name for them, or None."""
    if name == "bundled" or (name == "mnist" and mnist_is_cached()):
        return digits_called(name)
    return None


@st.cache_resource(max_entries=4, show_spinner=False)
def _loaded(name: str, folder: str | None, files: tuple[FileState, ...]) -> Digits:
    return load(name, folder)


def _files_in(folder: str) -> tuple[FileState, ...]:
    """The files under MNIST's names as they are now; none where `load` will say what is wrong."""
    found: list[FileState] = []
    with suppress(OSError, ValueError, RuntimeError):
        for path in sorted(Path(folder).expanduser().glob("t*ubyte*")):
            state = path.stat()
            found.append((path.name, state.st_size, state.st_mtime_ns))
    return tuple(found)
