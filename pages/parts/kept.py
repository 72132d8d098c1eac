"""What the panels of the pages keep from one drawing to the next."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cnn import GradientCheck, Step
from cnn.arithmetic import Place
from cnn.evaluation import Judgement
from pages.parts.film import Film
from pages.parts.sweeping import Sweeping
from pages.parts.task import Task


class StepId(NamedTuple):
    """Which step of which run of the visit; with another image it is another step.

    So is a digit that is only looked at, which the parameters after the step have seen.
    """

    run: int
    number: int
    first_image: int
    trained: bool

    @classmethod
    def of(cls, run: int, step: Step) -> "StepId":
        """Name a step.

        Args:
            run: the number of the run, `pages.parts.held.Held.number`.
            step: one of its steps, or a digit looked at with its parameters.
        """
        return cls(run, step.number, int(step.indices[0]), step.after is not step.before)


class QuestionId(NamedTuple):
    """A question of the quiz: the step and the image it is about, and its number."""

    step: StepId
    image: int
    number: int


class Answer(NamedTuple):
    """What was answered, as it was written, and whether that was right."""

    given: str
    right: bool


@dataclass
class Kept:
    """Results that took a while, and the score of the quiz. Only the newest results of a kind.

    Attributes:
        check: a step's gradient check, by the exact bias rule, and the image that was checked
            alone, or None for the whole batch.
        losses: a step's loss after each rate of a list, and that list.
        pinned: what was handed last to the panel that moves a parameter.
        question: the number of the quiz's present question, from 1.
        answers: what has been answered in this visit.
        judgements: of the held-out digits, by the number of the run and the step.
        judged_step: the step whose judgement is looked at, or None for the newest.
        cell_chosen: whether a cell of the confusion matrix was chosen, in whichever run.
        film: the animated picture of a filter that is being made, or the last one made.
        offered: the runs that have been offered for comparing; others join by themselves.
        compared_step: after which the filters of those are compared, or None for the last of all.
        sweeping: the sweep that runs, or is looked at, or None.
        sweeps_opened: how many sweeps were opened from files.
    """

    check: tuple[StepId, int | None, GradientCheck] | None = None
    losses: tuple[StepId, tuple[float, ...], NDArray[np.floating]] | None = None
    pinned: Place | None = None
    question: int = 1
    answers: dict[QuestionId, Answer] = field(default_factory=dict)
    judgements: dict[tuple[int, int], Judgement] = field(default_factory=dict)
    judged_step: int | None = None
    cell_chosen: bool = False
    film: Task[Film] | None = None
    offered: set[int] = field(default_factory=set)
    compared_step: int | None = None
    sweeping: Sweeping | None = None
    sweeps_opened: int = 0

    def check_of(self, step: StepId, image: int | None) -> GradientCheck | None:
        """Return the gradient check of a step, if it is the one that is kept."""
        if self.check is None or self.check[:2] != (step, image):
            return None
        return self.check[2]

    def losses_of(self, step: StepId, rates: tuple[float, ...]) -> NDArray[np.floating] | None:
        """Return a step's losses after these rates, if they are the ones that are kept."""
        if self.losses is None or self.losses[:2] != (step, rates):
            return None
        return self.losses[2]
