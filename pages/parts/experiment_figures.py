"""The Plotly figures of the experiments page. They draw numbers and compute none."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from cnn import Recipe
from experiments import STEP, Dot, Line, Outcome, Sweep
from pages.parts.curves import Curves
from pages.parts.rates import written

COLOURS = ("#1f6fb4", "#d95f02", "#7f7f7f", "#8a5bb5", "#1b9e77", "#cc3377")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
"""A line has a colour and a dash, so that none needs its colour alone."""

FINISHED = ("circle", "square", "triangle-up", "pentagon", "star", "hexagon")
"""The marks of runs that finished: each line has its own, and dots that lie close are told apart
without their colours."""

MARKED = {"diverged": "x", "dead": "diamond-open"}
"""The marks of those that did not."""

WORDS = {
    "finished": "finished",
    "diverged": "diverged",
    "dead": "died: learns no more",
    "failed": "failed",
}

ENDS = {"diverged": "diverged", "dead": "died"}
"""The ends that are counted beside the best setting, in the words of a sentence."""

AXES = {
    "learning_rate": "learning rate η",
    "batch": "images a step",
    "filters": "filters",
    "hidden": "hidden units",
    STEP: "step",
}
"""What the picture of a sweep can be drawn over, in words."""

SHORT = {"learning_rate": "η", "batch": "batch", "filters": "filters", "hidden": "hidden"}
"""The fields that a sweep tries, where there is little room."""

MOST_BANDS = 4
"""Lines that have bands: those of more would only be mud."""

MOST_NAMES = 12
"""Lines that are named in a legend; of more, each dot tells its own."""

APART = 0.08
"""Of the width of the axis: values that are named stand at least as far apart."""

BESIDE = 0.011
"""Of the width of the axis: how far apart runs are drawn that would lie on one another,"""

ALIKE = 0.03
"""and how close their accuracies are then: a dot's width on the axis from 0 to 1."""

ROOM = 0.8
"""The share of the way to the next value that those at one value may take."""


@dataclass(frozen=True, eq=False)
class Compared:
    """A run among others.

    Attributes:
        name: of the run.
        curves: over its steps.
        judged: (m,), the steps after which the held-out digits were judged.
        accuracy: (m,), the share of them that was right.
        forked: the last step that it shares with the run that it was forked off, or None.
    """

    name: str
    curves: Curves
    judged: NDArray[np.integer]
    accuracy: NDArray[np.floating]
    forked: int | None = None


def compared_figures(runs: Sequence[Compared]) -> tuple[go.Figure, go.Figure]:
    """Draw the training loss, and the held-out accuracy, of some runs over the steps."""
    loss, accuracy = _figure("training loss (nats)"), _figure("held-out digits right")
    for at, run in enumerate(runs):
        line = _line(at)
        name = escape(run.name, quote=False)  # Plotly takes <b> in a name for its own
        alone = len(run.curves.steps) == 1  # a line of one point is no line: it gets a dot
        loss.add_scatter(
            x=run.curves.steps,
            y=run.curves.loss,
            name=name,
            mode="lines+markers" if alone else "lines",
            line=line,
        )
        accuracy.add_scatter(
            x=run.judged, y=run.accuracy, name=name, mode="lines+markers", line=line
        )
    for figure in (loss, accuracy):
        figure.update_xaxes(title="step", rangemode="nonnegative", hoverformat=",d")
        figure.update_layout(hovermode="x unified")
        for at, run in enumerate(runs):
            if run.forked is not None:
                mark = {"color": _line(at)["color"], "dash": "dot", "width": 1}
                figure.add_vline(run.forked, line=mark, annotation_text="fork")
    loss.update_yaxes(rangemode="tozero", hoverformat=".4f")
    accuracy.update_yaxes(range=[-0.02, 1.02], tickformat=".0%", hoverformat=".1%")
    return loss, accuracy


