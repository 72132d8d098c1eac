"""What is kept of every step of a run, in little memory."""

from typing import TypeVar

import numpy as np
import numpy.typing as npt

from cnn.arrays import Array, Integers
from cnn.convolution import SIDE, WEIGHTS
from cnn.evaluation import Evaluation
from cnn.recipe import Recipe

FIRST_ROOM = 1_000
"""Steps that there is room for at the start."""

Scalar = TypeVar("Scalar", bound=np.generic)


class History:
    """The curves of a run: entry t − 1 of each array belongs to step t.

    A step of a one-filter run takes 46 bytes; room is added a quarter at a time, so that
    never more than 58 are in use.

    Attributes:
        recipe: that of the run, with every change of the rate so far.
    """

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self._steps = 0
        self._loss = np.empty(FIRST_ROOM, np.float32)
        self._correct = np.empty(FIRST_ROOM, np.uint16)
        self._kernels = np.empty((FIRST_ROOM, recipe.filters, WEIGHTS), np.float32)
        self._held_out: list[tuple[int, float, float]] = []

    def record(self, loss: float, correct: int, kernels: Array) -> None:
        """Keep the next step: its loss, how many of its images were right, filters after it."""
        step = self._steps
        if step == len(self._loss):
            room = step * 5 // 4
            self._loss = _enlarged(self._loss, room)
            self._correct = _enlarged(self._correct, room)
            self._kernels = _enlarged(self._kernels, room)
        self._loss[step] = loss
        self._correct[step] = correct
        self._kernels[step] = kernels
        self._steps = step + 1

    def record_held_out(self, evaluation: Evaluation) -> None:
        """Keep a judgement of the held-out digits after the newest step."""
        self._held_out.append((self._steps, evaluation.loss, evaluation.accuracy))

    def until(self, step: int, recipe: Recipe) -> "History":
        """Return a copy that ends with a step, for a run that goes on with another recipe."""
        copy = History(recipe)
        copy._steps = step
        room = max(step, FIRST_ROOM)
        copy._loss = _enlarged(self._loss[:step], room)
        copy._correct = _enlarged(self._correct[:step], room)
        copy._kernels = _enlarged(self._kernels[:step], room)
        copy._held_out = [entry for entry in self._held_out if entry[0] <= step]
        return copy

    @property
    def loss(self) -> Array:
        """(t,), the batch's mean cross-entropy before the step, in nats."""
        return _shown(self._loss[: self._steps])

    @property
    def correct(self) -> Integers:
        """(t,), images of the batch that were classified rightly before the step."""
        return _shown(self._correct[: self._steps])

    @property
    def learning_rate(self) -> Array:
        """(t,), η of every step."""
        starts = [min(step - 1, self._steps) for step, _ in self.recipe.learning_rate]
        rates = [rate for _, rate in self.recipe.learning_rate]
        return _shown(np.repeat(rates, np.diff([*starts, self._steps])))

    @property
    def filters(self) -> Array:
        """(t, f, 3, 3), the filters after the step."""
        kernels = self._kernels[: self._steps, :, :-1]
        return _shown(kernels.reshape(*kernels.shape[:2], SIDE, SIDE))

    @property
    def filter_bias(self) -> Array:
        """(t, f), the filters' biases after the step."""
        return _shown(self._kernels[: self._steps, :, -1])

    @property
    def held_out_step(self) -> Integers:
        """(m,), the steps after which the held-out digits were judged, the first 0."""
        return _shown(np.array([entry[0] for entry in self._held_out], np.int64))

    @property
    def held_out_loss(self) -> Array:
        """(m,), their mean cross-entropy, in nats."""
        return _shown(np.array([entry[1] for entry in self._held_out]))

    @property
    def held_out_accuracy(self) -> Array:
        """(m,), the share of them that was classified rightly, 0..1."""
        return _shown(np.array([entry[2] for entry in self._held_out]))


def _enlarged(array: npt.NDArray[Scalar], room: int) -> npt.NDArray[Scalar]:
    larger = np.empty((room, *array.shape[1:]), array.dtype)
    larger[: len(array)] = array
    return larger


def _shown(array: npt.NDArray[Scalar]) -> npt.NDArray[Scalar]:
    view = array.view()
    view.flags.writeable = False
    return view
