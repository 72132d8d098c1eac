"""The pictures of a filter's life that people keep, drawn with Matplotlib.

Figures are made without pyplot, whose list of open figures all visitors of a server would share.
Matplotlib is imported where it draws: most visits do without it.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from cnn.convolution import SIDE
from pages.parts.curves import Curves
from pages.parts.figures import BIAS, DASHES, ROWS
from pages.parts.filter_life import Strip
from pages.parts.numbers import in_decimals
from pages.parts.panel_figures import SIGNED
from pages.parts.rates import written
from pages.parts.wording import significant

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

ACROSS = 8
"""Moments in a row of the filmstrip."""

GAP = 0.18
"""Between two pictures, in widths of one."""

CELL = 1.15
"""Inches that a moment takes, with its gap."""

DOTS = 200
"""Pixels an inch of a PNG."""

FILM = 7.2, 4.2
"""Inches of a frame of the film; it has 100 pixels an inch."""


def filmstrip_file(strip: Strip, kind: Literal["png", "svg"]) -> bytes:
    """Return the filmstrip as a file: above the filter, below what it makes of the digit."""
    figure = _filmstrip(strip)
    file = io.BytesIO()
    figure.savefig(file, format=kind, dpi=DOTS, metadata={"Date": None} if kind == "svg" else {})
    return file.getvalue()


def _filmstrip(strip: Strip) -> Figure:
    from matplotlib.figure import Figure

    places = len(strip.steps) + 1  # the first one is the digit's
    across = min(places, ACROSS)
    down = -(-places // across)
    width, height = across * (1 + GAP) + GAP, down * (2 + 4 * GAP) + 2.5 * GAP
    inch = CELL / (1 + GAP)
    figure = Figure(figsize=(width * inch, height * inch), facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1))
    for place in range(places):
        x = GAP + place % across * (1 + GAP)
        y = 2 * GAP + place // across * (2 + 4 * GAP) + 1.5 * GAP
        if place == 0:
            _image(axes, strip.image, x, y + 1 + GAP)
            words = f"{strip.title},\nand what it\nmakes of\nthis image{_in_brackets(strip.name)}:"
            axes.text(x, y + 0.5, words, va="center", fontsize=7.5)
            continue
        at = place - 1
        edges = np.linspace(0, 1, SIDE + 1)
        end = strip.largest_weight
        axes.pcolormesh(
            x + edges, y + edges, strip.weights[at], cmap=_signed(), vmin=-end, vmax=end
        )
        _outline(axes, x, y)
        _map(axes, strip, at, x, y + 1 + GAP)
        bias = in_decimals(float(strip.kernels[at, -1]), 3)
        words = f"step {strip.steps[at]:,}\nb {bias}"
        axes.text(x + 0.5, y - 0.05, words, ha="center", va="bottom", fontsize=7)
    scale = (
        f"weights from −{significant(strip.largest_weight, 3)} (orange) to "
        f"{significant(strip.largest_weight, 3)} (blue), "
        f"feature maps from 0 to {significant(strip.largest_value, 3)}"
    )
    axes.text(GAP, GAP, scale, fontsize=7, va="center")
    axes.set(xlim=(0, width), ylim=(height, 0), aspect="equal")
    axes.set_axis_off()
    return figure


class FilmFrame:
    """One figure that becomes every frame of a film: what moves is replaced, the rest stays."""

    def __init__(self, strip: Strip, curves: Curves) -> None:
        from matplotlib.figure import Figure

        self._strip = strip
        self._figure = figure = Figure(figsize=FILM, dpi=100, facecolor="white")
        self._title = figure.suptitle(" ", fontsize=11)
        places = [figure.add_axes((left, 0.42, 0.24, 0.42)) for left in (0.06, 0.38, 0.7)]
        for axes, name in zip(
            places, ("filter", f"image{_in_brackets(strip.name)}", "feature map"), strict=True
        ):
            axes.set_title(name, fontsize=9)
            axes.set(xticks=[], yticks=[])
        end = strip.largest_weight
        self._filter = places[0].imshow(
            strip.weights[0], cmap=_signed(), vmin=-end, vmax=end, interpolation="nearest"
        )
        self._numbers = [
            places[0].text(v, u, "", ha="center", va="center", fontsize=8)
            for u in range(SIDE)
            for v in range(SIDE)
        ]
        self._bias = places[0].set_xlabel(" ", fontsize=9)
        places[1].imshow(strip.image, cmap="gray_r", interpolation="nearest")
        top = strip.largest_value
        self._map = places[2].imshow(
            strip.maps[0], cmap=_signed(), vmin=-top, vmax=top, interpolation="nearest"
        )
        below = figure.add_axes((0.08, 0.11, 0.88, 0.2))
        _curves(below, curves, strip.filter)
        self._now = below.axvline(0, color="black", linewidth=1)

    def drawn(self, at: int, rate: float) -> NDArray[np.uint8]:
        """Return the frame of a moment, (rows, columns, 3)."""
        strip = self._strip
        step = int(strip.steps[at])
        self._title.set_text(f"{strip.title} after step {step:,}, η {written(rate)}")
        self._filter.set_data(strip.weights[at])
        self._map.set_data(strip.maps[at])
        *weights, bias = strip.kernels[at].tolist()
        for text, weight in zip(self._numbers, weights, strict=True):
            text.set_text(in_decimals(weight, 3))
            text.set_color("white" if abs(weight) > 0.6 * strip.largest_weight else "black")
        self._bias.set_text(f"bias {in_decimals(bias, 3)}")
        self._now.set_xdata([step, step])
        file = io.BytesIO()
        self._figure.savefig(file, format="rgba")
        columns = round(FILM[0] * self._figure.dpi)
        return np.frombuffer(file.getvalue(), np.uint8).reshape(-1, columns, 4)[..., :3]


def _curves(axes: Axes, curves: Curves, filter: int) -> None:
    """Draw the nine weights and the bias over the steps, looking as on the page."""
    for u, colour in enumerate(ROWS):
        for v, dash in enumerate(DASHES):
            style = {"solid": "-", "dash": "--", "dot": ":"}[dash]
            weights = curves.filters[:, filter, u, v]
            axes.plot(curves.steps, weights, color=colour, linestyle=style, linewidth=1)
    axes.plot(curves.steps, curves.filter_bias[:, filter], color=BIAS, linewidth=1.5)
    axes.set_xlim(0, max(int(curves.steps[-1]), 1))
    axes.tick_params(labelsize=7)
    axes.set_xlabel("step", fontsize=8)


def _in_brackets(name: str) -> str:
    """A class's name, if Matplotlib's own font can write it: Latin, Greek or Cyrillic."""
    return f" ({name})" if all(ord(character) < 0x500 for character in name) else ""


def _map(axes: Axes, strip: Strip, at: int, x: float, y: float) -> None:
    end = strip.largest_value
    axes.imshow(
        strip.maps[at],
        cmap=_signed(),
        vmin=-end,
        vmax=end,
        interpolation="none",
        extent=(x, x + 1, y + 1, y),
    )
    _outline(axes, x, y)


def _image(axes: Axes, image: NDArray[np.uint8], x: float, y: float) -> None:
    axes.imshow(image, cmap="gray_r", interpolation="none", extent=(x, x + 1, y + 1, y))
    _outline(axes, x, y)


def _outline(axes: Axes, x: float, y: float) -> None:
    axes.plot([x, x + 1, x + 1, x, x], [y, y, y + 1, y + 1, y], color="#b0b4bc", linewidth=0.6)


def _signed() -> Colormap:
    """The stage's colours on white, as Matplotlib names them."""
    from matplotlib.colors import LinearSegmentedColormap

    stops = [tuple(int(part) / 255 for part in colour[4:-1].split(",")) for colour in SIGNED[False]]
    return LinearSegmentedColormap.from_list("signed", stops)
