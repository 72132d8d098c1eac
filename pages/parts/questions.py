"""Questions about the numbers of one step, whose answers can be worked out."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal

import numpy as np
from numpy.typing import NDArray

from cnn import Step
from cnn.arithmetic import Place, rounded
from cnn.convolution import SIDE
from cnn.network import MAP, POOLED
from pages.parts.frame import Spot
from pages.parts.numbers import decimals_for, in_decimals
from pages.parts.rates import written
from pages.parts.spots import spot_of

POSITIONS = ("top left", "top right", "bottom left", "bottom right")
"""The cells of a pooling window, in row order."""

SIGNS = {1: "positive", 0: "zero", -1: "negative"}

LEAST_CHANGE = 1e-5
"""A weight that moves by less says nothing to anybody, and float32 rounds it."""


@dataclass(frozen=True)
class Grid:
    """Numbers that are shown with a question."""

    title: str
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Question:
    """One hidden number of a step.

    Attributes:
        text: the question, in Markdown.
        grids: what it can be worked out from.
        answer: a number to type or one of the choices.
        choices: what to pick from; empty where a number is typed.
        tolerance: how far off a typed number may be, both as they are written; a number that the
            question can write whole.
        decimals: with how many a number that is typed and the answer are written.
        place: the number whose arithmetic is the answer's.
        covers: the cells of the stage that would give the answer away.
    """

    text: str
    grids: tuple[Grid, ...]
    answer: float | str
    place: Place
    covers: tuple[Spot, ...] = ()
    choices: tuple[str, ...] = ()
    tolerance: float = 0.0
    decimals: int = 4

    def is_right(self, given: float | str) -> bool:
        """Whether an answer counts as right."""
        if isinstance(given, str) or isinstance(self.answer, str):
            return given == self.answer
        if not math.isfinite(self.answer):
            return False  # which nobody can type
        # What is off is what the reader sees: digits that stand nowhere decide nothing.
        off = rounded(given, self.decimals) - rounded(self.answer, self.decimals)
        return abs(off) <= Decimal(str(self.tolerance))

    def write(self, answer: float | str) -> str:
        """Write an answer, given or right."""
        return answer if isinstance(answer, str) else in_decimals(answer, self.decimals)

    def hides(self, place: Place, step: Step) -> bool:
        """Whether a number of the question's step would give the answer away."""
        if (place.quantity, place.index) == (self.place.quantity, self.place.index):
            return (place.filter or 0) == (self.place.filter or 0)
        hidden, filters = len(step.before.hidden_bias), len(step.before.filters)
        return spot_of(place, hidden, filters, label=0) in self.covers


def question(step: Step, image: int, number: int) -> Question:
    """Draw a question: the same for the same step, image and number.

    The four kinds take turns; one that a step has nothing for (no live window, a weight that
    stays) is passed over.
    """
    generator = np.random.default_rng((step.number, image, number))
    for turn in range(len(KINDS)):
        found = KINDS[(number - 1 + turn) % len(KINDS)](step, image, generator)
        if found is not None:
            return found
    raise AssertionError("a map has cells to ask for in every step")


