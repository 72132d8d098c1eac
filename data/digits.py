"""What every road into this package ends with: one set of digits."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Digits:
    """Handwritten digits to train on, and others that training never sees.

    All arrays are read-only, so that every visitor of the app can share one copy. Pixels run
    from 0 (paper) to 255 (ink). A label is a position in `classes`.

    The name is what a recipe calls them: "bundled", "mnist", "folder", or for digits of one's
    own "own-" and a checksum of everything in them (`data.own`).
    """

    name: str
    images: NDArray[np.uint8]  # (n, 28, 28)
    labels: NDArray[np.int64]  # (n,)
    held_out_images: NDArray[np.uint8]  # (m, 28, 28)
    held_out_labels: NDArray[np.int64]  # (m,)
    classes: tuple[str, ...] = tuple("0123456789")

    def __post_init__(self) -> None:
        for name in ("images", "labels", "held_out_images", "held_out_labels"):
            # A view: the array of whoever made these digits keeps its own flag.
            array = np.ascontiguousarray(getattr(self, name)).view()
            array.flags.writeable = False
            object.__setattr__(self, name, array)
