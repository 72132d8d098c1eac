"""The Plotly figures of the step page's panels. They draw numbers and compute none."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray

from pages.parts.rates import written
from pages.parts.wording import significant

MARK = "#7f7f7f"
ACCENT = "#d6339a"  # what is highlighted, as on the stage; this one stands out in both themes
QUIET = {"displayModeBar": False}
"""Without Plotly's own buttons, which on a touch screen lie over the picture all the time."""

REAL, CHANGED, OFF_TARGET = "#8a8f98", "#1f6fb4", "#d95f02"

# The stage's colours (static/stage/colours.js), each from the strongest negative value through 0
# to the strongest positive; in the light theme (False) and in the dark one (True).
SIGNED = {
    False: (
        "rgb(147,58,4)",
        "rgb(233,122,32)",
        "rgb(253,200,146)",
        "rgb(243,243,243)",
        "rgb(160,203,234)",
        "rgb(52,132,196)",
        "rgb(6,62,126)",
    ),
    True: (
        "rgb(255,216,168)",
        "rgb(226,125,36)",
        "rgb(122,62,12)",
        "rgb(34,37,43)",
        "rgb(27,78,128)",
        "rgb(54,143,219)",
        "rgb(176,222,255)",
    ),
}


def dark() -> bool:
    """Whether this visitor's page is dark."""
    return st.context.theme.type == "dark"


LINEAR = 1e-6
"""Below this the axes of gradients are linear, so that 0 has a place on them."""


@dataclass(frozen=True, eq=False)
class Gradients:
    """Points of a gradient check.

    Attributes:
        name: what they have in common.
        labels: (m,), what each one is.
        numeric: (m,), by finite differences.
        analytic: (m,), by backpropagation.
    """

    name: str
    labels: list[str]
    numeric: NDArray[np.floating]
    analytic: NDArray[np.floating]


