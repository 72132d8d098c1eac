"""Your own digits: a folder with four IDX files under MNIST's names."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.digits import Digits
from data.error import DataError
from data.idx import read_pair

# As published, as an older copy of the same page spelled it, and either one unpacked.
SPELLINGS = ("{}-idx{}-ubyte.gz", "{}-idx{}-ubyte", "{}.idx{}-ubyte.gz", "{}.idx{}-ubyte")


def load_folder(path: str | Path) -> Digits:
    """Return the digits in a folder: `train-…` to train on, `t10k-…` held out.

    Args:
        path: the folder; a leading ~ is the home folder.

    Errors:
        DataError: the folder or a file in it is missing, unreadable, or not what it should be.
    """
    folder, names = _listing(path)
    images, labels = _read_part(folder, names, "train")
    held_out_images, held_out_labels = _read_part(folder, names, "t10k")
    return Digits("folder", images, labels, held_out_images, held_out_labels)


def _listing(path: str | Path) -> tuple[Path, frozenset[str]]:
    """Return the folder and the names of the files in it."""
    if not str(path).strip():
        raise DataError("No folder is named: give the path of the folder with the four files.")
    try:
        folder = Path(path).expanduser()
        return folder, frozenset(entry.name for entry in folder.iterdir() if entry.is_file())
    except FileNotFoundError as error:
        raise DataError(f"There is no folder {path}: check the path.") from error
    except NotADirectoryError as error:
        raise DataError(
            f"{path} is a file: give the path of the folder with the four files."
        ) from error
    except (OSError, ValueError, RuntimeError) as error:
        # ValueError: a path with a zero byte in it. RuntimeError: a ~ without a home folder.
        reason = getattr(error, "strerror", None) or error
        raise DataError(
            f"The folder {path} cannot be read ({reason}): check the path and its permissions."
        ) from error


def _read_part(
    folder: Path, names: frozenset[str], part: str
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return the images (n, 28, 28) and labels (n,) of one part, `train` or `t10k`."""
    images = _find(folder, names, f"{part}-images", 3)
    return read_pair(images, _find(folder, names, f"{part}-labels", 1))


def _find(folder: Path, names: frozenset[str], stem: str, dimensions: int) -> Path:
    """Return the first of the file's spellings that is in the folder."""
    for spelling in SPELLINGS:
        name = spelling.format(stem, dimensions)
        if name in names:
            return folder / name
    raise DataError(
        f"The folder {folder} has no {stem}-idx{dimensions}-ubyte, gzipped or not: put it there."
    )
