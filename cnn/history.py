"""What is kept of every step of a run, in little memory."""

from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from cnn.arrays import Array, Integers
from cnn.convolution import SIDE, WEIGHTS
from cnn.evaluation import Evaluation
from cnn.recipe import Recipe

BLOCK = 1_024
"""Steps that room is made for at once. Blocks and not one array that grows: nothing is copied as
the run gets longer, and no holes are left in memory."""

MOST_IN_SUM = 1e9
"""What a step's loss counts in the sum at most: on the way to divergence one can be 10³⁰, to which
nothing could be added any more, and every mean after it would be 0."""

Scalar = TypeVar("Scalar", bound=np.generic)


def record_of(recipe: Recipe) -> np.dtype[np.void]:
    """Return the type of what is kept of a step; `History.entries` names its fields."""
    return np.dtype(
        [
            ("loss", np.float32),
            ("loss_sum", np.float64),  # of all steps so far: a mean is one difference
            ("correct_sum", np.uint32),
            ("kernels", np.float32, (recipe.filters, WEIGHTS)),
        ]
    )


class History:
    """The curves of a run: entry t − 1 of each array belongs to step t.

    A step of a one-filter run takes 56 bytes.

    Attributes:
        recipe: that of the run, with every change of the rate so far.
    """

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self._steps = 0
        self._record = record_of(recipe)
        self._blocks: list[npt.NDArray[np.void]] = []
        self._loss_sum, self._correct_sum = 0.0, 0
        self._held_out: list[tuple[int, float, float]] = []

    def record(self, loss: float, correct: int, kernels: Array) -> None:
        """Keep the next step: its loss, how many of its images were right, filters after it."""
        place = self._steps % BLOCK
        if place == 0:
            self._blocks.append(np.empty(BLOCK, self._record))
        self._loss_sum += min(loss, MOST_IN_SUM)
        self._correct_sum += correct
        self._blocks[-1][place] = loss, self._loss_sum, self._correct_sum, kernels
        self._steps += 1

    def record_held_out(self, evaluation: Evaluation) -> None:
        """Keep a judgement of the held-out digits after the newest step."""
        self._held_out.append((self._steps, evaluation.loss, evaluation.accuracy))

    @property
    def records(self) -> npt.NDArray[np.void]:
        """(t,), what is kept of every step, in memory of its own; see `entries`."""
        return self._first(self._steps)

    @property
    def judgements(self) -> Array:
        """(m, 3), of every judgement of the held-out digits the step, the loss, the accuracy."""
        return np.array(self._held_out, np.float64).reshape(-1, 3)

    @classmethod
    def restored(
        cls, recipe: Recipe, records: npt.NDArray[np.void], judgements: Array
    ) -> "History":
        """Return the history that `records` and `judgements` were taken from."""
        history = cls(recipe)
        history._steps = len(records)
        for start in range(0, len(records), BLOCK):
            block = np.empty(BLOCK, history._record)
            part = records[start : start + BLOCK]
            block[: len(part)] = part
            history._blocks.append(block)
        if len(records):
            history._loss_sum = float(records["loss_sum"][-1])
            history._correct_sum = int(records["correct_sum"][-1])
        history._held_out = [(int(step), loss, share) for step, loss, share in judgements.tolist()]
        return history

    def until(self, step: int, recipe: Recipe) -> "History":
        """Return a copy that ends with a step, for a run that goes on with another recipe."""
        judgements = self.judgements
        kept = judgements[judgements[:, 0] <= step]
        return History.restored(recipe, self._first(step), kept)

    def _first(self, steps: int) -> npt.NDArray[np.void]:
        return np.concatenate(self._parts(steps))

    def _parts(self, steps: int) -> list[npt.NDArray[np.void]]:
        """Return what is kept of the first so many steps, block by block."""
        starts = range(0, steps, BLOCK)
        written = zip(self._blocks, starts, strict=False)
        return [np.empty(0, self._record), *(block[: steps - start] for block, start in written)]

    def entries(self, steps: Integers) -> npt.NDArray[np.void]:
        """Return what is kept of some steps, (m,) → (m,), without touching the others.

        The fields are ``loss``, ``loss_sum`` and ``correct_sum`` (both over all steps up to
        it), and ``kernels``, (f, 10), after it.
        """
        chosen = np.empty(len(steps), self._record)
        for i, step in enumerate(steps.tolist()):
            chosen[i] = self._blocks[(step - 1) // BLOCK][(step - 1) % BLOCK]
        return chosen

    def __len__(self) -> int:
        return self._steps

    @property
    def loss(self) -> Array:
        """(t,), the batch's mean cross-entropy before the step, in nats."""
        return _shown(self._all("loss"))

    @property
    def correct(self) -> Integers:
        """(t,), images of the batch that were classified rightly before the step."""
        correct = np.diff(self._all("correct_sum"), prepend=np.uint32(0))
        return _shown(correct.astype(np.uint16))  # at most the batch

    @property
    def learning_rate(self) -> Array:
        """(t,), η of every step."""
        starts = [min(step - 1, self._steps) for step, _ in self.recipe.learning_rate]
        rates = [rate for _, rate in self.recipe.learning_rate]
        return _shown(np.repeat(rates, np.diff([*starts, self._steps])))

    @property
    def filters(self) -> Array:
        """(t, f, 3, 3), the filters after the step."""
        kernels = self._all("kernels")[:, :, :-1]
        return _shown(kernels.reshape(*kernels.shape[:2], SIDE, SIDE))

    @property
    def filter_bias(self) -> Array:
        """(t, f), the filters' biases after the step."""
        return _shown(self._all("kernels")[:, :, -1])

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

    def _all(self, field: str) -> npt.NDArray[Any]:
        return np.concatenate([part[field] for part in self._parts(self._steps)])


def _shown(array: npt.NDArray[Scalar]) -> npt.NDArray[Scalar]:
    view = array.view()
    view.flags.writeable = False
    return view