def symmetric_log(values: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return where values stand on an axis that is logarithmic both ways and linear around 0."""
    return np.asarray(np.sign(values) * np.log10(1 + np.abs(values) / LINEAR))


def gradients_figure(groups: list[Gradients], kinks: Gradients, wrong: Gradients) -> go.Figure:
    """Draw analytic against numeric gradients: what agrees lies on the diagonal."""
    figure = go.Figure()
    every = [*groups, kinks, wrong]
    largest = max(
        (float(np.abs(v).max()) for g in every for v in (g.numeric, g.analytic) if v.size),
        default=1.0,
    )
    end = float(symmetric_log(np.array([max(largest, 10 * LINEAR)]))[0]) * 1.04
    figure.add_scatter(
        x=[-end, end],
        y=[-end, end],
        mode="lines",
        line={"color": MARK, "width": 1, "dash": "dot"},
        hoverinfo="skip",
        showlegend=False,
    )
    looks = [
        {"symbol": "circle", "color": "#1f6fb4", "size": 9},
        {"symbol": "diamond", "color": "#cc3377", "size": 10},
        {"symbol": "circle", "color": MARK, "size": 4},
        {"symbol": "square", "color": MARK, "size": 6},
        {"symbol": "triangle-up", "color": "#d95f02", "size": 6},
        {"symbol": "cross", "color": "#d95f02", "size": 8},
    ]
    looks += [
        {"symbol": "circle-open", "color": MARK, "size": 13, "line": {"width": 2}},
        {"symbol": "x-thin", "color": ACCENT, "size": 12, "line": {"width": 3, "color": ACCENT}},
    ]
    for group, look in zip(every, looks, strict=True):
        if not group.labels:
            continue
        figure.add_scatter(
            x=symmetric_log(group.numeric),
            y=symmetric_log(group.analytic),
            name=group.name,
            mode="markers",
            marker=look,
            text=group.labels,
            customdata=np.column_stack((group.numeric, group.analytic)),
            hovertemplate="<b>%{text}</b><br>finite difference %{customdata[0]:.9~g}<br>"
            "backpropagation %{customdata[1]:.9~g}<extra></extra>",
        )
    figure.update_layout(
        height=440,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        hovermode="closest",
    )
    places, texts = _gradient_ticks(largest)
    axis = {"tickvals": places, "ticktext": texts, "tickangle": 0, "range": [-end, end]}
    figure.update_xaxes(title="finite difference", **axis)
    figure.update_yaxes(title="backpropagation", **axis)
    return figure


def _gradient_ticks(largest: float) -> tuple[list[float], list[str]]:
    """Return 0 and every second power of ten, either way, but few near 0."""
    least = -3 if largest > 1e-3 else -5
    powers = [10.0**power for power in range(least, 13, 2) if 10.0**power <= max(largest, 1e-5)]
    values = np.array([-power for power in reversed(powers)] + [0.0] + powers)
    return symmetric_log(values).tolist(), [significant(value) for value in values]


@dataclass(frozen=True, eq=False)
class RateCurve:
    """The loss of one step's images after a step with each of many rates.

    Attributes:
        rates: (m,), rising.
        losses: (m,), in nats; not finite where float32 has no number for it.
        before: the loss before the step.
        marks: what stands at some rates: a name, the rate, and the loss after it.
        best: the rate after which the loss is smallest.
        overshoots: the rate from which on the loss is above what it was, or None.
    """

    rates: NDArray[np.floating]
    losses: NDArray[np.floating]
    before: float
    marks: list[tuple[str, float, float]]
    best: float
    overshoots: float | None


def rates_figure(curve: RateCurve) -> go.Figure:
    """Draw the loss after a step over the step's rate."""
    figure = go.Figure()
    top = max(1.6 * curve.before, 1.1 * max(loss for _, _, loss in curve.marks), 1e-3)
    top = min(top, 4 * curve.before + 1e-3)
    if curve.overshoots is not None:
        figure.add_vrect(
            x0=curve.overshoots,
            x1=curve.rates[-1],
            fillcolor=OFF_TARGET,
            opacity=0.13,
            line_width=0,
        )
        figure.add_annotation(
            x=float(np.log10(curve.overshoots)),
            y=0.98,
            yref="paper",
            text="overshoots from here on",
            showarrow=False,
            xanchor="right",
            yanchor="top",
        )
    figure.add_scatter(
        x=curve.rates,
        y=np.where(np.isfinite(curve.losses), curve.losses, np.nan),
        name="loss after the step",
        line={"color": CHANGED, "width": 2.5},
        hovertemplate="η = %{x:.4~g}: loss %{y:.5~g}<extra></extra>",
    )
    figure.add_scatter(
        x=curve.rates[[0, -1]],
        y=[curve.before] * 2,
        name="loss before it",
        mode="lines",
        line={"color": REAL, "width": 1.5, "dash": "dash"},
        hoverinfo="skip",
    )
    for (name, rate, loss), shape in zip(curve.marks, ("diamond", "circle-open"), strict=False):
        figure.add_scatter(
            x=[rate],
            y=[min(loss, top) if np.isfinite(loss) else top],
            name=name,
            mode="markers",
            marker={
                "symbol": shape,
                "size": 13,
                "color": ACCENT,
                "line": {"width": 2.5, "color": ACCENT},
            },
            cliponaxis=False,
            hovertemplate=f"{name}: η = {written(rate)}, loss {loss:.5g}<extra></extra>",
        )
    figure.update_layout(
        height=320,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        legend={"orientation": "h", "y": -0.28, "x": 0},
    )
    tens = [10.0**power for power in range(-4, 2)]
    figure.update_xaxes(
        title="learning rate η",
        type="log",
        tickvals=tens,
        ticktext=[f"{rate:g}" if rate >= 1e-3 else "0.0001" for rate in tens],
        range=[float(np.log10(end)) for end in curve.rates[[0, -1]]],
    )
    figure.update_yaxes(title="loss (nats)", range=[0, top])
    return figure


def _signed_axis(end: float, x: float, length: float) -> dict[str, object]:
    """Return colours from −end to end, and their bar below the maps, its middle at x."""
    bar = {
        "orientation": "h",
        "thickness": 9,
        "yanchor": "top",
        "y": -0.02,
        "x": x,
        "len": length,
        "tickvals": [-end, 0, end],
        "ticktext": [significant(value, 2) for value in (-end, 0, end)],
    }
    return {"cmin": -end, "cmax": end, "colorscale": SIGNED[dark()], "colorbar": bar}


def maps_figure(
    real: tuple[NDArray[np.floating], NDArray[np.floating]],
    changed: tuple[NDArray[np.floating], NDArray[np.floating]],
) -> go.Figure:
    """Draw a feature map and its pooled map as they are, as they would be, and the difference.

    Args:
        real: feature map (26, 26) and pooled map (13, 13).
        changed: the same two with another parameter.
    """
    differences = [new - old for old, new in zip(real, changed, strict=True)]
    ends = [
        max(float(np.abs(values).max()) for values in maps) or 1.0
        for maps in ((*real, *changed), differences)
    ]
    layout: dict[str, object] = {
        "height": 480,
        "margin": {"l": 8, "r": 24, "t": 8, "b": 44},
        "coloraxis": _signed_axis(ends[0], 0.325, 0.62),
        "coloraxis2": _signed_axis(ends[1], 0.835, 0.3),
    }
    traces, frames = [], []
    bare = {"showticklabels": False, "showgrid": False, "zeroline": False, "ticks": ""}
    bare["constrain"] = "domain"
    titles = "as it is", "with the change", "difference"
    for row, name in enumerate(("feature map", "pooled map")):
        difference = differences[row]
        i, j = np.unravel_index(np.abs(difference).argmax(), difference.shape)
        for column, values in enumerate((real[row], changed[row], difference)):
            number = str(3 * row + column + 1).removesuffix(
                "1"
            )  # the first is "", by Plotly's rule
            traces.append(
                go.Heatmap(
                    z=values,
                    xaxis=f"x{number}",
                    yaxis=f"y{number}",
                    coloraxis="coloraxis2" if column == 2 else "coloraxis",
                    hovertemplate="[%{y},%{x}] = %{z:.4f}<extra></extra>",
                )
            )
            layout[f"xaxis{number}"] = bare | {
                "domain": [0.34 * column, 0.34 * column + 0.32],
                "anchor": f"y{number}",
                "title": titles[column] if row == 0 else "",
                "side": "top" if row == 0 else "bottom",
            }
            layout[f"yaxis{number}"] = bare | {
                "domain": [0.515, 1] if row == 0 else [0, 0.485],
                "anchor": f"x{number}",
                "scaleanchor": f"x{number}",
                # On a narrow page the two rows stay together.
                "constraintoward": "bottom" if row == 0 else "top",
                "autorange": "reversed",
                "title": name if column == 0 else "",
            }
            if difference[i, j]:
                frames.append(
                    {
                        "type": "rect",
                        "xref": f"x{number}",
                        "yref": f"y{number}",
                        "x0": j - 0.5,
                        "x1": j + 0.5,
                        "y0": i - 0.5,
                        "y1": i + 0.5,
                        "line": {"color": ACCENT, "width": 2.5},
                    }
                )
    # In one go: Plotly's subplots and updates take ten times as long.
    return go.Figure(traces, layout | {"shapes": frames})


def probabilities_figure(
    real: NDArray[np.floating],
    changed: NDArray[np.floating],
    classes: Sequence[str],
    label: int,
) -> go.Figure:
    """Draw the probabilities as they are and as they would be, in pairs, with their numbers."""
    figure = go.Figure()
    names = [f"<b>{name} ✓</b>" if c == label else name for c, name in enumerate(classes)]
    for name, values, colour in (
        ("as it is", real, REAL),
        ("with the change", changed, CHANGED),
    ):
        figure.add_bar(
            y=names,
            x=values,
            name=name,
            orientation="h",
            marker={"color": colour},
            text=[f"{value:.4f}" for value in values],
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{y}: %{x:.6f}<extra>" + name + "</extra>",
        )
    figure.update_layout(
        height=480,
        barmode="group",
        bargap=0.28,
        margin={"l": 4, "r": 8, "t": 28, "b": 8},
        legend={"orientation": "h", "y": 1.08, "x": 0, "traceorder": "normal"},
    )
    end = float(max(real.max(), changed.max()))
    figure.update_xaxes(range=[0, 1.3 * end], nticks=4)
    figure.update_yaxes(autorange="reversed", type="category")
    return figure
