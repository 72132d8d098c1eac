"""A run of a visit, and what it makes of a digit."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from cnn import Parameters, Recipe, Run, Step, backward, forward
from cnn.evaluation import DEATH_IMAGES, evaluate, is_dead
from cnn.run import HELD_OUT_IMAGES
from data import Digits
from pages.parts.limits import limits
from pages.parts.reach import Reach, reach_of

LEARNED = 0.2
"""Share of digits above which a network has learned something: twice what guessing gives."""


@dataclass(frozen=True)
class Origin:
    """Where a run was forked off.

    Attributes:
        parent: the number of the run that it shares its first steps with.
        step: the last step that they share.
    """

    parent: int
    step: int


@dataclass(frozen=True)
class Held:
    """A run of this visit.

    Attributes:
        run: the run.
        digits: what it trains on.
        number: counted from 1 within the visit.
        origin: where it was forked off, or None for a run with a start of its own.
        name: what the visitor calls it, or "".
    """

    run: Run
    digits: Digits
    number: int
    origin: Origin | None = None
    name: str = ""

    def __post_init__(self) -> None:
        """End the run where every run of this server ends."""
        self.run.longest = limits().longest_run

    @classmethod
    def begun(cls, digits: Digits, recipe: Recipe, number: int) -> "Held":
        """Return a run that has taken its first step, so that there is one to show."""
        held_out = digits.held_out_images, digits.held_out_labels
        run = Run(recipe, digits.images, digits.labels, held_out)
        run.advance(1)
        return cls(run, digits, number)

    @property
    def title(self) -> str:
        """Its number, and its name if it has one. Whoever shows it as Markdown escapes it."""
        return f"run {self.number}" + (f" “{self.name}”" if self.name else "")

    @cached_property
    def first_reach(self) -> Reach:
        """How large the quantities of the run's first step are."""
        return reach_of(self.run.at(1))

    def digit(self, position: int) -> tuple[NDArray[np.uint8], int]:
        """Return a picture and its label; the held-out digits follow the training digits."""
        digits, held_out = self.digits, position - len(self.digits.images)
        if held_out < 0:
            return digits.images[position], int(digits.labels[position])
        return digits.held_out_images[held_out], int(digits.held_out_labels[held_out])

    def seen(self, position: int, parameters: Parameters, number: int) -> Step:
        """What the parameters after a step make of a digit, and the error it would send back."""
        return self._seen(*self.digit(position), position, parameters, number)

    def judged(self, picture: NDArray[np.uint8], label: int) -> Step:
        """What the newest parameters make of a picture that is not in the data, (28, 28)."""
        return self._seen(picture, label, -1, self.run.parameters, self.run.step)

    def _seen(
        self,
        image: NDArray[np.uint8],
        label: int,
        position: int,
        parameters: Parameters,
        number: int,
    ) -> Step:
        images, labels = image[np.newaxis], np.array([label])
        values, run = forward(parameters, images), self.run
        return Step(
            number=number,
            epoch=(number - 1) // run.steps_per_epoch + 1,
            indices=np.array([position]),
            images=images,
            labels=labels,
            learning_rate=run.recipe.rate_at(number),
            before=parameters,
            after=parameters,
            forward=values,
            backward=backward(parameters, values, labels, run.recipe.bias_rule),
        )

    @property
    def dead(self) -> bool:
        """Whether nothing but biases learns any more; see `cnn.evaluation.is_dead`."""
        with np.errstate(over="ignore", invalid="ignore"):  # on the way to divergence
            return is_dead(self.run.parameters, self.digits.held_out_images[:DEATH_IMAGES])

    @property
    def best_step(self) -> int:
        """The step since the rate was set last after which most held-out digits were recognised.

        Of those at which they were judged, and the one just before that rate: it is the one if
        nothing was learned since.
        """
        run, digits, history = self.run, self.digits, self.run.history
        start = max(since for since, _ in run.recipe.learning_rate if since <= run.step) - 1
        parameters = run.at(start).after if start else run.recipe.initial_parameters()
        images, labels = digits.held_out_images, digits.held_out_labels
        before = evaluate(parameters, images[:HELD_OUT_IMAGES], labels[:HELD_OUT_IMAGES])
        shares = dict(zip(history.held_out_step, history.held_out_accuracy, strict=True))
        since = {int(step): share for step, share in shares.items() if step > start}
        since |= {start: before.accuracy}
        best = max(since, key=lambda step: (since[step], step))
        return best if since[best] > LEARNED else start