def sweep_figure(
    drawn: Sequence[Line],
    outcomes: Mapping[int, Outcome],
    sweep: Sweep,
    over: str,
    whole: bool = True,
) -> go.Figure:
    """Draw held-out accuracy over a field or the steps: medians, bands, a dot for every run.

    Args:
        drawn: the settings of everything but the rate.
        outcomes: of the runs that have ended.
        sweep: of all runs: the axis stays as it is while they end.
        over: what the axis is, a key of `AXES`.
        whole: show accuracies from 0 to 1, and not only those that there are.
    """
    figure = _figure("held-out digits right")
    figure.update_layout(height=420, hovermode="closest", dragmode="pan")
    for at, line in enumerate(drawn):
        name = settings_words(line.setting) or "median of the seeds"
        if len(drawn) <= MOST_BANDS:
            _band(figure, line, at, name)
        figure.add_scatter(
            x=line.values,
            y=line.median,
            name=name,
            legendgroup=str(at),
            mode="lines",
            line=_line(at),
            hoverinfo="skip",
        )
    positions = _side_by_side([dot for line in drawn for dot in line.dots], sweep, over)
    if over == STEP:
        figure.update_xaxes(rangemode="tozero")
    else:
        figure.update_xaxes(type="log", **_axis(getattr(sweep, over)))
    for at, line in enumerate(drawn):
        mark = FINISHED[(at + at // len(FINISHED)) % len(FINISHED)]  # not always of one colour
        figure.add_scatter(
            x=[positions[dot.place] for dot in line.dots],
            y=[dot.accuracy for dot in line.dots],
            customdata=[dot.place for dot in line.dots],
            text=[_told(sweep.recipes[dot.place], outcomes[dot.place]) for dot in line.dots],
            hovertemplate="%{text}<extra></extra>",
            name=", ".join(filter(None, ("runs", settings_words(line.setting)))),
            legendgroup=str(at),
            showlegend=False,
            mode="markers",
            marker={
                "size": 9,
                "color": _line(at)["color"],
                "opacity": 0.8,
                "symbol": [MARKED.get(outcomes[dot.place].end, mark) for dot in line.dots],
            },
        )
    for end, symbol in MARKED.items():  # what the marks mean
        if any(outcome.end == end for outcome in outcomes.values()):
            sign = {"size": 9, "symbol": symbol, "color": "#7f7f7f"}
            figure.add_scatter(x=[None], y=[None], name=WORDS[end], mode="markers", marker=sign)
    figure.update_xaxes(title=AXES[over])
    if whole:
        figure.update_yaxes(range=[-0.02, 1.02])
    figure.update_yaxes(tickformat=".0%" if whole else ".1%")
    # A zoom lasts as long as its axes; many names would leave no room for the picture.
    figure.update_layout(uirevision=f"{over} {whole}", showlegend=len(drawn) <= MOST_NAMES)
    return figure


def _side_by_side(dots: Sequence[Dot], sweep: Sweep, over: str) -> dict[int, float]:
    """Place dots on the axis so that none hides another; what is said of them stays as it is.

    Runs that have died all come to the share of one class, for one. The first dot stands at its
    value, the others to its right and left in turn; over the steps, to the right, where no step is
    any more.

    Args:
        dots: of all lines.
        sweep: of all runs.
        over: what the axis is.

    Returns:
        The position of each, by the run's place.
    """
    turns: dict[int, int] = {}
    taken: defaultdict[tuple[float, int], list[float]] = defaultdict(list)
    for dot in sorted(dots):
        turn = 0
        while any(abs(dot.accuracy - other) < ALIKE for other in taken[dot.value, turn]):
            turn += 1
        taken[dot.value, turn].append(dot.accuracy)
        turns[dot.place] = turn
    if over == STEP:
        width = max((dot.value for dot in dots), default=1.0)
        return {dot.place: dot.value + BESIDE * width * turns[dot.place] for dot in dots}
    low, high = _ends(getattr(sweep, over))
    rising = sorted({math.log10(value) for value in getattr(sweep, over)})
    gap = min((after - before for before, after in pairwise(rising)), default=high - low)
    aside = min(BESIDE * (high - low), ROOM * gap / (max(turns.values(), default=0) + 1))
    sides = {place: (turn + 1) // 2 * (1 if turn % 2 else -1) for place, turn in turns.items()}
    return {dot.place: dot.value * 10 ** (aside * sides[dot.place]) for dot in dots}


def _band(figure: go.Figure, line: Line, at: int, name: str) -> None:
    """Draw the band from the worst to the best seed."""
    if line.worst == line.best:
        return
    colour = _line(at)["color"]
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    figure.add_scatter(
        x=[*line.values, *reversed(line.values)],
        y=[*line.best, *reversed(line.worst)],
        name=f"{name}, worst to best",
        legendgroup=str(at),
        showlegend=False,
        mode="lines",
        line={"width": 0},
        fill="toself",
        fillcolor=f"rgba({red}, {green}, {blue}, 0.15)",
        hoverinfo="skip",
    )


def _told(recipe: Recipe, outcome: Outcome) -> str:
    share = outcome.held_out_accuracy or 0.0
    return (
        f"run {outcome.place + 1}: {recipe_words(recipe)}<br>"
        f"{share:.2%} recognised after step {outcome.step:,}, {WORDS[outcome.end]}"
    )


def recipe_words(recipe: Recipe, fields: Sequence[str] = tuple(SHORT)) -> str:
    """Write some of the fields that a sweep tries, as a run has them, and its seed."""
    tried = {name: getattr(recipe, name) for name in SHORT} | {"learning_rate": recipe.rate_at(1)}
    words = settings_words({name: tried[name] for name in SHORT if name in fields})
    return f"{words}, seed {recipe.seed}"


def settings_words(setting: Mapping[str, float]) -> str:
    """Write some fields with their values."""
    return ", ".join(f"{SHORT[name]} {written(value)}" for name, value in setting.items())


def _ends(values: Sequence[float]) -> list[float]:
    return [math.log10(min(values)) - 0.15, math.log10(max(values)) + 0.15]


def _axis(values: Sequence[float]) -> dict[str, list[float] | list[str]]:
    """A logarithmic axis that has room for all values, and names each where there is room."""
    ends = _ends(values)
    named: list[float] = []
    for value in sorted(values):
        if not named or math.log10(value / named[-1]) > APART * (ends[1] - ends[0]):
            named.append(value)
    return {"range": ends, "tickvals": named, "ticktext": [written(value) for value in named]}


def _line(at: int) -> dict[str, str]:
    turn = at // len(COLOURS)
    return {"color": COLOURS[at % len(COLOURS)], "dash": DASHES[(at + turn) % len(DASHES)]}


def _figure(what: str) -> go.Figure:
    figure = go.Figure()
    figure.update_layout(
        height=300,
        margin={"l": 8, "r": 8, "t": 28, "b": 8},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0},
        uirevision="experiments",
    )
    figure.update_yaxes(title=what)
    return figure