def _map_cell(step: Step, image: int, generator: np.random.Generator) -> Question:
    """Ask for a cell of z or of the feature map, from its patch and the filter."""
    f = _any_filter(step, generator)
    z = step.forward.z[image, f]
    patches = np.lib.stride_tricks.sliding_window_view(step.forward.x[image], (SIDE, SIDE))
    inked = (patches > 0).sum(axis=(2, 3))
    # Few products, and a sum that is clearly not 0: worth working out.
    good = [(inked >= 2) & (inked <= 5) & (np.abs(z) > 0.05), inked >= 1, inked >= 0]
    i, j = _any_cell(next(cells for cells in good if cells.any()), generator)
    rectified = bool(generator.integers(2))
    value = float((step.forward.feature_map[image, f] if rectified else z)[i, j])
    name = f"{'f' if rectified else 'z'}[{i},{j}]"
    bias = in_decimals(float(step.before.filter_bias[f]), 3)
    rule = "max(0, Σ k·x + b)" if rectified else "Σ k·x + b"
    tolerance = _one_digit(max(0.02, 0.02 * abs(value)))
    return Question(
        text=f"{_named(step, f).capitalize()} lies on the patch at row {i}, column {j}. "
        f"**What is {name} = {rule}?** The bias is b = {bias}. Within {written(tolerance)} counts.",
        grids=(
            _grid(f"patch x[{i}…{i + 2}, {j}…{j + 2}]", patches[i, j], 3),
            _grid("filter k", step.before.filters[f], 3),
        ),
        answer=value,
        place=Place("feature_map" if rectified else "z", i * MAP[1] + j, image, f),
        covers=_covers(f, [(i, j)], ("z", "feature_map", "dz"), (i // 2, j // 2)),
        tolerance=tolerance,
    )


def _winner(step: Step, image: int, generator: np.random.Generator) -> Question | None:
    """Ask which cell of a pooling window won."""
    f = _any_filter(step, generator)
    feature_map = step.forward.feature_map[image, f]
    windows = feature_map.reshape(POOLED[0], 2, POOLED[1], 2).swapaxes(1, 2).reshape(*POOLED, 4)
    second, first = np.sort(windows, axis=-1)[..., -2:].transpose(2, 0, 1)
    # A clear winner or a real tie, not two values that look the same when they are written.
    clear = (first > 0) & ((first == second) | (first - second > 0.001))
    if not clear.any():
        return None
    contested = clear & (second > 0)
    i, j = _any_cell(contested if contested.any() else clear, generator)
    row, column = divmod(int(step.forward.winner[image, f, i, j]), MAP[1])
    won = POSITIONS[2 * (row - 2 * i) + column - 2 * j]
    return Question(
        text=f"These four cells of the feature map{_of(step, f)} make one pooling window. "
        f"**Which one wins, and becomes P[{i},{j}]?** On a tie the first in row order wins.",
        grids=(
            _grid(f"f[{2 * i}…{2 * i + 1}, {2 * j}…{2 * j + 1}]", windows[i, j].reshape(2, 2), 4),
        ),
        answer=won,
        choices=POSITIONS,
        place=Place("pooled", i * POOLED[1] + j, image, f),
        covers=_covers(
            f,
            [(2 * i + u, 2 * j + v) for u in (0, 1) for v in (0, 1)],
            ("z", "feature_map", "backfill", "dz"),
            (i, j),
        ),
    )


def _new_weight(step: Step, image: int, generator: np.random.Generator) -> Question | None:
    """Ask for a filter weight after the update."""
    found = _moved_weight(step, generator)
    if found is None:
        return None
    f, u, v = found
    old, new = float(step.before.filters[f, u, v]), float(step.after.filters[f, u, v])
    gradient = float(step.backward.gradients.filters[f, u, v])
    tolerance = _one_digit(abs(new - old) / 10)
    # With these, what is worked out from the numbers as written is a tenth of that off at most.
    decimals = decimals_for(tolerance)
    return Question(
        text=f"A weight of {_named(step, f)} is k[{u},{v}] = "
        f"{in_decimals(old, decimals)}. Its gradient is dk[{u},{v}] = "
        f"{in_decimals(gradient, decimals_for(gradient / 100))}, and the learning rate is "
        f"η = {written(step.learning_rate)}. **What is the weight after this step?** "
        f"Within {written(tolerance)}, about a tenth of the change, counts.",
        grids=(),
        answer=new,
        place=Place("new_filters", SIDE * u + v, None, f),
        covers=tuple(Spot(name, f, SIDE * u + v) for name in ("filter_after", "filter_change")),
        tolerance=tolerance,
        decimals=decimals,
    )


def _sign(step: Step, image: int, generator: np.random.Generator) -> Question | None:
    """Ask for the sign of a gradient: from its two factors, or from where the weight went."""
    if len(step.images) == 1 and generator.integers(2):
        return _sign_from_factors(step, generator)
    found = _moved_weight(step, generator)
    if found is None:
        return _sign_from_factors(step, generator) if len(step.images) == 1 else None
    f, u, v = found
    old, new = float(step.before.filters[f, u, v]), float(step.after.filters[f, u, v])
    decimals = decimals_for(new - old)
    return Question(
        text=f"In this step a weight of {_named(step, f)} went from k[{u},{v}] = "
        f"{in_decimals(old, decimals)} to {in_decimals(new, decimals)}. "
        f"**Which sign had its gradient dk[{u},{v}]?**",
        grids=(),
        answer=SIGNS[int(np.sign(step.backward.gradients.filters[f, u, v]))],
        choices=tuple(SIGNS.values()),
        place=Place("new_filters", SIDE * u + v, None, f),
        covers=tuple(Spot(name, f, SIDE * u + v) for name in ("filter_gradient", "filter_change")),
    )


def _sign_from_factors(step: Step, generator: np.random.Generator) -> Question:
    """Ask for the sign of an output weight's gradient, of a step of one image."""
    label, probabilities = int(step.labels[0]), step.forward.probabilities[0]
    others = [c for c in np.argsort(-probabilities)[:4].tolist() if c != label]
    c = label if generator.integers(2) else int(generator.choice(others))
    a1 = step.forward.a1[0]
    on, off = np.flatnonzero(a1 > 0), np.flatnonzero(a1 == 0)
    units = off if not len(on) or (len(off) and generator.random() < 0.25) else on
    r = int(generator.choice(units))
    gradient = step.backward.gradients.output_weights[c, r]
    return Question(
        text=f"The image shows a {label}. The network gives the digit {c} the probability "
        f"p[{c}] = {_all_digits(probabilities[c])}, and hidden unit {r} gives "
        f"a1[{r}] = {_all_digits(a1[r])}. "
        f"**Which sign has dW2[{c},{r}], the gradient of the weight between the two?**",
        grids=(),
        answer=SIGNS[int(np.sign(gradient))],
        choices=tuple(SIGNS.values()),
        place=Place("dW2", c * len(a1) + r),
    )


KINDS: tuple[Callable[[Step, int, np.random.Generator], Question | None], ...] = (
    _map_cell,
    _winner,
    _new_weight,
    _sign,
)


def _covers(
    filter: int,
    cells: Sequence[tuple[int, int]],
    maps: Sequence[str],
    window: tuple[int, int],
) -> tuple[Spot, ...]:
    """Return cells of the large maps, and the pooling window that tells of them."""
    of_maps = [Spot(name, filter, i * MAP[1] + j) for name in maps for i, j in cells]
    pooled = window[0] * POOLED[1] + window[1]
    return (*of_maps, *(Spot(name, filter, pooled) for name in ("pooled", "delta0")))


def _any_filter(step: Step, generator: np.random.Generator) -> int:
    return int(generator.integers(len(step.before.filters)))


def _any_cell(cells: NDArray[np.bool_], generator: np.random.Generator) -> tuple[int, int]:
    """Draw one of the cells that are True."""
    i, j = generator.choice(np.argwhere(cells))
    return int(i), int(j)


def _moved_weight(step: Step, generator: np.random.Generator) -> tuple[int, int, int] | None:
    """Draw a filter weight that the step moved, or None if it moved none worth mentioning."""
    change = np.abs(step.after.filters - step.before.filters)
    moved = np.argwhere(change > LEAST_CHANGE)
    if not len(moved):
        return None
    f, u, v = generator.choice(moved)
    return int(f), int(u), int(v)


def _one_digit(number: float) -> float:
    """Round a number above 0 down to its first digit."""
    if not math.isfinite(number):
        return number
    exact = Decimal(str(number))
    return float(exact.quantize(Decimal(1).scaleb(exact.adjusted()), ROUND_DOWN))


def _named(step: Step, filter: int) -> str:
    return f"filter {filter + 1}" if len(step.before.filters) > 1 else "the filter"


def _of(step: Step, filter: int) -> str:
    return f" of filter {filter + 1}" if len(step.before.filters) > 1 else ""


def _all_digits(value: float) -> str:
    return in_decimals(float(value), decimals_for(float(value)))


def _grid(title: str, values: NDArray[np.floating], decimals: int) -> Grid:
    return Grid(title, [[in_decimals(float(value), decimals) for value in row] for row in values])
