"""Where the notes slip, as they have it and as it is meant, to be run on a real step.

Every rule is a small function of the notes' own values, which `values` takes from a step, so
that a learner who trips over one of these can read both forms and see what comes of each (the
notes, section 5). Nothing trains by them.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from cnn.arrays import Array, Integers
from cnn.gradient_check import PERTURBATION, SMALLEST
from cnn.loss import cross_entropy, log_softmax, one_hot
from cnn.network import CLASSES, MAP, Forward, backward, forward
from cnn.run import Step

Rule = Callable[..., Any]
"""A function whose parameters are called like the notes' values."""


@dataclass(frozen=True)
class Slip:
    """One place where the notes slip.

    Attributes:
        says: what the notes say.
        meant: what is meant.
        why: in a sentence.
        as_written: the notes' form, to be run.
        as_meant: the meant form, to be run.
        difference: what decides between two gradients without any rule, or None.
    """

    says: str
    meant: str
    why: str
    as_written: Rule
    as_meant: Rule
    difference: Rule | None = None


def values(step: Step, image: int, filter: int, i: int, j: int) -> Mapping[str, Any]:
    """Return what the rules work with, by the notes' names.

    In float64, as in the gradient check: so the image is sent through the network once more.

    Args:
        step: a step of a run, at the parameters before its update.
        image: position in its batch; the gradients are that image's own.
        filter: counted from 0.
        i: row of a cell of the map, for the rules of one cell.
        j: its column.
    """
    before, labels = step.before.astype(np.float64), step.labels[image : image + 1]
    there = forward(before, step.images[image : image + 1])
    back = backward(before, there, labels)
    return MappingProxyType(
        {
            "x": there.x[0],
            "k": before.filters[filter],
            "b": float(before.filter_bias[filter]),
            "z": there.z[0, filter],
            "f": there.feature_map[0, filter],
            "P": there.pooled[0, filter],
            "indexes": np.stack(np.divmod(there.winner[0, filter], MAP[1]), axis=-1),
            "a0": there.a0[0],
            "W1": before.hidden_weights,
            "b1": before.hidden_bias,
            "z1": there.z1[0],
            "a1": there.a1[0],
            "W2": before.output_weights,
            "b2": before.output_bias,
            "z2": there.z2[0],
            "p": there.probabilities[0],
            "log_p": there.log_probabilities[0],
            "y": one_hot(labels, CLASSES, np.float64)[0],
            "delta2": back.delta2[0],
            "delta0": back.delta0[0, filter],
            "dz": back.dz[0, filter],
            "dk": back.gradients.filters[filter],
            "learning_rate": step.learning_rate,
            "i": i,
            "j": j,
        }
    )


def outcome(rule: Rule, given: Mapping[str, Any]) -> Any:
    """Run a rule on a step's values.

    Args:
        rule: one of a slip's two.
        given: from `values`.

    Returns:
        What it returns; or the exception that it raises because it asks for what is not there.
    """
    try:
        return rule(**{name: given[name] for name in inspect.signature(rule).parameters})
    except (IndexError, ValueError) as error:
        return error


@dataclass(frozen=True)
class Difference:
    """A derivative without any rule: the loss a little above and a little below.

    Attributes:
        up: L(θ + ε).
        down: L(θ − ε).
        kink: whether a ReLU or a winner switched in between: there the loss has no slope.
    """

    up: float
    down: float
    kink: bool

    @property
    def slope(self) -> float:
        """(L(θ + ε) − L(θ − ε)) / 2ε."""
        return (self.up - self.down) / (2 * PERTURBATION)

    def error_of(self, gradient: float) -> float:
        """How far off a rule's gradient is, relatively, as `cnn.gradient_check` measures it."""
        least = SMALLEST * max(1.0, self.up)
        return abs(gradient - self.slope) / max(abs(gradient), abs(self.slope), least)


