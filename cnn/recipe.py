"""Everything that determines a run, as one immutable value."""

import json
import math
import operator
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Self

import numpy as np

from cnn.arrays import Integers
from cnn.network import BiasRule, Parameters, draw_parameters

MAX_STEPS = 2_000_000
MAX_FILTERS = 8
MAX_HIDDEN = 256
MAX_BATCH = 1_000
MAX_SEED = 2**32 - 1
MAX_LEARNING_RATE = 1_000_000.0  # far beyond use: from 10,000 on some runs leave float32's range

Schedule = tuple[tuple[int, float], ...]


class RecipeError(ValueError):
    """A value that no recipe can have; the text is one sentence that names the field."""


@dataclass(frozen=True)
class Recipe:
    """What determines a run: the same recipe gives the same parameters at every step.

    Attributes:
        data: which set of digits, a short name ("bundled" unless asked).
        seed: where the starting weights and the order of the images come from.
        filters: f, 1 to 8.
        hidden: h, units of the hidden layer, 1 to 256.
        batch: n, images a step, 1 to 1,000.
        bias_rule: "exact" or "notes", see `cnn.network.backward`.
        learning_rate: ((from step, rate), …), the first from step 1; a single number stands
            for one rate from step 1 on.

    Raises:
        RecipeError: one sentence about the first field that makes no sense.
    """

    data: str = "bundled"
    seed: int = 0
    filters: int = 1
    hidden: int = 40
    batch: int = 1
    bias_rule: BiasRule = "exact"
    learning_rate: Schedule = ((1, 0.01),)

    def __init__(
        self,
        data: str = "bundled",
        seed: int = 0,
        filters: int = 1,
        hidden: int = 40,
        batch: int = 1,
        bias_rule: BiasRule = "exact",
        learning_rate: float | Iterable[Sequence[float]] = 0.01,
    ) -> None:
        if not isinstance(bias_rule, str) or bias_rule not in ("exact", "notes"):
            raise RecipeError(f"bias_rule is 'exact' or 'notes', not {quoted(bias_rule)}.")
        values = {
            "data": _name("data", data),
            "seed": _whole("seed", seed, 0, MAX_SEED),
            "filters": _whole("filters", filters, 1, MAX_FILTERS),
            "hidden": _whole("hidden", hidden, 1, MAX_HIDDEN),
            "batch": _whole("batch", batch, 1, MAX_BATCH),
            "bias_rule": bias_rule,
            "learning_rate": _schedule(learning_rate),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def rate_at(self, step: int) -> float:
        """Return η of a step, counted from 1."""
        return self.learning_rate[bisect_right(self.learning_rate, (step, math.inf)) - 1][1]

    def with_rate(self, from_step: int, rate: float) -> "Recipe":
        """Return this recipe with one rate from a step on, whatever was to come after it.

        Raises:
            RecipeError: no such rate or step is possible.
        """
        if from_step > MAX_STEPS:  # the run has ended: no step is left to take
            return self
        kept = tuple(entry for entry in self.learning_rate if entry[0] < from_step)
        if kept and kept[-1][1] == rate:
            return replace(self, learning_rate=kept)
        return replace(self, learning_rate=(*kept, (from_step, rate)))

    def until(self, step: int) -> "Recipe":
        """Return this recipe without the changes of the rate that come after a step."""
        return replace(
            self, learning_rate=tuple(entry for entry in self.learning_rate if entry[0] <= step)
        )

    def initial_parameters(self) -> Parameters:
        """Draw the weights before step 1, from the seed alone."""
        return draw_parameters(np.random.default_rng((self.seed, 0)), self.filters, self.hidden)

    def order(self, epoch: int, count: int) -> Integers:
        """Return the order in which an epoch, counted from 1, shows that many images."""
        return np.random.default_rng((self.seed, 1, epoch)).permutation(count)

    def to_json(self) -> str:
        """Return the recipe as a JSON object."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read a recipe that `to_json` wrote; fields that are missing take their defaults.

        Raises:
            RecipeError: the text is no recipe.
        """
        try:
            values = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise RecipeError("The recipe is not valid JSON.") from error
        if not isinstance(values, dict):
            raise RecipeError("The recipe is not a JSON object.")
        return cls._from_values(values)

    def to_strings(self) -> dict[str, str]:
        """Return the recipe as short strings, for a link: only what differs from the default.

        The rates are written ``0.01`` or, after changes, ``0.01,501:0.1,…``.
        """
        default, strings = Recipe(), {}
        for field in fields(self):
            value = getattr(self, field.name)
            if value != getattr(default, field.name):
                strings[field.name] = str(value)
        if "learning_rate" in strings:
            (_, first), *changes = self.learning_rate
            rates = [repr(first), *(f"{step}:{rate!r}" for step, rate in changes)]
            strings["learning_rate"] = ",".join(rates)
        return strings

    @classmethod
    def from_strings(cls, strings: Mapping[str, str]) -> Self:
        """Read a recipe that `to_strings` wrote.

        Raises:
            RecipeError: a field that no recipe has, or a value that it cannot have.
        """
        values: dict[str, Any] = {}
        for name, text in strings.items():
            if name in ("seed", "filters", "hidden", "batch"):
                # What is no whole number, or of hundreds of digits, is refused as it stands.
                is_number = text.isascii() and text.isdigit() and len(text) <= 40
                values[name] = int(text) if is_number else text
            elif name == "learning_rate":
                values[name] = _schedule_from_text(text)
            else:
                values[name] = text
        return cls._from_values(values)

    @classmethod
    def _from_values(cls, values: Mapping[str, Any]) -> Self:
        known = {field.name for field in fields(cls)}
        for name in values:
            if name not in known:
                raise RecipeError(f"A recipe has no field {quoted(name)}.")
        return cls(**values)


def quoted(value: object) -> str:
    """Quote any value so that it fits into a sentence."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # a number of 5,000 digits, a list in a list in a list…
        return f"this {type(value).__name__}"
    return text if len(text) <= 40 else text[:37] + "…"


def _name(field: str, value: object) -> str:
    allowed = isinstance(value, str) and value.isascii() and 1 <= len(value) <= 40
    if not (allowed and all(c.isalnum() or c in "-_." for c in str(value))):
        raise RecipeError(
            f"{field} is a name of 1 to 40 letters, digits, '-', '_' or '.', not {quoted(value)}."
        )
    return str(value)


def _whole(field: str, value: object, least: int, most: int) -> int:
    sentence = f"{field} is a whole number from {least:,} to {most:,}, not {quoted(value)}."
    if isinstance(value, bool | np.bool_):
        raise RecipeError(sentence)
    try:
        number = operator.index(value)  # type: ignore[arg-type]  # any object: this is the check
    except TypeError as error:
        raise RecipeError(sentence) from error
    if not least <= number <= most:
        raise RecipeError(sentence)
    return number


def _rate(value: object) -> float:
    rate = math.nan
    if isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool):
        with suppress(OverflowError):  # a whole number may be too large for a float
            rate = float(value)
    if not 0 < rate <= MAX_LEARNING_RATE:
        raise RecipeError(
            f"learning_rate is a number above 0 and at most {MAX_LEARNING_RATE:,.0f}, "
            f"not {quoted(value)}."
        )
    return rate


def _schedule(value: Any) -> Schedule:
    try:
        given = iter(value)
    except TypeError:
        return ((1, _rate(value)),)
    entries: list[tuple[int, float]] = []
    for entry in given:
        if not isinstance(entry, Sequence) or isinstance(entry, str) or len(entry) != 2:
            raise RecipeError(
                f"learning_rate is a rate or pairs of (from step, rate), not {quoted(value)}."
            )
        step = _whole("A step of learning_rate", entry[0], 1, MAX_STEPS)
        if step != 1 if not entries else step <= entries[-1][0]:
            raise RecipeError(
                "The steps of learning_rate begin with 1 and rise, "
                f"which step {step:,} does not fit."
            )
        entries.append((step, _rate(entry[1])))
    if not entries:
        raise RecipeError("learning_rate has at least one rate, from step 1 on.")
    return tuple(entries)


def _schedule_from_text(text: str) -> Schedule:
    entries = []
    for position, part in enumerate(text.split(",")):
        step, colon, rate = part.rpartition(":")
        try:
            if bool(colon) != bool(position) or (colon and not step.isdigit()):
                raise ValueError
            entries.append((int(step) if colon else 1, float(rate)))
        except ValueError as error:
            raise RecipeError(
                f"learning_rate is written like 0.01 or 0.01,501:0.1, not {quoted(text)}."
            ) from error
    return _schedule(entries)
