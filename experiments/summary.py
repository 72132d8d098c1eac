"""What the picture of a sweep shows: accuracy over what is tried or over the steps."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import numpy as np

from experiments.outcome import Outcome
from experiments.sweep import TRIED, Sweep

STEP = "step"
"""The axis that is no field of a sweep: how the runs went."""


class Dot(NamedTuple):
    """How a run ended.

    Attributes:
        value: on the axis.
        accuracy: of the held-out digits, 0..1.
        place: of the run in the sweep.
    """

    value: float
    accuracy: float
    place: int


@dataclass(frozen=True)
class Line:
    """One setting of everything but the field of the axis, over the values with results.

    Attributes:
        setting: what sets it apart from the others, by the names of the fields.
        values: on the axis, rising.
        median: held-out accuracy over the seeds, 0..1, at each value.
        worst: of the seeds.
        best: of the seeds.
        dots: of the runs behind it.
    """

    setting: dict[str, float]
    values: tuple[float, ...]
    median: tuple[float, ...]
    worst: tuple[float, ...]
    best: tuple[float, ...]
    dots: tuple[Dot, ...]


def axes(sweep: Sweep) -> list[str]:
    """Return what the picture can be drawn over: the fields with several values, and the steps.

    The learning rate comes first; it is there also where every field has one value.
    """
    rate = TRIED[-1]
    several = [name for name in (rate, *TRIED[:-1]) if len({*getattr(sweep, name)}) > 1]
    return [*(several or [rate]), STEP]


def lines(sweep: Sweep, outcomes: Mapping[int, Outcome], over: str) -> list[Line]:
    """Group the outcomes of a sweep into lines.

    A run that diverged or died counts with the accuracy that it ended with, over the steps also
    after its last: left out, it would make a setting look better than it is. One that failed has
    none.

    Args:
        sweep: what was tried.
        outcomes: by the run's place.
        over: one of `axes`.
    """
    apart = [name for name in axes(sweep) if name not in (over, STEP)]
    if over != STEP and len({*getattr(sweep, over)}) == len(sweep.settings):
        apart = []  # a list whose settings each have a value of their own is one line
    drawn = []
    for setting, runs in _grouped(sweep, outcomes, apart).items():
        if over == STEP:
            shares, dots = _over_steps([outcome for _, outcome in runs])
        else:
            shares, dots = _over_field([(tried[over], outcome) for tried, outcome in runs])
        drawn.append(
            Line(
                dict(zip(apart, setting, strict=True)),
                tuple(shares),
                tuple(map(statistics.median, shares.values())),
                tuple(map(min, shares.values())),
                tuple(map(max, shares.values())),
                tuple(dots),
            )
        )
    return drawn


@dataclass(frozen=True)
class Best:
    """The setting that did best.

    Attributes:
        setting: its values of the fields that have several, or of the rate.
        seeds: how many of its runs there are so far.
        median: held-out accuracy over those, 0..1.
        worst: of them.
        best: of them.
    """

    setting: dict[str, float]
    seeds: int
    median: float
    worst: float
    best: float


def best(sweep: Sweep, outcomes: Mapping[int, Outcome]) -> Best | None:
    """Return the setting whose median over the seeds is the highest, or None without any result.

    Not the best run: of enough seeds one is lucky.
    """
    fields = [name for name in axes(sweep) if name != STEP]
    found = []
    for setting, runs in _grouped(sweep, outcomes, fields).items():
        if shares := [run.held_out_accuracy or 0.0 for _, run in runs]:
            named = dict(zip(fields, setting, strict=True))
            middle = statistics.median(shares)
            found.append(Best(named, len(shares), middle, min(shares), max(shares)))
    return max(found, key=lambda one: one.median, default=None)


def _grouped(
    sweep: Sweep, outcomes: Mapping[int, Outcome], fields: Sequence[str]
) -> dict[tuple[float, ...], list[tuple[dict[str, float], Outcome]]]:
    """Sort the runs that have an accuracy by their values of some fields."""
    grouped: dict[tuple[float, ...], list[tuple[dict[str, float], Outcome]]] = {}
    for place, (values, _) in enumerate(product(sweep.settings, sweep.seeds)):
        tried = dict(zip(TRIED, values, strict=True))
        runs = grouped.setdefault(tuple(tried[name] for name in fields), [])
        if place in outcomes and outcomes[place].held_out_accuracy is not None:
            runs.append((tried, outcomes[place]))
    return grouped


_Shares = Mapping[float, Sequence[float]]
"""The accuracies of the seeds at each value of the axis, which rises."""


def _over_field(runs: Sequence[tuple[float, Outcome]]) -> tuple[_Shares, list[Dot]]:
    dots = [Dot(value, run.held_out_accuracy or 0.0, run.place) for value, run in runs]
    dots.sort(key=lambda dot: (dot.value, dot.place))
    shares: dict[float, list[float]] = {}
    for dot in dots:
        shares.setdefault(dot.value, []).append(dot.accuracy)
    return shares, dots


def _over_steps(runs: Sequence[Outcome]) -> tuple[_Shares, list[Dot]]:
    dots = [Dot(run.step, run.held_out_accuracy or 0.0, run.place) for run in runs]
    curves = [
        {point.step: point.held_out_accuracy for point in run.curve} | {end.value: end.accuracy}
        for run, end in zip(runs, dots, strict=True)
    ]
    steps = sorted({step for curve in curves for step in curve})
    held = []
    for curve in curves:
        newest = np.searchsorted([*curve], steps, side="right") - 1
        held.append(np.array([*curve.values()])[np.maximum(newest, 0)].tolist())
    return dict(zip(steps, zip(*held, strict=True), strict=True)), dots
