"""What the picture of a sweep shows: accuracy over the learning rate, a line a setting."""

import statistics
from collections.abc import Mapping
from dataclasses import dataclass

from experiments.outcome import Outcome
from experiments.sweep import Sweep


@dataclass(frozen=True)
class Line:
    """One setting of everything but the rate, over the rates that have results.

    Attributes:
        name: what sets it apart from the others, in words, or "".
        rates: rising.
        median: held-out accuracy over the seeds, 0..1, at each rate.
        worst: of the seeds.
        best: of the seeds.
        places: of the runs behind it, at each rate; those without an accuracy left out.
    """

    name: str
    rates: tuple[float, ...]
    median: tuple[float, ...]
    worst: tuple[float, ...]
    best: tuple[float, ...]
    places: tuple[tuple[int, ...], ...]


def lines(sweep: Sweep, outcomes: Mapping[int, Outcome]) -> list[Line]:
    """Group the outcomes of a sweep into lines.

    A run that diverged or died counts with the accuracy that it ended with: left out, it would
    make a rate look better than it is. One that failed has none.
    """
    by_setting: dict[tuple[int, int, int], dict[float, list[int]]] = {}
    for place, recipe in enumerate(sweep.recipes):
        rates = by_setting.setdefault((recipe.batch, recipe.filters, recipe.hidden), {})
        runs = rates.setdefault(recipe.rate_at(1), [])
        if place in outcomes and outcomes[place].held_out_accuracy is not None:
            runs.append(place)
    drawn = []
    for setting, rates in by_setting.items():
        there = {rate: runs for rate, runs in sorted(rates.items()) if runs}
        shares = [
            [outcomes[run].held_out_accuracy or 0.0 for run in runs] for runs in there.values()
        ]
        drawn.append(
            Line(
                _name(setting, list(by_setting)),
                tuple(there),
                tuple(map(statistics.median, shares)),
                tuple(map(min, shares)),
                tuple(map(max, shares)),
                tuple(tuple(runs) for runs in there.values()),
            )
        )
    return drawn


def _name(setting: tuple[int, int, int], settings: list[tuple[int, int, int]]) -> str:
    """Name what is not the same in all settings."""
    words = ("batch {}", "filters {}", "hidden units {}")
    varied = [len({other[at] for other in settings}) > 1 for at in range(3)]
    parts = [
        word.format(value)
        for word, value, shown in zip(words, setting, varied, strict=True)
        if shown
    ]
    return ", ".join(parts)
