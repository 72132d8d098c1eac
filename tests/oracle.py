"""The notes, written out loop by loop: what every vectorised function must agree with.

Nothing here is clever. One image at a time, one multiplication at a time, with the notes' own
names (section 4 asks for exactly this). Everything is computed in float64, for a map of any
size, and nothing is taken from `cnn`.

Two things stand where the notes have a single filter: `k` holds f filters of 3×3, `b` their f
biases, and `a0` is the pooled maps flattened row by row, one filter after the other.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Indexes = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Parameters:
    """The six things that learn. Their gradients stand in the same six places."""

    k: Array  # (f, 3, 3)   the filters
    b: Array  # (f,)        their biases
    W1: Array  # (h, f*169)
    b1: Array  # (h,)
    W2: Array  # (c, h)
    b2: Array  # (c,)


@dataclass(frozen=True)
class Forward:
    """Every value of the notes' section 1, for one image."""

    x: Array  # (H, W)
    z: Array  # (f, X, Y)
    f: Array  # (f, X, Y)
    P: Array  # (f, X//2, Y//2)
    indexes: Indexes  # (f, X//2, Y//2, 2): the row and the column of each winner
    a0: Array  # (f * X//2 * Y//2,)
    z1: Array  # (h,)
    a1: Array  # (h,)
    z2: Array  # (c,)
    p: Array  # (c,)


@dataclass(frozen=True)
class Backward:
    """Every value of the notes' section 2, for one image."""

    delta2: Array  # (c,)
    delta1: Array  # (h,)
    delta0: Array  # (f, X//2, Y//2)
    backfill: Array  # (f, X, Y)
    dz: Array  # (f, X, Y)
    gradients: Parameters


def floats(values: npt.ArrayLike) -> Array:
    """Turn whatever was handed in into float64, so that no uint8 pixel can overflow."""
    return np.asarray(values, dtype=np.float64)


# Section 1: forward


def convolution(x: npt.ArrayLike, k: npt.ArrayLike, b: float) -> Array:
    """One image, one filter: z[i,j] = Σ_u Σ_v k[u,v]·x[i+u, j+v] + b."""
    x, k = floats(x), floats(k)
    X, Y = x.shape[0] - 3 + 1, x.shape[1] - 3 + 1
    z = np.zeros((X, Y))
    for i in range(X):
        for j in range(Y):
            total = 0.0
            for u in range(3):
                for v in range(3):
                    total += k[u, v] * x[i + u, j + v]
            z[i, j] = total + b
    return z


def relu_of_map(z: npt.ArrayLike) -> Array:
    """f[i,j] = max(0, z[i,j])."""
    z = floats(z)
    f = np.zeros(z.shape)
    for i in range(z.shape[0]):
        for j in range(z.shape[1]):
            if z[i, j] > 0:
                f[i, j] = z[i, j]
    return f


