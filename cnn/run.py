"""A training run: it goes forward step by step, and any step of its past can be had back."""

import math
from collections.abc import Mapping
from copy import copy
from typing import Any

import numpy as np
import numpy.typing as npt

from cnn.arrays import Array, Integers, read_only
from cnn.evaluation import evaluate
from cnn.history import History, record_of
from cnn.network import CLASSES, IMAGE, Backward, Forward, Parameters, backward, forward, updated
from cnn.recipe import MAX_STEPS, Recipe
from cnn.step import Divergence, Step

HELD_OUT_IMAGES = 1_000
"""Held-out images that the curve is taken from: the first so many."""


class Run:
    """A network in training, all of whose steps can be looked at.

    The past is not stored: every so many steps the parameters are kept, and a step in between
    is trained again from the nearest of them, which gives the same bits.

    Args:
        recipe: everything that determines the run.
        images: (n, 28, 28) uint8, shared and never written to.
        labels: (n,) integers 0..9.
        held_out: images and labels that the run never trains on, for the held-out curve.

    Attributes:
        recipe: as given, with the changes of the learning rate since.
        step: steps taken so far.
        history: the curves.
        diverged: why the run cannot go on with this learning rate, or None.
        longest: the step at which it ends; may be set to fewer than `MAX_STEPS`.

    Raises:
        ValueError: images and labels do not fit the network or each other.
    """

    def __init__(
        self,
        recipe: Recipe,
        images: Integers,
        labels: Integers,
        held_out: tuple[Integers, Integers] | None = None,
    ) -> None:
        _check_digits(images, labels)
        if held_out:
            _check_digits(*held_out)
        self.recipe = recipe
        self.step = 0
        self.history = History(recipe)
        self.diverged: Divergence | None = None
        self.longest = MAX_STEPS
        self._images, self._labels, self._held_out = images, labels, held_out
        self._order: tuple[int, Integers] = 0, np.empty(0, np.intp)
        self._passes: dict[int, tuple[Forward, Backward]] = {}
        initial = recipe.initial_parameters()
        # The next parameters are written beside the present ones, which so outlive a step
        # that turns out not to be finite; until then they are those of the step before.
        self._now, self._next = _writable(initial), _writable(initial)
        self._next_is: int | None = None
        # Row i holds the parameters after step i · spacing. Memory for all of them is set aside at
        # once, and taken by the rows that are written: a run comes and goes in one piece.
        self._spacing = 16
        self._checkpoints = self._room_for_checkpoints()
        self._checkpoints[0] = initial.vector
        self._last_shown = 0, initial.vector
        self._judge()

    @property
    def parameters(self) -> Parameters:
        """The parameters after the newest step, read-only."""
        return self._now.copied()

    @property
    def learning_rate(self) -> float:
        """η of the next step."""
        return self.recipe.rate_at(self.step + 1)

    @property
    def steps_per_epoch(self) -> int:
        """Steps in which every image is shown once; the last may have a smaller batch."""
        return math.ceil(len(self._images) / self.recipe.batch)

    @property
    def epoch(self) -> int:
        """The pass through the images that the newest step belongs to, counted from 1."""
        return self._epoch(max(self.step, 1))

    @property
    def stopped(self) -> str | None:
        """Why no further step can be taken, in one sentence, or None."""
        if self.diverged:
            return str(self.diverged)
        if self.step >= self.longest:
            return f"The run has reached {self.longest:,} steps, where every run ends."
        return None

    def advance(self, steps: int) -> int:
        """Train that many steps, or fewer if the run diverges or ends.

        Args:
            steps: how many.

        Returns:
            How many were taken; `stopped` says why if they are fewer.
        """
        if self.stopped:
            return 0
        start = self.step
        with _overflow_allowed():
            for number in range(start + 1, min(start + steps, self.longest) + 1):
                self._next_is = None  # it is being written over
                errors, correct = self._train(number, self._now, self._next)
                loss = errors.loss
                if not (math.isfinite(loss) and _all_finite(self._next.vector)):
                    lost = not (math.isfinite(loss) and _all_finite(errors.gradients.vector))
                    cause = number - 1 if lost else number
                    self.diverged = Divergence(number, cause, self.recipe.rate_at(cause))
                    break
                self._now, self._next = self._next, self._now
                self.step, self._next_is = number, number - 1
                self.history.record(loss, correct, self._now.kernels)
                if number % self._spacing == 0:
                    self._keep_checkpoint()
                if number % judged_every(self.recipe) == 0:
                    self._judge()
        return self.step - start

    def set_learning_rate(self, rate: float) -> None:
        """Train with another η from the next step on, until it is set again.

        Raises:
            RecipeError: no such rate is possible.
        """
        self.recipe = self.history.recipe = self.recipe.with_rate(self.step + 1, rate)
        self.diverged = None

    def at(self, number: int) -> Step:
        """Return a step of the past, or the newest, exactly as it was trained.

        Args:
            number: t, 1 to `step`.

        Raises:
            ValueError: the run has no such step.
        """
        if not 1 <= number <= self.step:
            raise ValueError(f"The run has the steps 1 to {self.step:,}, not {number:,}.")
        indices = self._indices(number)
        images, labels = self._images[indices], self._labels[indices]
        read_only(indices, images, labels)
        rate = self.recipe.rate_at(number)
        with _overflow_allowed():
            before = self._now.replaced(self._vector_after(number - 1))
            values = forward(before, images)
            errors = backward(before, values, labels, self.recipe.bias_rule)
            after = updated(before, errors.gradients, rate)
        self._last_shown = number, after.vector
        return Step(
            number,
            self._epoch(number),
            indices,
            images,
            labels,
            rate,
            before,
            after,
            values,
            errors,
        )

    def fork(self, number: int, learning_rate: float | None = None) -> "Run":
        """Return a new run that shares this one's first steps.

        Args:
            number: the last step that they share, 0 to `step`.
            learning_rate: η from the step after it; as in this run's recipe unless given.

        Raises:
            ValueError: the run has no such step.
        """
        if not 0 <= number <= self.step:
            raise ValueError(f"The run can be forked at 0 to {self.step:,}, not {number:,}.")
        recipe = self.recipe
        if learning_rate is not None:
            recipe = recipe.with_rate(number + 1, learning_rate)
        vector = self._vector_after(number)
        child = copy(self)  # the images are shared; what changes is replaced below
        child.recipe, child.step, child.diverged = recipe, number, None
        child.history = self.history.until(number, recipe)
        child._passes = {}
        child._now = _writable(self._now.replaced(vector))
        child._next, child._next_is = _writable(child._now), None
        shared = number // self._spacing + 1
        child._checkpoints = self._room_for_checkpoints()
        child._checkpoints[:shared] = self._checkpoints[:shared]
        child._last_shown = number, vector
        return child

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return copies of all that the run is beyond its recipe and digits; see `layout`."""
        diverged = self.diverged
        return {
            "parameters": self._now.vector.copy(),
            "spacing": np.array(self._spacing),
            "checkpoints": self._checkpoints[: self.step // self._spacing + 1].copy(),
            "diverged": np.array([diverged.step, diverged.cause] if diverged else [0, 0]),
            "history": self.history.records,
            "judgements": self.history.judgements,
        }

    @classmethod
    def from_arrays(
        cls,
        recipe: Recipe,
        step: int,
        arrays: Mapping[str, npt.NDArray[Any]],
        images: Integers,
        labels: Integers,
        held_out: tuple[Integers, Integers] | None = None,
    ) -> "Run":
        """Return the run that `arrays` was taken from.

        Args:
            recipe: its recipe.
            step: the steps that it had taken.
            arrays: from `arrays`, laid out by `layout`.
            images: what it trains on.
            labels: their classes.
            held_out: what it is judged by.

        Raises:
            ValueError: the digits do not fit the network.
        """
        run = cls(recipe, images, labels, held_out)
        run.step = step
        run._now = run._now.replaced(arrays["parameters"].copy())
        run._next, run._next_is = _writable(run._now), None
        run._spacing = int(arrays["spacing"])
        run._checkpoints[: len(arrays["checkpoints"])] = arrays["checkpoints"]
        run.history = History.restored(recipe, arrays["history"], arrays["judgements"])
        failed, cause = arrays["diverged"].tolist()
        if failed:
            run.diverged = Divergence(failed, cause, recipe.rate_at(cause))
        return run

    def _train(self, number: int, now: Parameters, new: Parameters) -> tuple[Backward, int]:
        """Take a step from one set of parameters into another; return its errors and hits."""
        indices = self._indices(number)
        labels = self._labels[indices]
        n = len(labels)
        if n not in self._passes:
            values = Forward(n, now, in_place=True)
            self._passes[n] = values, Backward(n, now, over=values)
        values, errors = self._passes[n]
        forward(now, self._images[indices], out=values)
        backward(now, values, labels, self.recipe.bias_rule, out=errors)
        updated(now, errors.gradients, self.recipe.rate_at(number), out=new)
        correct = np.count_nonzero(values.z2.argmax(axis=1) == labels)
        return errors, int(correct)

    def _epoch(self, number: int) -> int:
        return (number - 1) // self.steps_per_epoch + 1

    def _indices(self, number: int) -> Integers:
        """Where the images of a step stand in the data."""
        epoch, position = divmod(number - 1, self.steps_per_epoch)
        if self._order[0] != epoch + 1:
            self._order = epoch + 1, self.recipe.order(epoch + 1, len(self._images))
        start = position * self.recipe.batch
        return self._order[1][start : start + self.recipe.batch]

    def _vector_after(self, number: int) -> Array:
        """Return all parameters after a step, read-only; trained again if they are not kept."""
        row = number // self._spacing
        kept: list[tuple[int, Array]] = [
            (row * self._spacing, self._checkpoints[row]),
            self._last_shown,
            (self.step, self._now.vector),
        ]
        if self._next_is is not None:
            kept.append((self._next_is, self._next.vector))
        step, vector = max((pair for pair in kept if pair[0] <= number), key=lambda pair: pair[0])
        vector = vector.copy()
        if step < number:
            now, new = self._now.replaced(vector), _writable(self._now)
            with _overflow_allowed():
                for between in range(step + 1, number + 1):
                    self._train(between, now, new)
                    now, new = new, now
            vector = now.vector
        read_only(vector)
        return vector

    def _room_for_checkpoints(self) -> Array:
        vector = self._now.vector
        rows = checkpoint_room(self.recipe) // vector.nbytes
        room: Array = np.empty((rows, vector.size), vector.dtype)
        return room

    def _keep_checkpoint(self) -> None:
        """Keep the newest parameters; where there is no room, every other checkpoint only."""
        if self.step // self._spacing == len(self._checkpoints):
            every_other = self._checkpoints[::2]
            self._checkpoints[: len(every_other)] = every_other
            self._spacing *= 2
        if self.step % self._spacing == 0:
            self._checkpoints[self.step // self._spacing] = self._now.vector

    def _judge(self) -> None:
        if self._held_out:
            images, labels = self._held_out
            judged = images[:HELD_OUT_IMAGES], labels[:HELD_OUT_IMAGES]
            self.history.record_held_out(evaluate(self._now, *judged))


def judged_every(recipe: Recipe) -> int:
    """Steps from one judgement of the held-out images to the next: about 1,000 images."""
    return max(100, 1_000 // recipe.batch)


def checkpoint_room(recipe: Recipe) -> int:
    """Bytes that the checkpoints of a run may take, however long it gets."""
    return max(16, 8 * recipe.filters) * 1_000_000


def layout(
    recipe: Recipe, step: int, spacing: int, judged: bool
) -> dict[str, tuple[tuple[int, ...], np.dtype[Any]]]:
    """Return shape and type of each of a run's `arrays`.

    Args:
        recipe: of the run.
        step: steps taken.
        spacing: steps from one checkpoint to the next.
        judged: whether the run has held-out digits.
    """
    size = recipe.initial_parameters().vector.size
    whole, single, double = np.dtype("<i8"), np.dtype("<f4"), np.dtype("<f8")
    judgements = step // judged_every(recipe) + 1 if judged else 0
    return {
        "parameters": ((size,), single),
        "spacing": ((), whole),
        "checkpoints": ((step // spacing + 1, size), single),
        "diverged": ((2,), whole),
        "history": ((step,), record_of(recipe)),
        "judgements": ((judgements, 3), double),
    }


def _check_digits(images: Integers, labels: Integers) -> None:
    if images.dtype != np.uint8 or images.shape != (len(labels), *IMAGE) or not len(labels):
        raise ValueError(
            f"A run needs uint8 images of shape (n, 28, 28) and n labels, "
            f"not {images.dtype} {images.shape} and {len(labels)} labels."
        )
    whole = labels.ndim == 1 and labels.dtype.kind in "iu"
    if not (whole and labels.min() >= 0 and labels.max() < CLASSES):
        raise ValueError("The labels of a run are whole numbers from 0 to 9, one for each image.")


def _writable(parameters: Parameters) -> Parameters:
    return parameters.replaced(parameters.vector.copy())


def _overflow_allowed() -> np.errstate:
    """A run that diverges says so itself, at the step where it does."""
    return np.errstate(over="ignore", invalid="ignore", divide="ignore")


def _all_finite(vector: Array) -> bool:
    # The sum of squares is quicker to take, but huge finite values overflow it too.
    return math.isfinite(vector.dot(vector)) or bool(np.isfinite(vector).all())
