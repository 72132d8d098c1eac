"""What on the notes page follows the run: real numbers of one step, one thread through it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import Any

import numpy as np
import streamlit as st

from cnn import Step
from cnn.arithmetic import Arithmetic, explain
from cnn.arithmetic_forward import pixel_under
from cnn.convolution import SIDE
from cnn.network import MAP, pooled_size
from cnn.slips import values
from pages.parts.playing import refresh
from pages.parts.session import Session
from pages.parts.sheet import sheet


@dataclass(frozen=True)
class Thread:
    """The cells of one step that the examples show: each leads to the next.

    The error that moves the filter most goes through one winner, one pooled value and the
    hidden unit with the largest error; the true class stands at its end.

    Attributes:
        filter: the filter that made the map, counted from 0.
        pooled: position in the pooled map.
        winner: position of that window's winner in the map.
        unit: the hidden unit.
        label: the true class.
        weight: the filter weight with the largest gradient.
        pixel: the brightest pixel under the filter, position in the image.
    """

    filter: int
    pooled: int
    winner: int
    unit: int
    label: int
    weight: int
    pixel: int

    @classmethod
    def through(cls, step: Step, image: int) -> "Thread":
        """Find it in one image of a step."""
        there, back = step.forward, step.backward
        error = np.abs(back.delta0[image]) * (there.pooled[image] > 0)  # (f, 13, 13)
        if not error.any():  # nothing comes back to any filter
            error = there.pooled[image]
        filter, pooled = divmod(int(error.argmax()), pooled_size(1))
        unit = np.abs(back.delta1[image]) if back.delta1[image].any() else there.z1[image]
        winner = int(there.winner[image, filter].reshape(-1)[pooled])
        pixels = [pixel_under(winner, weight) for weight in range(SIDE * SIDE)]
        return cls(
            filter,
            pooled,
            winner,
            int(unit.argmax()),
            int(step.labels[image]),
            int(np.abs(back.gradients.filters[filter]).argmax()),
            max(pixels, key=there.x[image].reshape(-1).__getitem__),
        )

    def index(self, quantity: str, step: Step) -> int:
        """Return where a quantity lies on the thread, as in `cnn.arithmetic.explain`."""
        flat = pooled_size(1) * self.filter + self.pooled
        hidden, inputs = step.before.hidden_weights.shape
        indices: dict[str, int] = {
            "x": self.pixel,
            "a0": flat,
            "dW1": self.unit * inputs + flat,
            "dW2": self.label * hidden + self.unit,
            "filter_bias": 0,
            "loss": 0,
            "db": 0,
            "new_filter_bias": 0,
        }
        indices |= dict.fromkeys(("z", "feature_map", "backfill", "dz"), self.winner)
        indices |= dict.fromkeys(("pooled", "delta0"), self.pooled)
        indices |= dict.fromkeys(("z1", "a1", "delta1", "db1"), self.unit)
        indices |= dict.fromkeys(("z2", "probabilities", "delta2", "db2"), self.label)
        indices |= dict.fromkeys(("filters", "dk", "new_filters"), self.weight)
        return indices[quantity]


@dataclass(frozen=True)
class Moment:
    """One step, as the page shows it.

    Attributes:
        session: whose run it is of.
        step: the step.
        image: which image of its batch.
    """

    session: Session
    step: Step
    image: int

    @classmethod
    def now(cls, session: Session) -> "Moment":
        """Return what the step page would show: the newest step, or the one that is looked at."""
        step = session.step_looked_at
        return cls(session, step, session.look.image_in(step))

    @cached_property
    def thread(self) -> Thread:
        """The cells that the examples show."""
        return Thread.through(self.step, self.image)

    @cached_property
    def values(self) -> Mapping[str, Any]:
        """The notes' values of that image and the thread's filter, for the slips."""
        cell = divmod(self.thread.winner, MAP[1])
        return values(self.step, self.image, self.thread.filter, *cell)

    def arithmetic(self, quantity: str) -> Arithmetic:
        """Return where the number of a quantity that lies on the thread comes from."""
        return explain(
            self.step,
            quantity,
            self.thread.index(quantity, self.step),
            self.image,
            self.thread.filter,
            self.session.run.recipe.bias_rule,
        )

    def example(self, quantity: str) -> str:
        """Write that out, in HTML."""
        counts = len(self.step.labels), len(self.step.before.filters)
        return sheet(self.arithmetic(quantity), *counts)

    @property
    def words(self) -> str:
        """Say which step this is, in HTML."""
        session, step = self.session, self.step
        number, names = f"<b>step {step.number:,}</b>", session.digits.classes
        which = "the newest" if step.number == session.run.step else "which the step page shows"
        several = f", image {self.image + 1} of its batch" if len(step.labels) > 1 else ""
        if step.after is step.before:
            said = f"what the network after {number} makes of a digit that the step page looks at"
        else:
            said = f"of {number}, {which}{several}"
        return (
            f'<p class="moment" data-step="{step.number}">Every number below is {said}; the image '
            f"shows “{escape(names[int(step.labels[self.image])])}”. The examples follow one "
            "thread through it: each number goes into the next.</p>"
        )


Written = Callable[[Moment], str]
"""Writes something about a moment, in HTML."""


class Live:
    """The places of the page that are filled with a step's numbers, again while the run plays.

    A fragment for each would show as many different steps; one for the whole page would send
    all its code again. So the places are made with the page, and one fragment fills them all.

    Args:
        session: whose step is shown.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.moment = Moment.now(session)
        self._places: list[tuple[Any, Written]] = []

    def add(self, written: Written) -> None:
        """Make a place here, for what is written about the moment."""
        self._places.append((st.empty(), written))

    def pin(self, quantity: str) -> None:
        """Go to the step page, where the number that is shown of a quantity is pinned."""
        self.session.seek(self.moment.step.number)
        self.session.look.pin(self.moment.arithmetic(quantity).place)

    def let_go(self) -> None:
        """Show the newest step again, and its own image."""
        self.session.look_at_newest()
        self.session.look.examine(None)

    def follow(self) -> None:
        """Fill the places, and again and again as long as the run plays."""

        @st.fragment(run_every=refresh(self.session))
        def tick() -> None:
            self.moment = Moment.now(self.session)
            for place, written in self._places:
                place.html(written(self.moment))

        tick()
