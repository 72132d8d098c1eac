"""Softmax and cross-entropy, and their gradient."""

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from cnn.arrays import Array, Integers, read_only


def log_softmax(z: Array, out: Array | None = None) -> Array:
    """Return the logarithm of softmax: ``log p[c] = z[c] − log Σ exp(z)``.

    The largest z of each image is subtracted first: the same result, and nothing overflows.

    Args:
        z: (n, c).
        out: where to write; a new array unless given.

    Returns:
        log p, (n, c), finite also where p rounds to 0.
    """
    shifted: Array = np.subtract(z, z.max(axis=1, keepdims=True), out=out)
    shifted -= np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return shifted


def softmax(z: Array) -> Array:
    """Share out to 1: ``p[c] = exp(z[c]) / Σ exp(z)`` (the notes, section 1); (n, c) → (n, c)."""
    return np.exp(log_softmax(z))


def one_hot(labels: Integers, classes: int, dtype: npt.DTypeLike) -> Array:
    """Return y: 1 at each image's label, 0 elsewhere; (n,) → (n, c)."""
    y: Array = _identity(classes, np.dtype(dtype)).take(labels, axis=0)
    return y


def cross_entropy(log_probabilities: Array, y: Array) -> Array:
    """Return each image's loss, ``−Σ y·log p`` (the notes, section 1).

    Args:
        log_probabilities: (n, c), from `log_softmax`.
        y: (n, c), from `one_hot`.

    Returns:
        (n,), in nats.
    """
    losses: Array = -np.vecdot(y, log_probabilities)
    return losses


def cross_entropy_gradient(probabilities: Array, y: Array, out: Array | None = None) -> Array:
    """Return ``δ2 = p − y``, the gradient with respect to z (the notes, section 2).

    Args:
        probabilities: (n, c), from `softmax`.
        y: (n, c), from `one_hot`.
        out: where to write; a new array unless given.

    Returns:
        δ2, (n, c).
    """
    return np.subtract(probabilities, y, out=out)


@lru_cache(maxsize=4)
def _identity(classes: int, dtype: np.dtype[Any]) -> Array:
    matrix = np.eye(classes, dtype=dtype)
    read_only(matrix)
    return matrix
