"""The Plotly figures of the experiments page. They draw numbers and compute none."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from experiments import Line, Outcome
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

APART = 0.12
"""Of the width of the axis: rates that are named stand at least as far apart."""


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
    drawn: Sequence[Line], outcomes: dict[int, Outcome], rates: Sequence[float]
) -> go.Figure:
    """Draw held-out accuracy over learning rate: medians, bands, and a dot for every run.

    Args:
        drawn: the settings of everything but the rate.
        outcomes: of the runs that have ended.
        rates: of all runs, so that the axis stays as it is while they end.
    """
    figure = _figure("held-out digits right")
    figure.update_layout(height=420, hovermode="closest", dragmode="pan")
    for at, line in enumerate(drawn):
        name = line.name or "median of the seeds"
        _band(figure, line, at, name)
        figure.add_scatter(
            x=line.rates,
            y=line.median,
            name=name,
            legendgroup=str(at),
            mode="lines",
            line=_line(at),
            hoverinfo="skip",
        )
    for at, line in enumerate(drawn):
        dots = [(r, p) for r, places in zip(line.rates, line.places, strict=True) for p in places]
        figure.add_scatter(
            x=[rate for rate, _ in dots],
            y=[outcomes[place].held_out_accuracy for _, place in dots],
            customdata=[place for _, place in dots],
            text=[_told(rate, place, outcomes[place]) for rate, place in dots],
            hovertemplate="%{text}<extra></extra>",
            name=f"runs, {line.name}" if line.name else "runs",
            legendgroup=str(at),
            showlegend=False,
            mode="markers",
            marker={
                "size": 9,
                "color": _line(at)["color"],
                "symbol": [SYMBOLS[outcomes[place].end] for _, place in dots],
            },
        )
    for end in MARKED:  # what the marks mean
        if any(outcome.end == end for outcome in outcomes.values()):
            mark = {"size": 9, "symbol": SYMBOLS[end], "color": "#7f7f7f"}
            figure.add_scatter(x=[None], y=[None], name=WORDS[end], mode="markers", marker=mark)
    figure.update_xaxes(title="learning rate η", type="log", **_axis(rates))
    figure.update_yaxes(range=[-0.02, 1.02], tickformat=".0%")
    return figure


def _band(figure: go.Figure, line: Line, at: int, name: str) -> None:
    """Draw the band from the worst to the best seed."""
    if line.worst == line.best:
        return
    colour = _line(at)["color"]
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    figure.add_scatter(
        x=[*line.rates, *reversed(line.rates)],
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


def _told(rate: float, place: int, outcome: Outcome) -> str:
    share = outcome.held_out_accuracy or 0.0
    return (
        f"run {place + 1}: η {written(rate)}, {share:.2%} recognised after step {outcome.step:,}, "
        f"{WORDS[outcome.end]}"
    )


def _axis(rates: Sequence[float]) -> dict[str, list[float] | list[str]]:
    """A logarithmic axis that has room for all rates, and names each where there is room."""
    ends = [math.log10(min(rates)) - 0.15, math.log10(max(rates)) + 0.15]
    named: list[float] = []
    for rate in sorted(rates):
        if not named or math.log10(rate / named[-1]) > APART * (ends[1] - ends[0]):
            named.append(rate)
    return {"range": ends, "tickvals": named, "ticktext": [written(rate) for rate in named]}


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
