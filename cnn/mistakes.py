"""Mistakes that others made, kept to be looked at: nothing here trains anything.

A gradient check is worth what it catches, so the app lets a learner break the gradient on
purpose. One break is a switch of `cnn.network.backward` (the bias rule of the notes); the other,
common in public NumPy networks, stands here.
"""

import numpy as np
import numpy.typing as npt

from cnn.arrays import Array, Integers
from cnn.convolution import kernel_gradient
from cnn.network import FLAT, BiasRule, Forward, Parameters, backward, shown


def largest_of_their_window(forward: Forward) -> npt.NDArray[np.bool_]:
    """Return which cells equal the largest value of their 2×2 window.

    One cell of most windows, several of a tied one, and all four of a dead one, in which every
    value is 0.

    Returns:
        (n, f, 26, 26).
    """
    return np.asarray(forward.feature_map == _to_all_four(forward.pooled))


def tied_windows(forward: Forward) -> npt.NDArray[np.bool_]:
    """Return which windows have more than one largest cell, and that above 0; (n, f, 13, 13)."""
    n, f, rows, columns = forward.pooled.shape
    largest = largest_of_their_window(forward).reshape(n, f, rows, 2, columns, 2)
    return np.asarray((largest.sum(axis=(3, 5)) > 1) & (forward.pooled > 0))


def gradients_copied_to_ties(
    parameters: Parameters, forward: Forward, labels: Integers, bias_rule: BiasRule = "exact"
) -> Parameters:
    """Return the gradients that come out when every tied winner gets the whole of δ0.

    The mistake is to find the winners again by their value, ``f[i,j] == P[i//2, j//2]``, when
    the way back is due, instead of keeping the one position that won. A window tied m-fold then
    sends back m·δ0, and the gradients of the filter and of its bias count that error m times.
    The dense layers lie behind the pool, and their gradients stay right.

    Dead windows are fourfold ties as well, but there the ReLU blocks all four copies, as it
    blocks the one. A window of empty paper is dead while the filter's bias is at most 0; above
    0, the whole background is one living tie. Its pixels are 0, so what is copied there spoils
    the bias alone; an even stroke spoils the filter.

    Args:
        parameters: those that the forward pass used.
        forward: its values.
        labels: (n,), the true classes.
        bias_rule: as for `cnn.network.backward`.

    Returns:
        One gradient for each parameter, the mean over the batch.
    """
    errors = backward(parameters, forward, labels)
    copied = _to_all_four(errors.delta0) * largest_of_their_window(forward)  # (n, f, 26, 26)
    dz = copied * (forward.feature_map > 0)
    stored = np.zeros((*dz.shape[:2], FLAT), dz.dtype)
    shown(stored)[:] = dz
    gradients = errors.gradients.replaced(errors.gradients.vector.copy())
    gradients.kernels[:] = kernel_gradient(stored, forward.patches) / len(dz)
    if bias_rule == "notes":
        gradients.filters.sum(axis=(1, 2), out=gradients.filter_bias)
    return gradients.copied()


def _to_all_four(pooled: Array) -> Array:
    """Give every cell of a window the window's value: (…, 13, 13) → (…, 26, 26)."""
    return pooled.repeat(2, axis=-2).repeat(2, axis=-1)
