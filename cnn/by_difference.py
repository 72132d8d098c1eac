"""What decides between two rules for a gradient without any rule: a difference of the loss."""

from dataclasses import dataclass

import numpy as np

from cnn.arrays import Array
from cnn.gradient_check import PERTURBATION, SMALLEST
from cnn.loss import cross_entropy, log_softmax
from cnn.network import Forward, backward, forward
from cnn.step import Step


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
