"""What one visitor has in hand: digits, a run, and how it plays.

It is the only thing of ours in Streamlit's session state, and the widgets' keys stand here with
it, so that nothing else needs to know a name in there.
"""

import time
from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cnn import Parameters, Recipe, Run, Step, backward, forward
from cnn.arithmetic import Place
from cnn.evaluation import is_dead
from data import Digits
from pages.parts.brought import Brought
from pages.parts.curves import thinned
from pages.parts.digits import digits_called, shared_digits
from pages.parts.frame import Scene, Spot, pack
from pages.parts.kept import Kept
from pages.parts.link import DEFAULT, Wanted, wanted
from pages.parts.pace import BUDGET, FASTEST, PACES, Pace
from pages.parts.rates import RATES, tenth
from pages.parts.sketch import Sketch
from pages.parts.spots import spot_of
from pages.parts.turns import TURNS
from pages.parts.worked import worked

DEATH_IMAGES = 500
"""Held-out digits by which it is judged whether a network has died."""

STAGE_POINTS = 120
"""Points of the short curves on the stage."""

MOST_OTHERS = 5
"""Runs kept beside the one in hand; each may take 16 MB of checkpoints, 64 with eight filters."""


LONGEST_NAME = 40
"""Characters of a run's name."""


class Key(StrEnum):
    """Names in Streamlit's session state."""

    SESSION = "session"
    RATE = "learning_rate"
    PACE = "pace"
    WATCH = "watch"
    WATCHED = "watched"
    NEXT_OF_CLASS = "next_of_class"
    WEIGHTS_OF = "weights_of"
    STEP_NUMBER = "step_number"
    SCRUBBER = "scrubber"
    FORK_RATE = "fork_rate"
    IMAGE_OF_BATCH = "image_of_batch"
    FOLLOWED = "followed"
    WANTED_QUANTITY = "wanted_quantity"
    CHECK = "check"
    CHECK_NOTES_RULE = "check_notes_rule"
    CHECK_COPIED_TIES = "check_copied_ties"
    CHECK_LOOKED_AT = "check_looked_at"
    RATES_SHOWN = "rates_shown"
    WHAT_IF = "what_if"
    WHAT_IF_PART = "what_if_part"
    WHAT_IF_INDEX = "what_if_index"
    WHAT_IF_VALUE = "what_if_value"
    QUIZ = "quiz"
    QUIZ_ANSWER = "quiz_answer"
    SQUARE = "square"
    DRAW_WITH = "draw_with"
    PICTURE = "picture"
    CAMERA = "camera"
    TOLD = "told"
    LESSON_FILTER = "lesson_filter"
    RUN_FILE = "run_file"
    DATA = "data"
    FOLDER = "folder"
    CLASS_NAMES = "class_names"
    NEW_CLASS_NAMES = "new_class_names"
    BROWSED_PART = "browsed_part"
    BROWSED_CLASS = "browsed_class"
    BROWSED_PAGE = "browsed_page"
    OPENED_STEP = "opened_step"
    FILTER_SHOWN = "filter_shown"
    SPAN = "span"
    SPACING = "spacing"
    MOMENTS = "moments"
    FILM_DIGIT = "film_digit"
    FILM_NEXT_OF_CLASS = "film_next_of_class"
    FRAMES = "frames"
    FOLLOW_NEWEST = "follow_newest"
    JUDGED_STEP = "judged_step"
    JUDGED_SCRUBBER = "judged_scrubber"
    CONFUSION = "confusion"
    TRUE_CLASS = "true_class"
    SAID_CLASS = "said_class"
    CELL_PAGE = "cell_page"
    COMPARED = "compared"
    COMPARED_STEP = "compared_step"
    RUN_CHOSEN = "run_chosen"
    RUN_NAME = "run_name"
    SWEEP_FILE = "sweep_file"
    SWEEP_RUN = "sweep_run"
    SWEEP_KEPT = "sweep_kept"
    SWEEP_COMBINE = "sweep_combine"
    SWEEP_LENGTH = "sweep_length"
    SWEEP_COUNT = "sweep_count"
    SWEEP_FIELD = "sweep_field"


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

    @property
    def title(self) -> str:
        """Its number, and its name if it has one. Whoever shows it as Markdown escapes it."""
        return f"run {self.number}" + (f" “{self.name}”" if self.name else "")


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
        looking_at: the step that the step page shows, or None for the newest.
        seeking: whether a step has just been sought, so that the step page is to be opened.
        watch_asked: whether the live page is to be opened, on the digit that is watched.
        examined: the digit that the step page shows instead of the step's own images, a position
            as in `watching`; or None.
        image: which image of the step's batch is looked at.
        pinned: the number whose arithmetic is written out, or None.
        pinned_spot: the cell of the stage that was clicked for it, or None.
        trail: the numbers that led to it, the newest last.
        asked: the panel of the stage that is explained, or None.
        kept: what the panels of the step page keep.
        offered_rates: the slider's: the round ones, and any other that a recipe brought.
        brought: digits of one's own on the data page, before a run is started on them.
        sketch: what was drawn or brought on the draw page.
        goal: the step that a link asks for, until the run in hand is there.
        awaited: what a link asks for, while its digits are not here; or None.
        notice: what is to be said once, in one sentence, or None.
        tours_asked: how often the tour of the live page was asked for.
        numbers: the number of the newest run of the visit.
        rate_key: the slider's, a new one each time it is put somewhere: what the browser still
            sends of where it stood before is then no move of it.
    """

    held: Held
    others: dict[int, Held] = field(default_factory=dict)
    pace: Pace = PACES[FASTEST]
    playing: bool = False
    watching: int | None = None
    looking_at: int | None = None
    seeking: bool = False
    watch_asked: bool = False
    examined: int | None = None
    image: int = 0
    pinned: Place | None = None
    pinned_spot: Spot | None = None
    trail: list[Place] = field(default_factory=list)
    asked: str | None = None
    kept: Kept = field(default_factory=Kept)
    brought: Brought = field(default_factory=Brought)
    sketch: Sketch = field(default_factory=Sketch)
    goal: int | None = None
    awaited: Wanted | None = None
    notice: str | None = None
    tours_asked: int = 0
    numbers: int = 1
    _due: float = 0.0
    _known_dead: bool = False
    rate_key: str = Key.RATE
    _slider_placed: float | None = None
    _placings: int = 0
    offered_rates: tuple[float, ...] = RATES

    @classmethod
    def begun(cls, digits: Digits, recipe: Recipe) -> "Session":
        """Return a session whose run has taken its first step, so that there is one to show."""
        return cls(Held(_begun(digits, recipe), digits, 1))

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
        self.take(Held(_begun(digits, recipe), digits, self._next_number()))

    def open(self, run: Run, digits: Digits) -> None:
        """Take a run in hand that comes from a file."""
        self.watching = None
        self.take(Held(run, digits, self._next_number()))

    def stay(self) -> None:
        """Train no further towards the step that a link asked for."""
        self.goal = None

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
        self.others[self.held.number] = self.held
        self.others.pop(held.number, None)
        while len(self.others) > MOST_OTHERS:
            del self.others[next(iter(self.others))]
        self._replace(held)

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
        self._replace(Held(_begun(self.digits, recipe), self.digits, self._next_number()))

    def _next_number(self) -> int:
        self.numbers += 1
        return self.numbers

    def _replace(self, held: Held) -> None:
        self.held = held
        self.playing, self.looking_at, self._known_dead = False, None, False
        self.image, self.examined = 0, None
        self.let_go()
        self._put_slider()

    def play(self) -> None:
        """Play from the next tick on."""
        self.playing = self.run.stopped is None
        self._due = 0.0
        self._known_dead = self.dead  # the page has said so already: it is played on on purpose

    def pause(self) -> None:
        """Play no longer."""
        self.playing = False

    def step(self) -> None:
        """Pause, and take one step."""
        self.playing = False
        self._advance(1)

    def rescue(self) -> None:
        """After a run has diverged: go back to before the step that did it, with a tenth of η."""
        if diverged := self.run.diverged:
            self._go_back(diverged.cause - 1, diverged.learning_rate)

    def revive(self) -> None:
        """After a network has died: go back to its last live step with a tenth of the rate."""
        run = self.run
        live, dead = 0, run.step
        while dead - live > 1:
            middle = (live + dead) // 2
            if self._is_dead_after(run.at(middle).after):
                dead = middle
            else:
                live = middle
        self._go_back(live, run.recipe.rate_at(dead))

    def _go_back(self, number: int, rate: float) -> None:
        """Take in hand a run that goes on from a step with a tenth of a rate."""
        self.fork(number, tenth(rate))
        if number == 0:  # there is always a step to show
            self.run.advance(1)

    @property
    def dead(self) -> bool:
        """Whether no hidden unit is above 0 for any digit: nothing but a bias learns any more."""
        return self._is_dead_after(self.run.parameters)

    def _is_dead_after(self, parameters: Parameters) -> bool:
        with np.errstate(over="ignore", invalid="ignore"):  # on the way to divergence
            return is_dead(parameters, self.digits.held_out_images[:DEATH_IMAGES])

    def tick(self) -> None:
        """Train what fits between two frames, if the run plays."""
        now = time.monotonic()
        # A rerun of the whole page comes early: it draws, and the next tick trains.
        if not self.playing or now < self._due:
            return
        self._due = now + 0.7 * self.pace.interval
        if self.pace.steps is not None:
            self._advance(self.pace.steps)
        else:
            chunk = max(8 // self.run.recipe.batch, 1)
            with TURNS.turn(id(self), BUDGET) as end:
                while time.monotonic() < end and self._advance(chunk):
                    pass
        if self.run.stopped or self._died():
            self.playing = False

    def _died(self) -> bool:
        """Whether the network has just died. A dead one may be played on, to see it."""
        if self._known_dead or self.run.at(self.run.step).forward.a1.any():
            return False
        self._known_dead = self.dead
        return self._known_dead

    def _advance(self, steps: int) -> int:
        if (rate := self._moved_to) is not None:
            self.run.set_learning_rate(rate)
            self._slider_placed = rate
        return self.run.advance(steps)

    @property
    def shown(self) -> Step:
        """The newest step; or the digit that is watched, seen by the parameters after it."""
        if self.watching is None:
            return self.run.at(self.run.step)
        return self._seen(self.watching, self.run.parameters, self.run.step)

    def _seen(self, position: int, parameters: Parameters, number: int) -> Step:
        """What the parameters after a step make of a digit, and the error it would send back."""
        return self._judged(*self.digit(position), position, parameters, number)

    def judged(self, picture: NDArray[np.uint8], label: int) -> Step:
        """What the newest parameters make of a picture that is not in the data, (28, 28)."""
        return self._judged(picture, label, -1, self.run.parameters, self.run.step)

    def _judged(
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

    def digit(self, position: int) -> tuple[NDArray[np.uint8], int]:
        """Return a picture and its label; the held-out digits follow the training digits."""
        digits, held_out = self.digits, position - len(self.digits.images)
        if held_out < 0:
            return digits.images[position], int(digits.labels[position])
        return digits.held_out_images[held_out], int(digits.held_out_labels[held_out])

    @property
    def looked_at(self) -> int:
        """The number of the step that the step page shows."""
        return min(self.looking_at or self.run.step, self.run.step)

    @property
    def step_looked_at(self) -> Step:
        """The step that the step page shows; or the examined digit, seen by what it left."""
        step = self.run.at(self.looked_at)
        if self.examined is None:
            return step
        return self._seen(self.examined, step.after, step.number)

    def examine(self, position: int | None) -> None:
        """Show a digit on the step page instead of a step's own images, or none any more."""
        self.examined, self.image = position, 0
        self.let_go()

    def look_at(self, number: int) -> None:
        """Show a step on the step page, or the nearest that there is."""
        self.looking_at = min(max(number, 1), self.run.step)

    def seek(self, number: int) -> None:
        """Look at a step on the step page, from another page."""
        self.look_at(number)
        self.seeking = True

    def look_at_newest(self) -> None:
        """Show the newest step on the step page, whichever that is."""
        self.looking_at = None

    def pin(self, place: Place, spot: Spot | None = None) -> None:
        """Write out a number's arithmetic.

        Args:
            place: the number; where it belongs to one image of the batch, that is looked at.
            spot: the cell of the stage that was clicked; found unless given.
        """
        self.trail = []
        self._pin(place, spot)

    def follow(self, place: Place) -> None:
        """Go from the pinned number to another, such as one that it is made of."""
        if self.pinned:
            self.trail.append(replace(self.pinned, image=self.image))
        self._pin(place, None)

    def back(self) -> None:
        """Return to the number that led to the pinned one."""
        self._pin(self.trail.pop(), None)

    def _pin(self, place: Place, spot: Spot | None) -> None:
        self.pinned, self.pinned_spot, self.asked = place, spot, None
        if place.image is not None:
            self.image = place.image

    def let_go(self) -> None:
        """Write out no number."""
        self.pinned, self.pinned_spot, self.trail = None, None, []

    def frame(self, step: Step) -> bytes:
        """Return what the stage of the live page draws of a step, which may be `shown`."""
        scene = self._scene(step)
        if scene.slow is not None:
            scene = replace(scene, worked=worked(step, 0, self.run.recipe.bias_rule))
        return pack(step, scene)

    def still_frame(self, step: Step, covered: tuple[Spot, ...] = ()) -> bytes:
        """Return what the stage draws of a step that is looked at, with the pinned cell.

        Args:
            step: a step of the run in hand.
            covered: the cells that are not to be seen.
        """
        image, spot = self.image_in(step), self.pinned_spot
        if self.pinned and not spot:
            recipe, label = self.run.recipe, int(step.labels[image])
            spot = spot_of(self.pinned, recipe.hidden, recipe.filters, label)
        scene = replace(self._scene(step), playing=False, slow=None, explains=True)
        return pack(step, replace(scene, batch_index=image, pinned=spot, covered=covered))

    def sketch_frame(self, step: Step, note: str, told: bool) -> bytes:
        """Return what the stage draws of a picture that is not in the data.

        Args:
            step: from `judged`, or one step of training on that picture.
            note: what is to be said about it.
            told: whether the step's label is what the picture really shows, and not a guess.
        """
        scene = replace(self._scene(step), playing=False, slow=None, note=note, told=told)
        return pack(step, scene)

    def image_in(self, step: Step) -> int:
        """Which image of a step's batch is looked at; an epoch's last batch may be smaller."""
        return min(self.image, len(step.labels) - 1)

    def _scene(self, step: Step) -> Scene:
        run = self.run
        curves = thinned(run.history, STAGE_POINTS)
        position = (step.number - 1) % run.steps_per_epoch + 1
        return Scene(
            run_id=str(self.held.number),
            playing=self.playing,
            slow=0.9 * self.pace.interval if self.pace.slow_motion else None,
            watching=int(step.indices[0]) if step.after is step.before else None,
            position=min(position * run.recipe.batch, len(self.digits.images)),
            epoch_size=len(self.digits.images),
            classes=self.digits.classes,
            bias_rule=run.recipe.bias_rule,
            rate_changes=run.recipe.learning_rate,
            curve_steps=curves.steps,
            curve_loss=curves.loss,
            curve_filters=curves.filters.reshape(len(curves.steps), -1, 9),
        )

    @property
    def chosen_rate(self) -> float:
        """The learning rate of the next step: the recipe's, unless the slider has been moved."""
        rate = self._moved_to
        return self.run.learning_rate if rate is None else rate

    @property
    def _moved_to(self) -> float | None:
        """Where the slider has been moved to since it was placed or listened to, or None."""
        stands: float | None = st.session_state.get(self.rate_key)
        return None if stands == self._slider_placed else stands

    @property
    def slider_lags(self) -> bool:
        """Whether the recipe has changed the rate, as one from a link may, and not the slider."""
        return self._moved_to is None and self._slider_placed != self.run.learning_rate

    def place_slider(self) -> None:
        """Put the slider at the recipe's rate, unless it has been moved."""
        if self.slider_lags or self.rate_key not in st.session_state:
            self._put_slider()

    def _put_slider(self) -> None:
        rate = self.run.learning_rate
        # It never has fewer rates than before: the browser may still send one that it stood at.
        self.offered_rates = tuple(sorted({*self.offered_rates, rate}))
        self._placings += 1
        self.rate_key = f"{Key.RATE}-{self._placings}"
        st.session_state[self.rate_key] = self._slider_placed = rate


def session() -> Session:
    """Return this visitor's session, which begins with their first page."""
    if Key.SESSION not in st.session_state:
        st.session_state[Key.SESSION] = _arrived(wanted(st.query_params))
    held: Session = st.session_state[Key.SESSION]
    return held


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
        f"The link’s run trains on digits called “{asked.recipe.data}”, which are not here, so "
        "this is another run: bring them on the data page, and the run that you start on them "
        "is the link’s."
    )
    return session


def _begun(digits: Digits, recipe: Recipe) -> Run:
    held_out = digits.held_out_images, digits.held_out_labels
    run = Run(recipe, digits.images, digits.labels, held_out)
    run.advance(1)
    return run