def pooling(f: npt.ArrayLike) -> tuple[Array, Indexes]:
    """Return the largest of each 2×2 window, and the row and column where it stood in the map.

    n counts the window's cells in row order. Only a larger value takes the place of the one
    before it, so that on a tie the first one wins.
    """
    f = floats(f)
    rows, columns = f.shape[0] // 2, f.shape[1] // 2
    P = np.zeros((rows, columns))
    indexes = np.zeros((rows, columns, 2), dtype=np.int64)
    for i in range(rows):
        for j in range(columns):
            largest = f[2 * i, 2 * j]
            where = (2 * i, 2 * j)
            for n in range(1, 4):
                value = f[2 * i + n // 2, 2 * j + n % 2]
                if value > largest:
                    largest = value
                    where = (2 * i + n // 2, 2 * j + n % 2)
            P[i, j] = largest
            indexes[i, j] = where
    return P, indexes


def flatten(P: npt.ArrayLike) -> Array:
    """a0: the pooled maps (f, rows, columns), row by row, one filter after the other."""
    P = floats(P)
    a0 = []
    for one_map in P:
        for row in one_map:
            for value in row:
                a0.append(value)
    return floats(a0)


def dense(W: npt.ArrayLike, a: npt.ArrayLike, b: npt.ArrayLike) -> Array:
    """One matrix layer: z[r] = Σ_s W[r,s]·a[s] + b[r]."""
    W, a, b = floats(W), floats(a), floats(b)
    z = np.zeros(W.shape[0])
    for r in range(W.shape[0]):
        total = 0.0
        for s in range(W.shape[1]):
            total += W[r, s] * a[s]
        z[r] = total + b[r]
    return z


def relu(z: npt.ArrayLike) -> Array:
    """a[r] = max(0, z[r])."""
    z = floats(z)
    a = np.zeros(len(z))
    for r in range(len(z)):
        if z[r] > 0:
            a[r] = z[r]
    return a


def softmax(z: npt.ArrayLike) -> Array:
    """p[c] = e^z[c] / Σ e^z, every z moved down by the largest so that no power overflows."""
    z = floats(z)
    largest = max(z)
    powers = [math.exp(value - largest) for value in z]
    total = sum(powers)
    return floats([power / total for power in powers])


def cross_entropy(z: npt.ArrayLike, label: int) -> float:
    """−Σ y·log p = −log p[label], with log p[label] = z[label] − log Σ e^z.

    Written with the logits because p[label] itself may be too small for a float.
    """
    z = floats(z)
    largest = max(z)
    total = sum(math.exp(value - largest) for value in z)
    return float(math.log(total) - (z[label] - largest))


def forward(parameters: Parameters, x: npt.ArrayLike) -> Forward:
    """Section 1 from top to bottom, for one image with pixels 0..1."""
    x = floats(x)
    z, f, P, indexes = [], [], [], []
    for k, b in zip(parameters.k, parameters.b, strict=True):
        z.append(convolution(x, k, b))
        f.append(relu_of_map(z[-1]))
        pooled, where = pooling(f[-1])
        P.append(pooled)
        indexes.append(where)
    a0 = flatten(P)
    z1 = dense(parameters.W1, a0, parameters.b1)
    a1 = relu(z1)
    z2 = dense(parameters.W2, a1, parameters.b2)
    p = softmax(z2)
    return Forward(x, floats(z), floats(f), floats(P), np.array(indexes), a0, z1, a1, z2, p)


# Section 2: backward


def output_error(p: npt.ArrayLike, label: int) -> Array:
    """δ2 = p − y, where y is 1 at the label and 0 elsewhere."""
    p = floats(p)
    delta2 = np.zeros(len(p))
    for c in range(len(p)):
        y = 1.0 if c == label else 0.0
        delta2[c] = p[c] - y
    return delta2


def weight_gradient(delta: npt.ArrayLike, a: npt.ArrayLike) -> Array:
    """One matrix layer, dW = δ·aᵀ: dW[r,s] = δ[r]·a[s]. Its bias has the gradient δ."""
    delta, a = floats(delta), floats(a)
    dW = np.zeros((len(delta), len(a)))
    for r in range(len(delta)):
        for s in range(len(a)):
            dW[r, s] = delta[r] * a[s]
    return dW


def through_weights(W: npt.ArrayLike, delta: npt.ArrayLike) -> Array:
    """Wᵀ·δ: the error of the layer before, [s] = Σ_r W[r,s]·δ[r]."""
    W, delta = floats(W), floats(delta)
    error = np.zeros(W.shape[1])
    for s in range(W.shape[1]):
        total = 0.0
        for r in range(W.shape[0]):
            total += W[r, s] * delta[r]
        error[s] = total
    return error


def through_relu(error: npt.ArrayLike, z: npt.ArrayLike) -> Array:
    """Let an error back through a ReLU, error * ReLU'(z): nothing passes where z is not above 0."""
    error, z = floats(error), floats(z)
    passed = np.zeros(len(z))
    for r in range(len(z)):
        if z[r] > 0:
            passed[r] = error[r]
    return passed


def unflatten(a: npt.ArrayLike, filters: int, rows: int, columns: int) -> Array:
    """Put a flat error back in the grids of the pooled maps: the reverse of `flatten`."""
    a = floats(a)
    grids = np.zeros((filters, rows, columns))
    for number in range(filters):
        for i in range(rows):
            for j in range(columns):
                grids[number, i, j] = a[number * rows * columns + i * columns + j]
    return grids


def back_fill(delta0: npt.ArrayLike, indexes: Indexes, X: int, Y: int) -> Array:
    """One map of zeros in which backfill[winner[i,j]] = δ0[i,j]."""
    delta0 = floats(delta0)
    backfill = np.zeros((X, Y))
    for i in range(delta0.shape[0]):
        for j in range(delta0.shape[1]):
            row, column = indexes[i, j]
            backfill[row, column] = delta0[i, j]
    return backfill


def through_relu_of_map(backfill: npt.ArrayLike, f: npt.ArrayLike) -> Array:
    """One filter, dz = backfill * ReLU'(f): a winner that was 0 passes nothing back."""
    backfill, f = floats(backfill), floats(f)
    dz = np.zeros(f.shape)
    for i in range(f.shape[0]):
        for j in range(f.shape[1]):
            if f[i, j] > 0:
                dz[i, j] = backfill[i, j]
    return dz


def filter_gradient(dz: npt.ArrayLike, x: npt.ArrayLike) -> Array:
    """One image, one filter: dk[u,v] = Σ_i Σ_j dz[i,j]·x[i+u, j+v]."""
    dz, x = floats(dz), floats(x)
    dk = np.zeros((3, 3))
    for u in range(3):
        for v in range(3):
            total = 0.0
            for i in range(dz.shape[0]):
                for j in range(dz.shape[1]):
                    total += dz[i, j] * x[i + u, j + v]
            dk[u, v] = total
    return dk


def filter_bias_gradient(dz: npt.ArrayLike, dk: npt.ArrayLike, bias_rule: str) -> float:
    """Return db = Σ dz by the rule "exact"; Σ dk, the slip of section 5, by the rule "notes"."""
    summed = {"exact": floats(dz), "notes": floats(dk)}[bias_rule]
    db = 0.0
    for row in summed:
        for value in row:
            db += value
    return db


def backward(
    parameters: Parameters, forward: Forward, label: int, bias_rule: str = "exact"
) -> Backward:
    """Section 2 from top to bottom, for one image."""
    filters, rows, columns = forward.P.shape
    X, Y = forward.f.shape[1:]
    delta2 = output_error(forward.p, label)
    dW2 = weight_gradient(delta2, forward.a1)
    delta1 = through_relu(through_weights(parameters.W2, delta2), forward.z1)
    dW1 = weight_gradient(delta1, forward.a0)
    delta0 = unflatten(through_weights(parameters.W1, delta1), filters, rows, columns)
    backfill, dz, dk, db = [], [], [], []
    for number in range(filters):
        backfill.append(back_fill(delta0[number], forward.indexes[number], X, Y))
        dz.append(through_relu_of_map(backfill[-1], forward.f[number]))
        dk.append(filter_gradient(dz[-1], forward.x))
        db.append(filter_bias_gradient(dz[-1], dk[-1], bias_rule))
    gradients = Parameters(floats(dk), floats(db), dW1, delta1, dW2, delta2)
    return Backward(delta2, delta1, delta0, floats(backfill), floats(dz), gradients)


# Section 3: update


def update_vector(theta: npt.ArrayLike, dtheta: npt.ArrayLike, learning_rate: float) -> Array:
    """θ ← θ − η·dθ, for one list of numbers."""
    theta, dtheta = floats(theta), floats(dtheta)
    new = np.zeros(len(theta))
    for r in range(len(theta)):
        new[r] = theta[r] - learning_rate * dtheta[r]
    return new


def update_matrix(theta: npt.ArrayLike, dtheta: npt.ArrayLike, learning_rate: float) -> Array:
    """θ ← θ − η·dθ, row by row."""
    theta, dtheta = floats(theta), floats(dtheta)
    return floats(
        [update_vector(row, drow, learning_rate) for row, drow in zip(theta, dtheta, strict=True)]
    )


def update(parameters: Parameters, gradients: Parameters, learning_rate: float) -> Parameters:
    """θ ← θ − η·dθ, for every parameter."""
    return Parameters(
        k=floats(
            [
                update_matrix(k, dk, learning_rate)
                for k, dk in zip(parameters.k, gradients.k, strict=True)
            ]
        ),
        b=update_vector(parameters.b, gradients.b, learning_rate),
        W1=update_matrix(parameters.W1, gradients.W1, learning_rate),
        b1=update_vector(parameters.b1, gradients.b1, learning_rate),
        W2=update_matrix(parameters.W2, gradients.W2, learning_rate),
        b2=update_vector(parameters.b2, gradients.b2, learning_rate),
    )


def train_step(
    parameters: Parameters,
    image: npt.ArrayLike,
    label: int,
    learning_rate: float,
    bias_rule: str = "exact",
) -> Parameters:
    """One step of training on one image with pixels 0..1: forward, backward, update."""
    step = backward(parameters, forward(parameters, image), label, bias_rule)
    return update(parameters, step.gradients, learning_rate)
