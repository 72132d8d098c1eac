"""A run's plain twin: a loop that goes forward from step 1 and keeps every step.

New arrays for each, and none of the run's checkpoints, replays or scratch arrays. That the loop
itself does what the notes say is checked against their oracle, in test_run.py.
"""

from dataclasses import dataclass

import numpy as np

from cnn import Parameters, Recipe, Run, Step, backward, forward, updated
from cnn.network import PARAMETER_NAMES
from data import Digits

FORWARD = (
    "x", "patches", "z", "feature_map", "pooled", "winner", "a0", "z1", "a1", "z2",
    "log_probabilities", "probabilities",
)  # fmt: skip


BACKWARD = ("losses", "delta2", "delta1", "delta0", "backfill", "dz")

Changes = list[tuple[int, float]]  # (from step, rate)


@dataclass(frozen=True)
class PlainStep:
    """What the plain loop knows of a step."""

    epoch: int
    chosen: np.ndarray  # (n,), where its images stand in the data
    waiting: np.ndarray  # what the epoch has not shown yet
    rate: float
    before: Parameters
    after: Parameters
    loss: float
    correct: int


class Plain:
    """Training as a loop, nothing else."""

    def __init__(self, recipe: Recipe, images: np.ndarray, labels: np.ndarray) -> None:
        self.recipe, self.images, self.labels = recipe, images, labels
        self.changes: Changes = list(recipe.learning_rate)
        self.first = recipe.initial_parameters()
        self.steps: list[PlainStep] = []

    def advance(self, count: int) -> None:
        for _ in range(count):
            number = len(self.steps) + 1
            epoch, waiting, before = 0, np.empty(0, int), self.first
            if self.steps:
                last = self.steps[-1]
                epoch, waiting, before = last.epoch, last.waiting, last.after
            if not len(waiting):
                epoch += 1
                waiting = self.recipe.order(epoch, len(self.images))
            chosen, waiting = waiting[: self.recipe.batch], waiting[self.recipe.batch :]
            rate = [rate for from_step, rate in self.changes if from_step <= number][-1]
            images, labels = self.images[chosen], self.labels[chosen]
            values = forward(before, images)
            errors = backward(before, values, labels, self.recipe.bias_rule)
            after = updated(before, errors.gradients, rate)
            correct = sum(
                int(np.argmax(p) == label)
                for p, label in zip(values.probabilities, labels, strict=True)
            )
            self.steps.append(
                PlainStep(epoch, chosen, waiting, rate, before, after, errors.loss, correct)
            )

    def set_learning_rate(self, rate: float) -> None:
        done = len(self.steps)
        self.changes = [change for change in self.changes if change[0] <= done] + [(done + 1, rate)]

    def fork(self, number: int, rate: float | None = None) -> "Plain":
        other = Plain(self.recipe, self.images, self.labels)
        other.changes, other.steps = list(self.changes), self.steps[:number]
        if rate is not None:
            other.set_learning_rate(rate)
        return other

    def after(self, number: int) -> bytes:
        parameters = self.steps[number - 1].after if number else self.first
        return parameters.vector.tobytes()


def assert_same_bytes(actual: np.ndarray, expected: np.ndarray, name: str) -> None:
    assert actual.dtype == expected.dtype, name
    assert actual.shape == expected.shape, name
    assert actual.tobytes() == expected.tobytes(), f"{name} has other bits"
    assert not actual.flags.writeable, f"{name} can be written to"


def assert_step(step: Step, number: int, plain: Plain) -> None:
    """Every number of a step that a run gives back, to the last bit."""
    expected = plain.steps[number - 1]
    images, labels = plain.images[expected.chosen], plain.labels[expected.chosen]
    assert (step.number, step.epoch) == (number, expected.epoch)
    assert step.learning_rate == expected.rate
    assert_same_bytes(step.indices, expected.chosen, "indices")
    assert_same_bytes(step.images, images, "images")
    assert_same_bytes(step.labels, labels, "labels")
    assert_same_bytes(step.before.vector, expected.before.vector, "before")
    assert_same_bytes(step.after.vector, expected.after.vector, "after")
    values = forward(expected.before, images)
    for name in FORWARD:
        assert_same_bytes(getattr(step.forward, name), getattr(values, name), name)
    errors = backward(expected.before, values, labels, plain.recipe.bias_rule)
    for name in BACKWARD:
        assert_same_bytes(getattr(step.backward, name), getattr(errors, name), name)
    gradients = step.backward.gradients
    assert_same_bytes(gradients.vector, errors.gradients.vector, "gradients")
    for name in PARAMETER_NAMES:
        assert_same_bytes(getattr(gradients, name), getattr(errors.gradients, name), name)
    assert step.loss == expected.loss


def assert_history(run: Run, plain: Plain) -> None:
    """Every curve, entry by entry."""
    steps = plain.steps[: run.step]
    filters = plain.recipe.filters
    curves = run.history
    expected = {
        "loss": np.array([step.loss for step in steps], np.float32),
        "correct": np.array([step.correct for step in steps], np.uint16),
        "learning_rate": np.array([step.rate for step in steps], np.float64),
        "filters": np.array([step.after.filters for step in steps], np.float32),
        "filter_bias": np.array([step.after.filter_bias for step in steps], np.float32),
    }
    expected["filters"] = expected["filters"].reshape(-1, filters, 3, 3)
    expected["filter_bias"] = expected["filter_bias"].reshape(-1, filters)
    for name, values in expected.items():
        assert_same_bytes(getattr(curves, name), values, f"history.{name}")
    assert len(curves) == run.step


def pair(recipe: Recipe, digits: Digits, count: int = 40) -> tuple[Run, Plain]:
    """A run and the plain loop, at step 0, on the first so many digits."""
    images, labels = digits.images[:count], digits.labels[:count]
    return Run(recipe, images, labels), Plain(recipe, images, labels)
