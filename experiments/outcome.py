"""What is kept of one run of a sweep: little, so that it travels and is saved in no time."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self, get_args

from cnn import Recipe
from cnn.recipe import MAX_STEPS

End = Literal["finished", "diverged", "dead", "failed"]

CURVE_POINTS = 200
"""Points of a run's curve, at most."""

_LONGEST_WHY = 500


@dataclass(frozen=True)
class Point:
    """A point of a run's curve.

    Attributes:
        step: after which the held-out digits were judged.
        loss: the mean training loss since the point before, in nats; None at the start.
        held_out_loss: in nats, of the held-out digits of the curve; None where not finite.
        held_out_accuracy: 0..1, of the same.
    """

    step: int
    loss: float | None
    held_out_loss: float | None
    held_out_accuracy: float


@dataclass(frozen=True)
class Outcome:
    """What came of a run.

    Attributes:
        place: its position among the sweep's recipes.
        end: "finished"; "diverged", where a value was no longer finite; "dead", where no hidden
            unit is above 0 for any digit; "failed", where the program could not run it.
        why: one sentence about an end other than "finished", or "".
        step: steps taken.
        loss: mean training loss of the last hundred steps, in nats; None where not finite.
        held_out_loss: of all held-out digits after the last step, in nats; None likewise.
        held_out_accuracy: of the same, 0..1; None if the run failed.
        curve: how it went.
        parameters: SHA-256 of the bytes of the parameters after the last step, or "".
        seconds: that it took.
        process: that ran it.
    """

    place: int
    end: End
    why: str = ""
    step: int = 0
    loss: float | None = None
    held_out_loss: float | None = None
    held_out_accuracy: float | None = None
    curve: tuple[Point, ...] = ()
    parameters: str = ""
    seconds: float = 0.0
    process: int = 0

    def to_values(self, recipe: Recipe) -> dict[str, Any]:
        """Return it as plain values for JSON, together with its recipe, for other readers."""
        curve = [[p.step, p.loss, p.held_out_loss, p.held_out_accuracy] for p in self.curve]
        return asdict(self) | {"curve": curve, "recipe": asdict(recipe)}

    @classmethod
    def from_values(cls, values: Mapping[str, Any], recipes: Sequence[Recipe]) -> Self:
        """Read what `to_values` wrote, and believe none of it unchecked.

        Args:
            values: from a file.
            recipes: the sweep's.

        Raises:
            ValueError, TypeError, KeyError, AttributeError, OverflowError: it is no outcome of
                one of these runs.
        """
        place = _whole(values["place"], len(recipes) - 1)
        stated = dict(values["recipe"])
        stated["learning_rate"] = [tuple(entry) for entry in stated["learning_rate"]]
        if Recipe(**stated) != recipes[place]:
            raise ValueError("another recipe")
        end, why, digest = values["end"], values["why"], values["parameters"]
        if end not in get_args(End) or not isinstance(why, str) or len(why) > _LONGEST_WHY:
            raise ValueError("no such end")
        if not isinstance(digest, str) or len(digest) not in (0, 64):
            raise ValueError("no such digest")
        if len(values["curve"]) > CURVE_POINTS + 1:
            raise ValueError("too long a curve")
        return cls(
            place,
            end,
            why,
            _whole(values["step"], MAX_STEPS),
            _number(values["loss"]),
            _number(values["held_out_loss"]),
            _share(values["held_out_accuracy"]),
            tuple(
                Point(_whole(step, MAX_STEPS), _number(loss), _number(held), _share(right) or 0.0)
                for step, loss, held, right in values["curve"]
            ),
            digest,
            _number(values["seconds"]) or 0.0,
            _whole(values["process"], 2**63),
        )


def finite(value: float) -> float | None:
    """Return a number, or None in the place of one that is not finite: JSON has none."""
    return float(value) if math.isfinite(value) else None


def _whole(value: object, most: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise ValueError("no such whole number")
    return value


def _number(value: object) -> float | None:
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise ValueError("no number")
    number = float(value)  # a whole number may be too large for it: OverflowError
    if not math.isfinite(number):
        raise ValueError("no number")
    return number


def _share(value: object) -> float | None:
    share = _number(value)
    if share is not None and not 0 <= share <= 1:
        raise ValueError("no share")
    return share
