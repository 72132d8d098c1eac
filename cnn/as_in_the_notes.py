"""The notes' loops, which the notes page shows beside the code that trains.

One image and one filter at a time, one multiplication at a time, with the notes' own names (the
notes, section 4). Nothing trains by them: they take some hundred times as long. The page runs
them on the step that it shows, and a test holds them to the functions that they stand beside.

u and v are a position in the filter, i and j one in a map, c a class, r a hidden unit, s a pooled
value. Given float64, everything is computed in it.
"""

import math

import numpy as np

from cnn.arrays import Array, Integers

# Section 1: forward


def image(pixels: Integers) -> Array:
    """``x[i,j] = pixel[i,j] / 255``; (28, 28) → (28, 28)."""
    x = np.zeros(pixels.shape)
    for i in range(28):
        for j in range(28):
            x[i, j] = pixels[i, j] / 255
    return x


def convolution(x: Array, k: Array, b: float) -> Array:
    """``z[i,j] = Σ_u Σ_v k[u,v]·x[i+u, j+v] + b``; (28, 28) and (3, 3) → (26, 26)."""
    z = np.zeros((26, 26))  # 28 − 3 + 1 = 26
    for i in range(26):
        for j in range(26):
            for u in range(3):
                for v in range(3):
                    z[i, j] += k[u, v] * x[i + u, j + v]
            z[i, j] += b
    return z


def relu(z: Array) -> Array:
    """``max(0, z)``, of a map or of a list."""
    a = np.zeros(z.shape)
    for place in np.ndindex(z.shape):
        if z[place] > 0:
            a[place] = z[place]
    return a


def pooling(f: Array) -> tuple[Array, Integers]:
    """Keep the largest value of every 2×2 window, and where it stood.

    (26, 26) → (13, 13), and (13, 13, 2): the row and the column of each winner.
    """
    P = np.zeros((13, 13))  # (26 − 2) / 2 + 1 = 13
    indexes = np.zeros((13, 13, 2), int)
    for i in range(13):
        for j in range(13):
            P[i, j], indexes[i, j] = f[2 * i, 2 * j], (2 * i, 2 * j)
            for n in range(1, 4):
                row, column = 2 * i + n // 2, 2 * j + n % 2
                if f[row, column] > P[i, j]:  # of equal values the first stays
                    P[i, j], indexes[i, j] = f[row, column], (row, column)
    return P, indexes


def flatten(P: Array) -> Array:
    """``a0[13·i + j] = P[i,j]``; (13, 13) → (169,)."""
    a0 = np.zeros(13 * 13)
    for i in range(13):
        for j in range(13):
            a0[13 * i + j] = P[i, j]
    return a0


def dense(W: Array, a: Array, b: Array) -> Array:
    """``z[r] = Σ_s W[r,s]·a[s] + b[r]``; (40, 169) and (169,) → (40,)."""
    z = np.zeros(len(W))
    for r in range(len(W)):
        for s in range(len(a)):
            z[r] += W[r, s] * a[s]
        z[r] += b[r]
    return z


def softmax(z2: Array) -> Array:
    """``p[c] = e^(z2[c] − m) / Σ_d e^(z2[d] − m)``, m the largest; (10,) → (10,)."""
    m = max(z2)
    total = 0.0
    for d in range(10):
        total += math.exp(z2[d] - m)
    p = np.zeros(10)
    for c in range(10):
        p[c] = math.exp(z2[c] - m) / total
    return p


def cross_entropy(z2: Array, y: Array) -> float:
    """``−Σ y·log p``, with ``log p[c] = z2[c] − m − log Σ_d e^(z2[d] − m)``.

    From the scores, because p itself may be too small for its logarithm.
    """
    m = max(z2)
    total = 0.0
    for d in range(10):
        total += math.exp(z2[d] - m)
    loss = 0.0
    for c in range(10):
        loss -= y[c] * (z2[c] - m - math.log(total))
    return loss


# Section 2: backward


def output_error(p: Array, y: Array) -> Array:
    """``δ2[c] = p[c] − y[c]``; (10,) → (10,)."""
    delta2 = np.zeros(10)
    for c in range(10):
        delta2[c] = p[c] - y[c]
    return delta2


def weight_gradient(delta: Array, a: Array) -> Array:
    """``dW[r,s] = δ[r]·a[s]``; (10,) and (40,) → (10, 40). The bias has the gradient δ."""
    dW = np.zeros((len(delta), len(a)))
    for r in range(len(delta)):
        for s in range(len(a)):
            dW[r, s] = delta[r] * a[s]
    return dW


def through_weights(W: Array, delta: Array) -> Array:
    """``Wᵀ·δ``, the sum ``Σ_r W[r,s]·δ[r]``; (10, 40) and (10,) → (40,)."""
    error = np.zeros(W.shape[1])
    for s in range(W.shape[1]):
        for r in range(len(delta)):
            error[s] += W[r, s] * delta[r]
    return error


def through_relu(error: Array, z: Array) -> Array:
    """``error * ReLU'(z)``: where z is not above 0, nothing passes. A map or a list."""
    passed = np.zeros(z.shape)
    for place in np.ndindex(z.shape):
        if z[place] > 0:
            passed[place] = error[place]
    return passed


def to_grid(delta0: Array) -> Array:
    """Put the error back in the grid: what `flatten` did, backwards; (169,) → (13, 13)."""
    grid = np.zeros((13, 13))
    for i in range(13):
        for j in range(13):
            grid[i, j] = delta0[13 * i + j]
    return grid


def back_fill(delta0: Array, indexes: Integers) -> Array:
    """``backfill[winner[i,j]] = δ0[i,j]``, zeros elsewhere; (13, 13) → (26, 26)."""
    backfill = np.zeros((26, 26))
    for i in range(13):
        for j in range(13):
            row, column = indexes[i, j]
            backfill[row, column] = delta0[i, j]
    return backfill


def filter_gradient(dz: Array, x: Array) -> Array:
    """``dk[u,v] = Σ_i Σ_j dz[i,j]·x[i+u, j+v]``; (26, 26) and (28, 28) → (3, 3)."""
    dk = np.zeros((3, 3))
    for u in range(3):
        for v in range(3):
            for i in range(26):
                for j in range(26):
                    dk[u, v] += dz[i, j] * x[i + u, j + v]
    return dk


def filter_bias_gradient(dz: Array) -> float:
    """``db = Σ_i Σ_j dz[i,j]``; (26, 26) → one number."""
    db = 0.0
    for i in range(26):
        for j in range(26):
            db += dz[i, j]
    return db


# Section 3: update


def update(theta: Array, gradient: Array, learning_rate: float) -> Array:
    """``θ ← θ − η·dθ``, of any shape: a new one, the old is kept."""
    new = np.zeros(theta.shape)
    for place in np.ndindex(theta.shape):
        new[place] = theta[place] - learning_rate * gradient[place]
    return new
