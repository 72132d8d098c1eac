"""What the picture of a sweep shows: accuracy over what is tried, a line a setting."""

import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

from experiments.outcome import Outcome
from experiments.sweep import TRIED, Sweep


@dataclass(frozen=True)
class Line:
    """One setting of everything but the field of the axis, over the values with results.

    Attributes:
        setting: what sets it apart from the others, by the names of the fields.
        values: of the field of the axis, rising.
        median: held-out accuracy over the seeds, 0..1, at each value.
        worst: of the seeds.
        best: of the seeds.
        places: of the runs behind it, at each value; those without an accuracy left out.
    """

    setting: dict[str, float]
    values: tuple[float, ...]
    median: tuple[float, ...]
    worst: tuple[float, ...]
    best: tuple[float, ...]
    places: tuple[tuple[int, ...], ...]


def axes(sweep: Sweep) -> list[str]:
    """Return the fields that the picture can be drawn over: those with several values.

    The learning rate first; it alone where every field has one value.
    """
    rate = TRIED[-1]
    return [name for name in (rate, *TRIED[:-1]) if len({*getattr(sweep, name)}) > 1] or [rate]


def lines(sweep: Sweep, outcomes: Mapping[int, Outcome], over: str) -> list[Line]:
    """Group the outcomes of a sweep into lines.

    A run that diverged or died counts with the accuracy that it ended with: left out, it would
    make a value look better than it is. One that failed has none.

    Args:
        sweep: what was tried.
        outcomes: by the run's place.
        over: the field of the axis, one of `axes`.
    """
    # Of a list whose settings each have another value of the field, all are on one line.
    alone = len({*getattr(sweep, over)}) == len(sweep.settings)
    others = [] if alone else [name for name in axes(sweep) if name != over]
    by_setting: dict[tuple[float, ...], dict[float, list[int]]] = {}
    for place, (values, _) in enumerate(product(sweep.settings, sweep.seeds)):
        tried = dict(zip(TRIED, values, strict=True))
        setting = tuple(tried[name] for name in others)
        runs = by_setting.setdefault(setting, {}).setdefault(tried[over], [])
        if place in outcomes and outcomes[place].held_out_accuracy is not None:
            runs.append(place)
    drawn = []
    for setting, runs_at in by_setting.items():
        there = {value: runs for value, runs in sorted(runs_at.items()) if runs}
        shares = [
            [outcomes[run].held_out_accuracy or 0.0 for run in runs] for runs in there.values()
        ]
        drawn.append(
            Line(
                dict(zip(others, setting, strict=True)),
                tuple(there),
                tuple(map(statistics.median, shares)),
                tuple(map(min, shares)),
                tuple(map(max, shares)),
                tuple(tuple(runs) for runs in there.values()),
            )
        )
    return drawn
