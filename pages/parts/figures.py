"""The Plotly figures, for what is read slowly and closely. They draw numbers and compute none."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from pages.parts.curves import Curves
from pages.parts.filter_life import Travelled
from pages.parts.rates import written

TRAINING, HELD_OUT, BIAS, MARK = "#7f7f7f", "#1f77b4", "#cc3377", "#7f7f7f"

# A weight's row has a colour and its column a dash, so that no line needs its colour alone.
ROWS = ("#1f6fb4", "#d95f02", "#7f7f7f")
DASHES = ("solid", "dash", "dot")

TRANSPARENT = "rgba(0, 0, 0, 0)"

FEW = 10
"""Steps of which an axis names each one."""

RateChanges = Iterable[tuple[int, float]]


def _points(curves: Curves, colour: str) -> dict[str, Any]:
    """How a line looks whose points can be clicked.

    Plotly selects what has a marker, so there are some that nobody sees: without a colour, since
    a marker without opacity shows in the legend. A line of one point is no line: it gets a dot.
    """
    marker = {"size": 8, "color": colour if len(curves.steps) == 1 else TRANSPARENT}
    return {"mode": "lines+markers", "marker": marker}


def loss_figure(
    curves: Curves,
    held_out_steps: NDArray[np.integer],
    held_out_loss: NDArray[np.floating],
    rate_changes: RateChanges,
) -> go.Figure:
    """Draw the loss of the training steps and of the held-out digits over the steps."""
    figure = _over_steps("loss (nats)", curves.steps, rate_changes, rangemode="tozero")
    _add_both(figure, curves, curves.loss, held_out_steps, held_out_loss)
    return figure


def accuracy_figure(
    curves: Curves,
    batch: int,
    held_out_steps: NDArray[np.integer],
    held_out_accuracy: NDArray[np.floating],
    rate_changes: RateChanges,
) -> go.Figure:
    """Draw the share of digits classified rightly, in training and held out, over the steps."""
    axis = {"range": (-0.02, 1.02), "tickformat": ".0%"}
    figure = _over_steps("share right", curves.steps, rate_changes, **axis)
    _add_both(figure, curves, curves.correct / batch, held_out_steps, held_out_accuracy)
    return figure


def _add_both(
    figure: go.Figure,
    curves: Curves,
    training: NDArray[np.floating],
    held_out_steps: NDArray[np.integer],
    held_out: NDArray[np.floating],
) -> None:
    """Add what a run is judged by: in training at the curves' steps, and held out at its own."""
    figure.add_scatter(
        x=curves.steps,
        y=training,
        name="training, smoothed",
        **_points(curves, TRAINING),
        line={"color": TRAINING, "width": 1.5},
    )
    figure.add_scatter(
        x=held_out_steps,
        y=held_out,
        name="held-out digits",
        mode="lines+markers",
        line={"color": HELD_OUT, "width": 2},
        marker={"size": 4},
    )


def weights_figure(curves: Curves, shown: int, rate_changes: RateChanges) -> go.Figure:
    """Draw the nine weights of one filter, and its bias, over the steps."""
    figure = _over_steps("weight", curves.steps, rate_changes)
    figure.add_traces(  # as dictionaries, all at once: half the time
        [
            {
                "type": "scatter",
                "x": curves.steps,
                "y": curves.filters[:, shown, u, v],
                "name": f"k[{u},{v}]",
                "mode": "lines+markers" if len(curves.steps) == 1 else "lines",
                "marker": {"color": colour},
                "line": {"color": colour, "dash": dash, "width": 1.5},
                "hoverinfo": "skip",
            }
            for u, colour in enumerate(ROWS)
            for v, dash in enumerate(DASHES)
        ]
    )
    # Of curves at one step only one can be hovered over and clicked, so this one speaks for all.
    nine = curves.filters[:, shown].reshape(-1, 9)
    rows = ("  ".join(f"%{{customdata[{3 * u + v}]:.4f}}" for v in range(3)) for u in range(3))
    figure.add_scatter(
        x=curves.steps,
        y=curves.filter_bias[:, shown],
        name="bias b",
        customdata=nine,
        hovertemplate="b %{y:.4f}<br>k<br>" + "<br>".join(rows) + "<extra></extra>",
        **_points(curves, BIAS),
        line={"color": BIAS, "width": 2.5},
    )
    return figure


def distances_figure(went: Travelled, rate_changes: RateChanges) -> go.Figure:
    """Draw how far a filter went over each stretch of a hundred steps."""
    figure = _over_steps("distance", went.steps, rate_changes, rangemode="tozero")
    figure.add_scatter(
        x=went.steps,
        y=went.lengths,
        name="distance per 100 steps",
        mode="lines+markers",
        line={"color": HELD_OUT, "width": 1.5},
        marker={"size": 4},
        hovertemplate="%{y:.5f}<extra></extra>",
    )
    figure.update_layout(showlegend=False)
    return figure


def _over_steps(
    what: str, steps: NDArray[np.integer], rate_changes: RateChanges, **y_axis: object
) -> go.Figure:
    """Return a figure over the steps, with no line yet."""
    changes = list(rate_changes)[1:]
    last = max([int(steps[-1]), *(step for step, _ in changes)])  # as far as anything is drawn
    # Of a few steps Plotly would write halves.
    whole = {"dtick": 1} if last - int(steps[0]) <= FEW else {}
    # All at once: each later update of a figure takes as long as the whole layout.
    figure = go.Figure(
        layout={
            "height": 260,
            "margin": {"l": 8, "r": 8, "t": 28, "b": 8},
            # Above the plot, however many rows it needs on a narrow screen.
            "legend": {"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0},
            "hovermode": "x unified",
            "dragmode": "pan",
            # The same between redraws: a zoom that somebody made outlives the next refresh.
            "uirevision": "run",
            "xaxis": {"title": "step", "rangemode": "nonnegative", **whole},
            "yaxis": {"title": what, **y_axis},
        }
    )
    for step, rate in changes:
        figure.add_vline(
            x=step,
            line={"color": MARK, "width": 1, "dash": "dot"},
            annotation={"text": f"η {written(rate)}", "font": {"size": 11}, "textangle": -90},
            annotation_position="bottom right",
        )
    return figure
