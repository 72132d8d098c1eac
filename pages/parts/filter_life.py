"""The life of a filter: where it stood when, what it makes of a digit, and how far it went."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cnn import Run
from cnn.convolution import SIDE, WEIGHTS, convolve, patches
from cnn.dense import relu
from cnn.history import History
from cnn.network import PIXEL_MAX, shown

Spacing = Literal["even", "log"]

STRETCH = 100
"""Steps over which it is measured how far a filter went."""

MOST_POINTS = 500
"""Points of the curve of distances: beyond, a point is the mean of several stretches."""

MOST_ROWS = 100_000
"""Rows of the table of a history, with one filter: a longer run is thinned to some 15 MB."""


@dataclass(frozen=True, eq=False)
class Strip:
    """One filter at m moments, and what it makes of one digit at each.

    Attributes:
        filter: which one, counted from 0.
        filters: how many the network has.
        steps: (m,), rising; 0 is before the first step.
        kernels: (m, 10), the nine weights row by row, then the bias.
        maps: (m, 26, 26), the feature map of the digit.
        image: (28, 28) uint8, the digit.
        name: its class.
    """

    filter: int
    filters: int
    steps: NDArray[np.int64]
    kernels: NDArray[np.floating]
    maps: NDArray[np.floating]
    image: NDArray[np.uint8]
    name: str

    @property
    def weights(self) -> NDArray[np.floating]:
        """(m, 3, 3)."""
        return self.kernels[:, :-1].reshape(-1, SIDE, SIDE)

    @property
    def largest_weight(self) -> float:
        """The end of the scale of all its weights."""
        return float(np.abs(self.kernels[:, :-1]).max()) or 1.0

    @property
    def largest_value(self) -> float:
        """The end of the scale of all its feature maps."""
        return float(self.maps.max()) or 1.0

    @property
    def title(self) -> str:
        """Which filter it is: ``Filter 2 of 8``."""
        return "The filter" if self.filters == 1 else f"Filter {self.filter + 1} of {self.filters}"


def strip_of(
    run: Run, filter: int, steps: NDArray[np.int64], image: NDArray[np.uint8], name: str
) -> Strip:
    """Return a filter at some steps of a run, with a digit's feature maps."""
    kernels = kernels_at(run, steps)[:, filter]
    filters = run.recipe.filters
    return Strip(filter, filters, steps, kernels, feature_maps(kernels, image), image, name)


def moments(newest: int, count: int, spacing: Spacing) -> NDArray[np.int64]:
    """Return steps from 0 to the newest, both included: at most so many, at least two.

    Args:
        newest: the last of them, at least 1.
        count: how many, at least 2; there are fewer where two would round to the same step.
        spacing: "even", or "log": each a certain factor after the one before.
    """
    if spacing == "even":
        steps = np.linspace(0, newest, count)
    else:
        steps = np.concatenate(([0], np.geomspace(1, newest, count - 1)[:-1], [newest]))
    return np.unique(steps.round().astype(np.int64))


def kernels_at(run: Run, steps: NDArray[np.int64]) -> NDArray[np.floating]:
    """Return all filters with their biases after some steps, (m,) → (m, f, 10)."""
    kernels = np.empty((len(steps), run.recipe.filters, WEIGHTS), np.float32)
    begun = steps > 0
    kernels[begun] = run.history.entries(steps[begun])["kernels"]
    kernels[~begun] = run.at(1).before.kernels
    return kernels


def feature_maps(kernels: NDArray[np.floating], image: NDArray[np.uint8]) -> NDArray[np.floating]:
    """Return what each of some filters makes of one image: ``ReLU(z)``, (m, 10) → (m, 26, 26)."""
    pixels = np.divide(image[np.newaxis], kernels.dtype.type(PIXEL_MAX), dtype=kernels.dtype)
    z = shown(convolve(patches(pixels), np.ascontiguousarray(kernels)))  # (1, m, 26, 26)
    return relu(z[0])


@dataclass(frozen=True, eq=False)
class Travelled:
    """How far a filter went.

    Attributes:
        steps: (m,), where each stretch, or several, ends.
        lengths: (m,), the Euclidean length of the change of nine weights and bias over a
            stretch of a hundred steps; where a point stands for several, their mean.
        stretches: how many a point stands for; the last may stand for fewer.
        total: the sum over all stretches, and over the one that has not ended.
        straight: the length of the change from the start to the newest step.
    """

    steps: NDArray[np.int64]
    lengths: NDArray[np.floating]
    stretches: int
    total: float
    straight: float


def travelled(run: Run, filter: int) -> Travelled:
    """Measure how far a filter went, from one hundredth step to the next."""
    ends = np.arange(0, run.step + 1, STRETCH)
    kernels = kernels_at(run, np.append(ends, run.step))[:, filter].astype(np.float64)
    lengths = np.linalg.norm(np.diff(kernels[:-1], axis=0), axis=1)
    unfinished, straight = np.linalg.norm(kernels[-1] - kernels[[-2, 0]], axis=1).tolist()
    each = max(1, -(-len(lengths) // MOST_POINTS))
    starts = np.arange(0, len(lengths), each)
    counts = np.diff(np.append(starts, len(lengths)))
    means = np.add.reduceat(lengths, starts) / counts if len(starts) else lengths
    total = float(lengths.sum()) + unfinished
    return Travelled(ends[starts + counts], means, each, total, straight)


def stride(history: History) -> int:
    """Return how many steps apart the rows of a history's table are, 1 unless it is long."""
    return max(1, -(-len(history) * history.recipe.filters // MOST_ROWS))


def table(history: History) -> bytes:
    """Write a history as CSV: step, loss, correct, learning rate, and every filter's ten numbers.

    A row for every step; of a long run for every so many (`stride`), the first and the newest,
    so that the table never takes more than some 15 MB. What a row says belongs to its step alone.
    """
    return "".join(_lines(history)).encode()


def _lines(history: History) -> Iterator[str]:
    filters, recipe = history.recipe.filters, history.recipe
    weights = [f"k{u}{v}" for u in range(SIDE) for v in range(SIDE)] + ["b"]
    names = [f"filter{f + 1}_{weight}" for f in range(filters) for weight in weights]
    yield ",".join(["step", "loss", "correct", "learning_rate", *names]) + "\n"
    form = "%d,%.9g,%d,%.9g" + ",%.9g" * len(names) + "\n"
    newest = len(history)
    apart = stride(history)
    steps = np.union1d(np.arange(apart, newest + 1, apart), [1, newest])
    for start in range(0, len(steps), 1_000):
        some = steps[start : start + 1_000]
        rows, before = history.entries(some), history.entries(np.maximum(some - 1, 1))
        hits = rows["correct_sum"] - np.where(some > 1, before["correct_sum"], 0)
        kernels = rows["kernels"].reshape(len(some), -1)
        for step, loss, correct, ten in zip(
            some.tolist(), rows["loss"].tolist(), hits.tolist(), kernels.tolist(), strict=True
        ):
            yield form % (step, loss, correct, recipe.rate_at(step), *ten)
