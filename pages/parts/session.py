"""What one visitor has in hand: digits, a run, and how it plays.

It is the only thing of ours in Streamlit's session state, beside what stands in the widgets.
"""

import time
from dataclasses import dataclass, field, replace

import streamlit as st

from cnn import Recipe, Run, Step
from cnn.recipe import MAX_STEPS
from data import Digits
from pages.parts.brought import Brought
from pages.parts.digits import digits_called, shared_digits
from pages.parts.held import Held, Origin
from pages.parts.kept import Kept
from pages.parts.keys import Key
from pages.parts.limits import limits
from pages.parts.link import DEFAULT, Wanted, wanted
from pages.parts.look import Look
from pages.parts.pace import BUDGET, FASTEST, PACES, Pace
from pages.parts.rate_slider import RateSlider
from pages.parts.rates import tenth
from pages.parts.sketch import Sketch
from pages.parts.turns import TURNS, Allowance

MOST_OTHERS = 5
"""Runs kept beside the one in hand; each may take 16 MB of checkpoints, 64 with eight filters."""


WAITING = 0.3
"""Seconds after which a visitor without a place asks again; a click is not kept waiting longer."""

LONGEST_NAME = 40
"""Characters of a run's name."""


@dataclass
class Session:
    """One visitor's runs, and how the one in hand plays.

    Attributes:
        held: the run in hand.
        others: earlier runs of this visit, by number, the newest last.
        pace: how fast it plays.
        playing: whether it plays.
        watching: the digit to look at instead of each step's own, a position in the training
            digits and the held-out digits after them; or None.
        seeking: whether a step has just been sought, so that the step page is to be opened.
        live_asked: whether the live page is to be opened, for what was just chosen is seen there.
        look: what of the run is looked at on the step page.
        slider: of the learning rate.
        kept: what the panels of the step page keep.
        brought: digits of one's own on the data page, before a run is started on them.
        sketch: what was drawn or brought on the draw page.
        goal: the step that a link asks for, until the run in hand is there.
        awaited: what a link asks for, while its digits are not here; or None.
        notice: what is to be said once, in one sentence, or None.
        tours_asked: how often the tour of the live page was asked for.
        numbers: the number of the newest run of the visit.
        waits: whether as many others train as may at once, so that this run waits.
    """

    held: Held
    others: dict[int, Held] = field(default_factory=dict)
    pace: Pace = PACES[FASTEST]
    playing: bool = False
    watching: int | None = None
    seeking: bool = False
    live_asked: bool = False
    look: Look = field(default_factory=Look)
    slider: RateSlider = field(default_factory=RateSlider)
    kept: Kept = field(default_factory=Kept)
    brought: Brought = field(default_factory=Brought)
    sketch: Sketch = field(default_factory=Sketch)
    goal: int | None = None
    awaited: Wanted | None = None
    notice: str | None = None
    tours_asked: int = 0
    numbers: int = 1
    waits: bool = False
    _due: float = 0.0
    _known_dead: bool = False
    _allowance: Allowance = field(default_factory=Allowance)

    @classmethod
    def begun(cls, digits: Digits, recipe: Recipe) -> "Session":
        """Return a session whose run has taken its first step, so that there is one to show."""
        return cls(Held.begun(digits, recipe, 1))

    @property
    def run(self) -> Run:
        """The run in hand."""
        return self.held.run

    @property
    def digits(self) -> Digits:
        """What it trains on: shared by all visitors, or this one's own."""
        return self.held.digits

    def start(self, digits: Digits, recipe: Recipe) -> None:
        """Take a new run in hand; the present one can be returned to.

        If a link waits for these digits, it is the run that the link asks for.
        """
        self.watching = None
        if self.awaited and self.awaited.recipe.data == digits.name:
            recipe, self.goal, self.awaited = self.awaited.recipe, self.awaited.step, None
        self.take(Held.begun(digits, recipe, self._next_number()))

    def open(self, run: Run, digits: Digits) -> None:
        """Take a run in hand that comes from a file."""
        self.watching = None
        self.take(Held(run, digits, self._next_number()))

    def stay(self) -> None:
        """Train no further towards the step that a link asked for."""
        self.goal = None
        TURNS.leave(id(self))

    def read_notice(self) -> None:
        """Say no more what was to be said once."""
        self.notice = None

    def ask_for_tour(self) -> None:
        """Show the tour of the live page, once more."""
        self.tours_asked += 1

    def digits_named(self, name: str) -> Digits | None:
        """Return the digits of that name that this visit has in hand, if there are any."""
        digits = [held.digits for held in (self.held, *self.others.values())]
        if self.brought.digits:
            digits.append(self.brought.digits)
        return next((known for known in digits if known.name == name), None)

    def name_classes(self, classes: tuple[str, ...]) -> None:
        """Call the classes of the digits in hand something else, in every run on them."""
        digits = replace(self.digits, classes=classes)
        self.held = replace(self.held, digits=digits)
        for number, held in self.others.items():
            if held.digits.name == digits.name:
                self.others[number] = replace(held, digits=digits)

    def take(self, held: Held) -> None:
        """Take a run in hand, and put the present one with the others."""
        look = self._look_shared_with(held)
        self.others[self.held.number] = self.held
        self.others.pop(held.number, None)
        while len(self.others) > MOST_OTHERS:
            del self.others[next(iter(self.others))]
        self._replace(held)
        self.look = look

    @property
    def runs(self) -> dict[int, Held]:
        """All runs of this visit by number, in the order in which they were begun."""
        return dict(sorted((self.others | {self.held.number: self.held}).items()))

    def rename(self, number: int, name: str) -> None:
        """Call a run of this visit something, or nothing."""
        name = " ".join(name.split())[:LONGEST_NAME]
        if number == self.held.number:
            self.held = replace(self.held, name=name)
        elif number in self.others:
            self.others[number] = replace(self.others[number], name=name)

    def remove(self, number: int) -> None:
        """Forget a run of this visit; the one in hand stays."""
        self.others.pop(number, None)

    def fork(self, number: int, rate: float) -> None:
        """Take in hand a run that goes on from a step with another rate."""
        forked, origin = self.run.fork(number, rate), Origin(self.held.number, number)
        self.take(Held(forked, self.digits, self._next_number(), origin))

    def reset(self) -> None:
        """Start the same run again: same weights, same images, the rate that is set now."""
        recipe = self.run.recipe.with_rate(1, self.chosen_rate)
        self._replace(Held.begun(self.digits, recipe, self._next_number()))

    def _next_number(self) -> int:
        self.numbers += 1
        return self.numbers

    def _look_shared_with(self, held: Held) -> Look:
        """How another run is looked at: as this one, if the two share the step; else afresh."""
        step = self.looked_at
        for child, parent in ((held, self.held), (self.held, held)):
            origin = child.origin
            if origin and origin.parent == parent.number and step <= origin.step:
                return replace(self.look, step=None if step == held.run.step else step)
        return Look()

    def _replace(self, held: Held) -> None:
        self.held = held
        self.pause()
        self._known_dead = False
        self.look = Look()
        self.slider.put(self.run.learning_rate)

    def play(self) -> None:
        """Play from the next tick on."""
        self.playing = self.run.stopped is None
        self._due = 0.0
        # What the page has said already: a dead network is played on on purpose.
        self._known_dead = self.held.dead

    def pause(self) -> None:
        """Play no longer."""
        self.playing = False
        TURNS.leave(id(self))

    def step(self) -> None:
        """Pause, and take one step."""
        self.pause()
        self._hear_slider()
        with TURNS.standing():
            self.run.advance(1)

    def rescue(self) -> None:
        """After a run has diverged: go back to before the step that did it, with a tenth of η."""
        if diverged := self.run.diverged:
            self._go_back(diverged.cause - 1, diverged.learning_rate)

    def revive(self) -> None:
        """After a network has died: go back to where it did best, with a tenth of the rate."""
        self._go_back(self.held.best_step, self.run.recipe.rate_at(self.run.step))

    def _go_back(self, number: int, rate: float) -> None:
        """Take in hand a run that goes on from a step with a tenth of a rate."""
        self.fork(number, tenth(rate))
        if number == 0:  # there is always a step to show
            self.run.advance(1)

    def tick(self) -> None:
        """Train what fits between two frames, if the run plays."""
        now = time.monotonic()
        # A rerun of the whole page comes early: it draws, and the next tick trains.
        if not self.playing or now < self._due:
            return
        self._due = now + 0.7 * self.pace.interval
        steps, before = self.pace.steps, self.run.step
        most = min(steps or MAX_STEPS, self._allowance.steps(limits().steps_a_second))
        self._hear_slider()
        self._train(most, self.pace.interval, None if steps else BUDGET)
        self._allowance.take(self.run.step - before)
        if self.run.stopped or self._died():
            self.pause()

    def approach(self, goal: int) -> None:
        """Train towards a step for one turn; what was trained once is no new step of anybody's."""
        self._train(goal - self.run.step, 0.0, BUDGET)

    def _train(self, most: int, interval: float, budget: float | None) -> None:
        """Wait for a turn and train in it.

        Args:
            most: steps to take.
            interval: seconds from now until another turn is wanted.
            budget: seconds after which it is enough, if nobody else plays; None for all steps.
        """
        run, goal = self.run, self.run.step + most
        chunk = max(8 // run.recipe.batch, 1)
        with TURNS.turn(id(self), limits().visitors_training, interval, budget) as end:
            self.waits = end is None
            while end and run.step < goal and time.monotonic() < end:
                if not run.advance(min(chunk, goal - run.step)):
                    break
        if self.waits:
            time.sleep(WAITING)

    def _died(self) -> bool:
        """Whether the network has just died. A dead one may be played on, to see it."""
        newest = self.run.at(self.run.step).forward
        if self._known_dead or (newest.pooled.any() and newest.a1.any()):
            return False
        self._known_dead = self.held.dead
        return self._known_dead

    def _hear_slider(self) -> None:
        # Once for each tick: Streamlit changes no widget's value while a script runs.
        if (rate := self.slider.heard()) is not None:
            self.run.set_learning_rate(rate)

    @property
    def shown(self) -> Step:
        """The newest step; or the digit that is watched, seen by the parameters after it."""
        if self.watching is None:
            return self.run.at(self.run.step)
        return self.held.seen(self.watching, self.run.parameters, self.run.step)

    @property
    def looked_at(self) -> int:
        """The number of the step that the step page shows."""
        return min(self.look.step or self.run.step, self.run.step)

    @property
    def step_looked_at(self) -> Step:
        """The step that the step page shows; or the examined digit, seen by what it left."""
        step = self.run.at(self.looked_at)
        if self.look.examined is None:
            return step
        return self.held.seen(self.look.examined, step.after, step.number)

    def look_at(self, number: int) -> None:
        """Show a step on the step page, or the nearest that there is."""
        self.look.step = min(max(number, 1), self.run.step)

    def seek(self, number: int) -> None:
        """Look at a step on the step page, from another page."""
        self.look_at(number)
        self.seeking = True

    def look_at_newest(self) -> None:
        """Show the newest step on the step page, whichever that is."""
        self.look.step = None

    @property
    def chosen_rate(self) -> float:
        """The learning rate of the next step: the recipe's, unless the slider has been moved."""
        rate = self.slider.moved_to
        return self.run.learning_rate if rate is None else rate

    @property
    def slider_lags(self) -> bool:
        """Whether the recipe has changed the rate, as one from a link may, and not the slider."""
        return self.slider.lags_behind(self.run.learning_rate)


def session() -> Session:
    """Return this visitor's session, which begins with their first page."""
    if Key.SESSION not in st.session_state:
        return begin(wanted(st.query_params))
    held: Session = st.session_state[Key.SESSION]
    return held


def begin(asked: Wanted) -> Session:
    """Begin this visitor's session, in the place of any other, with what an address asks for."""
    st.session_state[Key.SESSION] = begun = _arrived(asked)
    return begun


def _arrived(asked: Wanted) -> Session:
    """Begin a session with what a link asks for, or with the default run."""
    digits = shared_digits(asked.recipe.data)
    if digits:
        session = Session.begun(digits, asked.recipe)
        session.goal, session.notice = asked.step, asked.ignored
        return session
    session = Session.begun(digits_called(DEFAULT.recipe.data), DEFAULT.recipe)
    session.awaited = asked
    session.notice = (
        f"The run of this address trains on digits called “{asked.recipe.data}”, which are not "
        "here, so this is another run: bring them on the data page, and the run that you start on "
        "them is that of the address."
    )
    return session
