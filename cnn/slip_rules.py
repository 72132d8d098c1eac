"""Both forms of every slip of the notes: as they have it, and as it is meant.

Small functions of the notes' own values, to be read side by side (the notes, section 5). Their
parameters are called like what `cnn.slips.values` takes from a step.
"""

import numpy as np

from cnn.arrays import Array, Integers


def pool_as_written(x: Array, f: Array) -> Array:
    """Take the side from the image."""
    side = (len(x) - 2) // 2 + 1
    P = np.zeros((side, side))
    for i in range(side):
        for j in range(side):
            rows, columns = (2 * i, 2 * i + 1), (2 * j, 2 * j + 1)
            P[i, j] = max(f[row, column] for row in rows for column in columns)
    return P


def pool_as_meant(f: Array) -> Array:
    """Take the side from the feature map."""
    side = (len(f) - 2) // 2 + 1
    P = np.zeros((side, side))
    for i in range(side):
        for j in range(side):
            rows, columns = (2 * i, 2 * i + 1), (2 * j, 2 * j + 1)
            P[i, j] = max(f[row, column] for row in rows for column in columns)
    return P


def hidden_sum_as_written(W1: Array, a0: Array, b1: Array) -> Array:
    """W1 has 16 columns."""
    z1: Array = np.dot(W1[:, :16], a0) + b1
    return z1


def hidden_sum_as_meant(W1: Array, a0: Array, b1: Array) -> Array:
    """W1 has as many columns as there are pooled values."""
    z1: Array = np.dot(W1, a0) + b1
    return z1


def new_map_as_written(delta0: Array, indexes: Integers) -> Array:
    """Fill a map of 16 rows."""
    backfill = np.zeros((16, 26))
    for i in range(13):
        for j in range(13):
            row, column = indexes[i, j]
            backfill[row, column] = delta0[i, j]
    return backfill


def new_map_as_meant(delta0: Array, indexes: Integers) -> Array:
    """Fill a map with the feature map's shape."""
    backfill = np.zeros((26, 26))
    for i in range(13):
        for j in range(13):
            row, column = indexes[i, j]
            backfill[row, column] = delta0[i, j]
    return backfill


def scores_as_written(W2: Array, a1: Array, b2: Array) -> Array:
    """A1 has 10 values."""
    z2: Array = np.dot(W2, a1[:10]) + b2
    return z2


def scores_as_meant(W2: Array, a1: Array, b2: Array) -> Array:
    """A1 has one value for each hidden unit."""
    z2: Array = np.dot(W2, a1) + b2
    return z2


def output_error_as_written(p: Array) -> Array:
    """Subtract 1 everywhere."""
    return p - 1


def output_error_as_meant(p: Array, y: Array) -> Array:
    """Subtract 1 at the true class, and 0 at the others."""
    return p - y


def cross_entropy_as_written(p: Array, y: Array) -> Array:
    """Ten numbers."""
    return p - y


def cross_entropy_as_meant(log_p: Array, y: Array) -> float:
    """One number, −log p of the true class."""
    return float(-np.dot(y, log_p))


def new_weights_as_written(W2: Array, delta2: Array, p: Array, learning_rate: float) -> Array:
    """Take the layer's own output, a2 = p."""
    dW2 = np.outer(delta2, p)
    new: Array = W2 - learning_rate * dW2
    return new


def new_weights_as_meant(W2: Array, delta2: Array, a1: Array, learning_rate: float) -> Array:
    """Take what the layer was given, a1."""
    dW2 = np.outer(delta2, a1)
    new: Array = W2 - learning_rate * dW2
    return new


def hidden_error_as_written(delta2: Array, W2: Array, z1: Array) -> Array:
    """Multiply δ2 with W2, both as they stand."""
    delta1: Array = np.dot(delta2.reshape(10, 1), W2) * (z1 > 0)
    return delta1


def hidden_error_as_meant(delta2: Array, W2: Array, z1: Array) -> Array:
    """Multiply W2, turned over, with δ2."""
    delta1: Array = np.dot(W2.T, delta2.reshape(10, 1))[:, 0] * (z1 > 0)
    return delta1


def indexes_as_written(f: Array, delta0: Array) -> Array:
    """Store the winner at the window's corner; the back-fill reads at the pooled cell."""
    indexes = np.zeros((26, 26, 2), int)
    for i_start in range(0, 26, 2):
        for j_start in range(0, 26, 2):
            n = f[i_start : i_start + 2, j_start : j_start + 2].argmax()
            indexes[i_start, j_start] = i_start + n // 2, j_start + n % 2
    backfill = np.zeros((26, 26))
    for i in range(13):
        for j in range(13):
            row, column = indexes[i, j]
            backfill[row, column] = delta0[i, j]
    return backfill


def indexes_as_meant(f: Array, delta0: Array) -> Array:
    """Store the winner at the pooled cell, where the back-fill reads it."""
    indexes = np.zeros((13, 13, 2), int)
    for i in range(13):
        for j in range(13):
            n = f[2 * i : 2 * i + 2, 2 * j : 2 * j + 2].argmax()
            indexes[i, j] = 2 * i + n // 2, 2 * j + n % 2
    backfill = np.zeros((26, 26))
    for i in range(13):
        for j in range(13):
            row, column = indexes[i, j]
            backfill[row, column] = delta0[i, j]
    return backfill


def cell_as_written(x: Array, k: Array, b: float, i: int, j: int) -> float:
    """Let u and v run from 0 to 3."""
    z = b
    for u in range(4):
        for v in range(4):
            z += k[u, v] * x[i + u, j + v]
    return z


def cell_as_meant(x: Array, k: Array, b: float, i: int, j: int) -> float:
    """Let u and v run from 0 to 2, for one cell (i, j) of the map."""
    z = b
    for u in range(3):
        for v in range(3):
            z += k[u, v] * x[i + u, j + v]
    return z


def bias_gradient_as_written(dk: Array) -> float:
    """Add up the nine gradients of the filter."""
    return float(dk.sum())


def bias_gradient_as_meant(dz: Array) -> float:
    """Add up the errors of all cells of z."""
    return float(dz.sum())
