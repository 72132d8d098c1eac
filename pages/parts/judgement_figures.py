"""The Plotly figures of the page that judges. They draw numbers and compute none."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from pages.parts.figures import HELD_OUT, TRANSPARENT
from pages.parts.panel_figures import ACCENT, SIGNED, dark

STRONGEST = {False: 1.4, True: 1.8}
"""Ends of the scale of shares, in light and in dark: beyond 1, so that a count can be read on every
cell."""


def confusion_figure(
    confusion: NDArray[np.integer], classes: Sequence[str], chosen: tuple[int, int]
) -> go.Figure:
    """Draw how often each class was taken for which; a click on a cell is on its point.

    What is right is blue and what is wrong is orange, by its share of the class: on one scale,
    which is the same at every step, so that progress can be seen. The strength follows the root
    of the share, because mistakes are rare where it gets interesting: 1 % has a tenth of it.

    Args:
        confusion: (c, c), the true class down, the one it was taken for across.
        classes: their names.
        chosen: the cell that is marked, row and column.
    """
    count = len(classes)
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)  # of each class
    colours = np.where(np.eye(count, dtype=bool), 1, -1) * np.sqrt(shares)
    names = list(classes)
    figure = go.Figure()
    figure.add_heatmap(
        z=colours,
        zmin=-STRONGEST[dark()],
        zmax=STRONGEST[dark()],
        colorscale=SIGNED[dark()],
        showscale=False,
        text=confusion,
        texttemplate="%{text:,}",
        textfont={"size": 13},
        xgap=1,
        ygap=1,
        hoverinfo="skip",
    )
    # A click is on a point and a heat map has none, so over each cell lies one that nobody sees.
    rows, columns = np.indices((count, count)).reshape(2, -1)
    words = [
        f"{confusion[row, column]:,} × {names[row]} taken for {names[column]}<br>"
        f"{shares[row, column]:.1%} of all {names[row]}"
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True)
    ]
    figure.add_scatter(
        x=columns,
        y=rows,
        mode="markers",
        marker={"symbol": "square", "size": 30, "color": TRANSPARENT},
        text=words,
        hovertemplate="%{text}<extra></extra>",
        showlegend=False,
    )
    row, column = chosen
    figure.add_shape(
        type="rect",
        x0=column - 0.5,
        x1=column + 0.5,
        y0=row - 0.5,
        y1=row + 0.5,
        line={"color": ACCENT, "width": 3},
    )
    figure.update_layout(
        height=460,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        hovermode="closest",
        hoverdistance=40,
        dragmode="pan",
    )
    axis = {
        "tickvals": list(range(count)),
        "ticktext": names,
        "showgrid": False,
        "zeroline": False,
        "range": [-0.5, count - 0.5],
        "fixedrange": True,
    }
    figure.update_xaxes(title="taken for", side="top", **axis)
    figure.update_yaxes(title="is", **(axis | {"range": [count - 0.5, -0.5]}))
    return figure


def classes_figure(
    confusion: NDArray[np.integer], accuracy: NDArray[np.floating], classes: Sequence[str]
) -> go.Figure:
    """Draw which share of each class was classified rightly, with the counts.

    Args:
        confusion: (c, c), as above.
        accuracy: (c,), NaN where a class has no image.
        classes: their names.
    """
    right, counts = confusion.diagonal().tolist(), confusion.sum(axis=1).tolist()
    lengths = np.nan_to_num(accuracy)
    figure = go.Figure()
    figure.add_bar(
        x=lengths,
        y=list(range(len(classes))),
        orientation="h",
        marker={"color": HELD_OUT},
        text=[
            f"{share:.1%}, {some:,} of {all_:,}" if all_ else "<i>no such digits</i>"
            for share, some, all_ in zip(lengths.tolist(), right, counts, strict=True)
        ],
        # Inside a bar of no length Plotly writes nothing.
        textposition=["auto" if some else "outside" for some in right],
        hoverinfo="skip",
    )
    figure.update_layout(height=460, bargap=0.25, margin={"l": 8, "r": 24, "t": 8, "b": 8})
    figure.update_xaxes(title="share right", range=[0, 1], tickformat=".0%", side="top")
    figure.update_yaxes(
        tickvals=list(range(len(classes))), ticktext=list(classes), autorange="reversed"
    )
    return figure
