"""The Plotly figures, for what is read slowly and closely. They draw numbers and compute none."""

from collections.abc import Iterable

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from pages.parts.curves import Curves
from pages.parts.rates import written

TRAINING, HELD_OUT, MARK = "#7f7f7f", "#1f77b4", "#7f7f7f"

# A weight's row has a colour and its column a dash, so that no line needs its colour alone.
ROWS = ("#1f6fb4", "#d95f02", "#7f7f7f")
DASHES = ("solid", "dash", "dot")

# Plotly selects what has a marker, so the points of a line that can be clicked have invisible ones.
POINTS = {
    "mode": "lines+markers",
    "marker": {"size": 8, "opacity": 0},
    "selected": {"marker": {"opacity": 0}},
    "unselected": {"marker": {"opacity": 0}},
}

RateChanges = Iterable[tuple[int, float]]


def loss_figure(
    curves: Curves,
    held_out_steps: NDArray[np.integer],
    held_out_loss: NDArray[np.floating],
    rate_changes: RateChanges,
) -> go.Figure:
    """Draw the loss of the training steps and of the held-out digits over the steps."""
    figure = _over_steps("loss (nats)", rate_changes)
    figure.add_scatter(
        x=curves.steps,
        y=curves.loss,
        name="training, smoothed",
        **POINTS,
        line={"color": TRAINING, "width": 1.5},
    )
    figure.add_scatter(
        x=held_out_steps,
        y=held_out_loss,
        name="held-out digits",
        mode="lines+markers",
        line={"color": HELD_OUT, "width": 2},
        marker={"size": 4},
    )
    figure.update_yaxes(rangemode="tozero")
    return figure


def accuracy_figure(
    curves: Curves,
    batch: int,
    held_out_steps: NDArray[np.integer],
    held_out_accuracy: NDArray[np.floating],
    rate_changes: RateChanges,
) -> go.Figure:
    """Draw the share of digits classified rightly, in training and held out, over the steps."""
    figure = _over_steps("share right", rate_changes)
    figure.add_scatter(
        x=curves.steps,
        y=curves.correct / batch,
        name="training, smoothed",
        **POINTS,
        line={"color": TRAINING, "width": 1.5},
    )
    figure.add_scatter(
        x=held_out_steps,
        y=held_out_accuracy,
        name="held-out digits",
        mode="lines+markers",
        line={"color": HELD_OUT, "width": 2},
        marker={"size": 4},
    )
    figure.update_yaxes(range=[0, 1.02], tickformat=".0%")
    return figure


def weights_figure(curves: Curves, shown: int, rate_changes: RateChanges) -> go.Figure:
    """Draw the nine weights of one filter, and its bias, over the steps."""
    figure = _over_steps("weight", rate_changes)
    for u, colour in enumerate(ROWS):
        for v, dash in enumerate(DASHES):
            figure.add_scatter(
                x=curves.steps,
                y=curves.filters[:, shown, u, v],
                name=f"k[{u},{v}]",
                line={"color": colour, "dash": dash, "width": 1.5},
                hoverinfo="skip",
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
        **POINTS,
        line={"color": "#cc3377", "width": 2.5},
    )
    return figure


def _over_steps(what: str, rate_changes: RateChanges) -> go.Figure:
    figure = go.Figure()
    figure.update_layout(
        height=260,
        margin={"l": 8, "r": 8, "t": 28, "b": 8},
        # Above the plot, however many rows it needs on a narrow screen.
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0},
        hovermode="x unified",
        # The same between redraws: a zoom that somebody made outlives the next refresh.
        uirevision="run",
    )
    figure.update_xaxes(title="step", rangemode="nonnegative")
    figure.update_yaxes(title=what)
    for step, rate in list(rate_changes)[1:]:
        figure.add_vline(
            x=step,
            line={"color": MARK, "width": 1, "dash": "dot"},
            annotation={"text": f"η {written(rate)}", "font": {"size": 11}, "textangle": -90},
            annotation_position="bottom right",
        )
    return figure
