"""A sweep: what is tried with what, as one immutable value that stands for a list of recipes."""

import math
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import product
from typing import Any, Literal, Self

from cnn import Recipe, RecipeError
from cnn.recipe import MAX_STEPS, quoted

MOST_RUNS = 200

MAX_EPOCHS = 1_000

Combine = Literal["grid", "list"]

TRIED = ("batch", "filters", "hidden", "learning_rate")
"""The fields of a recipe that make a setting, the rate last: it is the axis of the picture."""


class SweepError(ValueError):
    """A sweep that cannot be run; the text is one sentence that names the field."""


@dataclass(frozen=True)
class Sweep:
    """Many recipes: every setting with every seed.

    Attributes:
        learning_rate: the rates tried, each from step 1 to the end.
        batch: the batch sizes tried, and likewise
        filters: the numbers of filters,
        hidden: the widths of the hidden layer.
        seeds: every setting is run with each of them.
        combine: "grid" makes a setting of every combination; "list" of the first values, of the
            second values and so on, where a single value stands in every setting.
        epochs: how often every run is shown all images, unless
        steps: says how many steps it takes.
        data: which digits, as in a recipe.

    Raises:
        SweepError: one sentence about the first field that makes no sense.
    """

    learning_rate: tuple[float, ...] = (0.001, 0.003, 0.01, 0.03, 0.1)
    batch: tuple[int, ...] = (1,)
    filters: tuple[int, ...] = (1,)
    hidden: tuple[int, ...] = (40,)
    seeds: tuple[int, ...] = (0, 1, 2)
    combine: Combine = "grid"
    epochs: int | None = 1
    steps: int | None = None
    data: str = "bundled"

    def __post_init__(self) -> None:
        if self.combine not in ("grid", "list"):
            raise SweepError(f"combine is 'grid' or 'list', not {quoted(self.combine)}.")
        for name in (*TRIED, "seeds"):
            object.__setattr__(self, name, _values(name, getattr(self, name)))
        if (self.epochs is None) == (self.steps is None):
            raise SweepError("A sweep has either epochs or steps: give one of the two.")
        for name, most in (("epochs", MAX_EPOCHS), ("steps", MAX_STEPS)):
            if (value := getattr(self, name)) is not None:
                object.__setattr__(self, name, _whole(name, value, most))
        self._check_size()
        for name, recipe_field in (*((name, name) for name in TRIED), ("seeds", "seed")):
            object.__setattr__(self, name, self._checked(name, recipe_field))
        settings = self.settings
        if len(set(settings)) < len(settings):
            raise SweepError("The list holds the same setting twice: take one of them out.")

    def _check_size(self) -> None:
        lengths = {name: len(getattr(self, name)) for name in TRIED}
        if self.combine == "list":
            if unequal := without_partner(lengths):
                said = ", ".join(f"{name} {length}" for name, length in unequal.items())
                raise SweepError(
                    "In a list all fields with several values have the same number of them, "
                    f"and here it is {said}."
                )
            settings = max(lengths.values())
        else:
            settings = math.prod(lengths.values())
        if (runs := settings * len(self.seeds)) > MOST_RUNS:
            raise SweepError(
                f"This is {runs:,} runs, and a sweep has at most {MOST_RUNS}: try fewer values."
            )

    def _checked(self, name: str, recipe_field: str) -> tuple[Any, ...]:
        """Return a field's values as a recipe has them, each once."""
        values = getattr(self, name)
        if name == "learning_rate":
            for value in values:
                if not isinstance(value, int | float):  # a recipe's may change on the way
                    raise SweepError(
                        "learning_rate holds numbers, each a rate for all steps of a run, not "
                        f"{quoted(value)}."
                    )
        try:
            recipes = [Recipe(data=self.data, **{recipe_field: value}) for value in values]
        except RecipeError as error:
            raise SweepError(str(error)) from error
        read = operator.attrgetter(recipe_field)
        checked = tuple(r.rate_at(1) if name == "learning_rate" else read(r) for r in recipes)
        listed = self.combine == "list" and name != "seeds"
        twice = next((v for at, v in enumerate(checked) if v in checked[:at]), None)
        if twice is not None and not listed:
            raise SweepError(f"{name} holds {twice} twice: take one of them out.")
        return checked

    @property
    def settings(self) -> list[tuple[int, int, int, float]]:
        """Batch, filters, hidden width and rate of every setting."""
        tried = [getattr(self, name) for name in TRIED]
        if self.combine == "grid":
            return [*product(*tried)]
        count = max(len(values) for values in tried)
        columns = [values if len(values) > 1 else values * count for values in tried]
        return [*zip(*columns, strict=True)]

    @cached_property  # asked for with every outcome, of up to 200
    def recipes(self) -> tuple[Recipe, ...]:
        """One for each run: setting by setting, and of each all seeds."""
        return tuple(
            Recipe(self.data, seed, filters, hidden, batch, learning_rate=rate)
            for batch, filters, hidden, rate in self.settings
            for seed in self.seeds
        )

    def length(self, recipe: Recipe, images: int) -> int:
        """Return the steps that a run takes on so many images.

        Raises:
            SweepError: they are more than any run has.
        """
        if self.steps is not None:
            return self.steps
        steps = (self.epochs or 1) * math.ceil(images / recipe.batch)
        if steps > MAX_STEPS:
            raise SweepError(
                f"So many epochs of {images:,} images are {steps:,} steps, and a run has at most "
                f"{MAX_STEPS:,}: ask for fewer."
            )
        return steps

    def to_values(self) -> dict[str, Any]:
        """Return the fields that are set, as plain values."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        lists = {
            name: [*value] if isinstance(value, tuple) else value for name, value in values.items()
        }
        return {name: value for name, value in lists.items() if value is not None}

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Self:
        """Read what `to_values` wrote, or a person; fields that are missing take their defaults.

        Raises:
            SweepError: one sentence about the first field that makes no sense.
        """
        known = [field.name for field in fields(cls)]
        for name in values:
            if name not in known:
                raise SweepError(f"A sweep has no field {quoted(name)}: it has {', '.join(known)}.")
        given = dict(values)
        if "steps" in given and "epochs" not in given:
            given["epochs"] = None
        return cls(**given)

    def to_toml(self) -> str:
        """Return the sweep as a file for ``python -m experiments``."""
        return "".join(f"{name} = {_toml(value)}\n" for name, value in self.to_values().items())


def without_partner(lengths: Mapping[str, int]) -> dict[str, int]:
    """Return the fields of a list that have several values, unless all have the same number."""
    several = {name: length for name, length in lengths.items() if length > 1}
    return several if len(set(several.values())) > 1 else {}


def _toml(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)


def _values(name: str, given: object) -> tuple[Any, ...]:
    """Return a field's values: a number alone stands for a list of one."""
    values = given if isinstance(given, Sequence) and not isinstance(given, str) else [given]
    if not 1 <= len(values) <= MOST_RUNS:
        raise SweepError(f"{name} is a list of 1 to {MOST_RUNS} values, not of {len(values):,}.")
    return tuple(values)


def _whole(name: str, value: object, most: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        raise SweepError(f"{name} is a whole number from 1 to {most:,}, not {quoted(value)}.")
    return value
