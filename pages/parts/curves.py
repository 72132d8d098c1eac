"""A run's history, thinned to as many points as a picture has room for."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cnn.history import History

SMOOTHED = 100
"""Steps that a point of a smoothed curve is at least the mean of, once there are so many."""


@dataclass(frozen=True, eq=False)
class Curves:
    """Curves over the steps, all at the same m steps.

    Attributes:
        steps: (m,), rising; the last is the newest step.
        loss: (m,), mean loss of the steps up to it, in nats.
        correct: (m,), mean number of images right a step, over the same steps.
        filters: (m, f, 3, 3), after the step.
        filter_bias: (m, f), after the step.
    """

    steps: NDArray[np.int64]
    loss: NDArray[np.float64]
    correct: NDArray[np.float64]
    filters: NDArray[np.floating]
    filter_bias: NDArray[np.floating]


def thinned(history: History, points: int) -> Curves:
    """Return the curves of a history at no more than so many steps, evenly spread.

    Loss and hits are means over the steps since the point before, or over the last hundred
    where that is more: a single step of one image says little.
    """
    count = len(history.loss)
    steps = np.unique(np.linspace(1, count, min(points, count)).round().astype(np.int64))
    starts = np.minimum(np.concatenate(([0], steps[:-1])), np.maximum(steps - SMOOTHED, 0))
    return Curves(
        steps,
        _mean(history.loss, starts, steps),
        _mean(history.correct, starts, steps),
        history.filters[steps - 1],
        history.filter_bias[steps - 1],
    )


def _mean(
    values: NDArray[np.number], starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the mean of each stretch, from its start up to, not including, its end."""
    sums = np.concatenate(([0.0], np.cumsum(values, dtype=np.float64)))
    means: NDArray[np.float64] = (sums[ends] - sums[starts]) / (ends - starts)
    return means
