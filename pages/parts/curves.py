"""A run's history, thinned to as many points as a picture has room for."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cnn import Parameters
from cnn.history import History

SMOOTHED = 100
"""Steps that a point of a smoothed curve is at least the mean of, once there are so many."""


@dataclass(frozen=True, eq=False)
class Curves:
    """Curves over the steps, all at the same m steps.

    Attributes:
        steps: (m,), rising; 0 is before the first step, `from_start`.
        loss: (m,), mean loss of the steps up to it, in nats; one above 10⁹ counts as 10⁹.
        correct: (m,), mean number of images right a step, over the same steps.
        filters: (m, f, 3, 3), after the step.
        filter_bias: (m, f), after the step.
    """

    steps: NDArray[np.int64]
    loss: NDArray[np.float64]
    correct: NDArray[np.float64]
    filters: NDArray[np.floating]
    filter_bias: NDArray[np.floating]


def thinned(history: History, points: int, first: int = 1, last: int | None = None) -> Curves:
    """Return the curves of a history at no more than so many steps, evenly spread.

    Loss and hits are means over the steps since the point before, or over the last hundred
    where that is more: a single step of one image says little.

    Args:
        history: of a run that has taken a step.
        points: how many steps at most, at least 1.
        first: the first of them.
        last: the last of them; the newest step unless given.
    """
    last = last or len(history)
    count = last - first + 1
    steps = np.unique(np.linspace(first, last, min(points, count)).round().astype(np.int64))
    entries = history.entries(steps)
    starts = np.minimum(np.concatenate(([first - 1], steps[:-1])), np.maximum(steps - SMOOTHED, 0))
    before = history.entries(np.maximum(starts, 1))
    span = steps - starts
    filters = entries["kernels"][..., :-1]
    return Curves(
        steps,
        (entries["loss_sum"] - np.where(starts, before["loss_sum"], 0)) / span,
        (entries["correct_sum"] - np.where(starts, before["correct_sum"], 0.0)) / span,
        filters.reshape(*filters.shape[:2], 3, 3),
        entries["kernels"][..., -1],
    )


def from_start(curves: Curves, start: Parameters) -> Curves:
    """Put the filters that a run began with before its curves, at step 0.

    Loss and hits belong to a step that was taken, so there they are not a number.

    Args:
        curves: of the run, from step 1 on.
        start: its parameters before step 1.
    """
    nothing = np.array([np.nan])
    return replace(
        curves,
        steps=np.append([0], curves.steps),
        loss=np.append(nothing, curves.loss),
        correct=np.append(nothing, curves.correct),
        filters=np.concatenate((start.filters[np.newaxis], curves.filters)),
        filter_bias=np.concatenate((start.filter_bias[np.newaxis], curves.filter_bias)),
    )
