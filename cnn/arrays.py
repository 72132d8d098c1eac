"""The two kinds of array that pass between the functions of this package.

One alphabet for the axes, in every shape comment: n images, f filters, h hidden units,
c classes; i, j a position in a map; u, v a position in a filter.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating[Any]]
"""Real values, float32 in training and float64 in a gradient check."""

Integers = npt.NDArray[np.integer[Any]]
"""Pixels as stored (uint8), labels, positions."""


def read_only(*arrays: npt.NDArray[Any]) -> None:
    """Let nobody write into values that a step has already used."""
    for array in arrays:
        array.flags.writeable = False