def bias_by_difference(step: Step, image: int, filter: int) -> Difference:
    """Move a filter's bias by ε up and down and see how much an image's loss changes."""
    losses, patterns = [], set()
    for change in (PERTURBATION, 0.0, -PERTURBATION):
        moved = step.before.replaced(step.before.vector.astype(np.float64))
        moved.filter_bias[filter] += change
        seen = forward(moved, step.images[image : image + 1])
        losses.append(backward(moved, seen, step.labels[image : image + 1]).loss)
        patterns.add(_pattern(seen))
    return Difference(losses[0], losses[-1], kink=len(patterns) > 1)


def scores_by_difference(z2: Array, y: Array) -> Array:
    """Move each score by ε up and down and see how much the loss changes, (10,)."""
    moves = PERTURBATION * np.eye(len(z2))
    up, down = (cross_entropy(log_softmax(z2 + by), y) for by in (moves, -moves))
    slopes: Array = (up - down) / (2 * PERTURBATION)
    return slopes


def _pattern(seen: Forward) -> tuple[bytes, ...]:
    """Which ReLUs are on and who won: constant wherever the loss is smooth."""
    maps = (seen.feature_map > 0).tobytes(), seen.winner.tobytes()
    return *maps, (seen.a1 > 0).tobytes()


# ---- Both forms of each ----


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


SLIPS: Mapping[str, Slip] = MappingProxyType(
    {
        "pooled-side": Slip(
            "pooled side (28−2)/2 + 1 = 13",
            "(26−2)/2 + 1 = 13",
            "Pooling runs over the 26×26 feature map; with 28 the formula gives 14.",
            pool_as_written,
            pool_as_meant,
        ),
        "sixteen": Slip(
            "13 × 13 = [16, 1]; layers 16, 40, 10; W1 (40, 16); δ0 (16, 1)",
            "169 everywhere",
            "13·13 = 169; the last digit fell off and was carried along.",
            hidden_sum_as_written,
            hidden_sum_as_meant,
        ),
        "new-map": Slip(
            "the new map is (16, 26)",
            "26×26",
            "It has the feature map's shape.",
            new_map_as_written,
            new_map_as_meant,
        ),
        "hidden-shape": Slip(
            "A1 has shape (10, 1)",
            "(40, 1)",
            "It is the hidden layer.",
            scores_as_written,
            scores_as_meant,
        ),
        "output-error": Slip(
            "δ2 = η2 − 1",
            "p − y",
            "The notes' own line above it says “Cross Entropy = A2 − Y”; only at the true class "
            "is it p − 1.",
            output_error_as_written,
            output_error_as_meant,
            scores_by_difference,
        ),
        "cross-entropy": Slip(
            "A2 − Y is called the cross entropy",
            "it is the gradient of the cross entropy",
            "The loss itself is −log p[label].",
            cross_entropy_as_written,
            cross_entropy_as_meant,
        ),
        "output-gradient": Slip(
            "dW2 = δ2·a2ᵀ",
            "δ2·a1ᵀ",
            "(10,1)·(1,40) is what gives (10, 40).",
            new_weights_as_written,
            new_weights_as_meant,
        ),
        "hidden-error": Slip(
            "δ1 = δ2·w2 * …",
            "W2ᵀ·δ2 * …",
            "(40,10)·(10,1) is what gives (40, 1).",
            hidden_error_as_written,
            hidden_error_as_meant,
        ),
        "indexes": Slip(
            "indexes[i_start, j_start] = … in an (X, Y) array",
            "indexed by the pooled cell (i, j)",
            "δ0 has one entry for each pooled cell, and the back-fill reads it by that.",
            indexes_as_written,
            indexes_as_meant,
        ),
        "filter-sum": Slip(
            "the filter sum runs u, v = 0..3, and again over x, y",
            "u, v in 0..2, for each (i, j)",
            "The filter is 3×3; the outer sums are the loops over the map.",
            cell_as_written,
            cell_as_meant,
        ),
        "bias-rule": Slip(
            "d_filter_bias = sum(dw)",
            "Σ dz",
            "The bias is added once for each cell of z, so its gradient is the sum of dz, not of "
            "the nine filter gradients; a finite difference shows it.",
            bias_gradient_as_written,
            bias_gradient_as_meant,
            bias_by_difference,
        ),
    }
)
"""In the order of the notes."""
