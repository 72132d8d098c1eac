"""The Plotly figures of the experiments page. They draw numbers and compute none."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from cnn import Recipe
from experiments import STEP, Line, Outcome, Sweep
from pages.parts.curves import Curves
from pages.parts.rates import written

COLOURS = ("#1f6fb4", "#d95f02", "#7f7f7f", "#8a5bb5", "#1b9e77", "#cc3377")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
"""A line has a colour and a dash, so that none needs its colour alone."""

SYMBOLS = {"finished": "circle", "diverged": "x", "dead": "diamond-open", "failed": "x-thin"}
WORDS = {
    "finished": "finished",
    "diverged": "diverged",
    "dead": "died: learns no more",
    "failed": "failed",
}

MARKED = ("diverged", "dead")

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

APART = 0.12
"""Of the width of the axis: values that are named stand at least as far apart."""


@dataclass(frozen=True, eq=False)
class Compared:
    """A run among others.

    Attributes:
        name: of the run.
        curves: over its steps.
        judged: (m,), the steps after which the held-out digits were judged.
        accuracy: (m,), the share of them that was right.
    """

    name: str
    curves: Curves
    judged: NDArray[np.integer]
    accuracy: NDArray[np.floating]


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
        figure.update_xaxes(title="step", rangemode="nonnegative")
        figure.update_layout(hovermode="x unified")
    loss.update_yaxes(rangemode="tozero")
    accuracy.update_yaxes(range=[-0.02, 1.02], tickformat=".0%")
    return loss, accuracy


def sweep_figure(
    drawn: Sequence[Line], outcomes: Mapping[int, Outcome], sweep: Sweep, over: str
) -> go.Figure:
    """Draw held-out accuracy over a field or the steps: medians, bands, a dot for every run.

    Args:
        drawn: the settings of everything but the rate.
        outcomes: of the runs that have ended.
        sweep: of all runs: the axis stays as it is while they end.
        over: what the axis is, a key of `AXES`.
    """
    figure = _figure("held-out digits right")
    figure.update_layout(height=420, hovermode="closest", dragmode="pan")
    for at, line in enumerate(drawn):
        name = settings_words(line.setting) or "median of the seeds"
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
    for at, line in enumerate(drawn):
        figure.add_scatter(
            x=[dot.value for dot in line.dots],
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
                "symbol": [SYMBOLS[outcomes[dot.place].end] for dot in line.dots],
            },
        )
    for end in MARKED:  # what the marks mean
        if any(outcome.end == end for outcome in outcomes.values()):
            mark = {"size": 9, "symbol": SYMBOLS[end], "color": "#7f7f7f"}
            figure.add_scatter(x=[None], y=[None], name=WORDS[end], mode="markers", marker=mark)
    figure.update_xaxes(title=AXES[over])
    if over == STEP:
        figure.update_xaxes(rangemode="tozero")
    else:
        figure.update_xaxes(type="log", **_axis(getattr(sweep, over)))
    figure.update_yaxes(range=[-0.02, 1.02], tickformat=".0%")
    return figure


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


def recipe_words(recipe: Recipe) -> str:
    """Write what a sweep has tried in a run, and its seed."""
    tried = {name: getattr(recipe, name) for name in SHORT if name != "learning_rate"}
    words = settings_words({"learning_rate": recipe.rate_at(1)} | tried)
    return f"{words}, seed {recipe.seed}"


def settings_words(setting: Mapping[str, float]) -> str:
    """Write some fields with their values."""
    return ", ".join(f"{SHORT[name]} {written(value)}" for name, value in setting.items())


def _axis(values: Sequence[float]) -> dict[str, list[float] | list[str]]:
    """A logarithmic axis that has room for all values, and names each where there is room."""
    ends = [math.log10(min(values)) - 0.15, math.log10(max(values)) + 0.15]
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
