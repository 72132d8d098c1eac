"""Digits by the name that a recipe gives them."""

from pathlib import Path

from data.bundled import load_bundled
from data.digits import Digits
from data.error import DataError
from data.folder import load_folder
from data.mnist import Progress, load_mnist
from data.own import is_own


def load(name: str, folder: str | Path | None = None, progress: Progress | None = None) -> Digits:
    """Return the digits called `bundled`, `mnist` or `folder`.

    Args:
        name: a recipe's `data`.
        folder: where to read from; used by `folder` alone.
        progress: see `load_mnist`; used by `mnist` alone.

    Errors:
        DataError: there are no digits of this name, or they cannot be had.
    """
    if name == "bundled":
        return load_bundled()
    if name == "mnist":
        return load_mnist(progress)
    if name == "folder":
        return load_folder("" if folder is None else folder)
    if is_own(name):
        raise DataError(f"The digits {name} are somebody's own: bring the same files again.")
    raise DataError(f"There are no digits called {name!r}: choose bundled, mnist or folder.")
