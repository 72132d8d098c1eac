"""A filter on the page: at many moments in a row, and its first and newest numbers."""

from html import escape
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cnn.convolution import SIDE
from pages.parts.filter_life import Strip
from pages.parts.numbers import decimals_for, in_decimals, readable
from pages.parts.pictures import NEGATIVE, POSITIVE, picture
from pages.parts.thumbnails import thumbnail

STYLE = Path(__file__).parents[2] / "static" / "filter.css"

STRONGEST = 0.55
"""Opacity of a cell with the largest weight, so that its number can still be read."""


def strip_html(strip: Strip) -> str:
    """Draw a filter at each moment and, under it, what it makes of the digit."""
    image = (
        f'<figure class="digit"><img src="{thumbnail(strip.image)}" '
        f'alt="the image, {escape(strip.name)}">'
        f"<figcaption>the image ({escape(strip.name)})</figcaption></figure>"
    )
    return f'<div class="film">{image}{"".join(_moment(strip, at) for at in _places(strip))}</div>'


def _places(strip: Strip) -> range:
    return range(len(strip.steps))


def _moment(strip: Strip, at: int) -> str:
    step = int(strip.steps[at])
    *weights, bias = (readable(value) for value in strip.kernels[at].tolist())
    rows = "; ".join(" ".join(weights[SIDE * u : SIDE * u + SIDE]) for u in range(SIDE))
    words = f"the filter after step {step:,}: {rows}; bias {bias}"
    made = f"feature map after step {step:,}, up to {readable(float(strip.maps[at].max()))}"
    return (
        "<figure>"
        f"<figcaption>step {step:,}</figcaption>"
        f'<img src="{picture(strip.weights[at] / strip.largest_weight)}" '
        f'alt="{words}" title="{words}">'
        f'<img src="{picture(strip.maps[at] / strip.largest_value)}" alt="{made}" title="{made}">'
        f"<figcaption>b {bias}</figcaption>"
        "</figure>"
    )


def kernels_html(first: NDArray[np.floating], now: NDArray[np.floating], step: int) -> str:
    """Write a filter's ten numbers before the first step, after a step, and their difference.

    Args:
        first: (10,), nine weights and the bias.
        now: (10,), likewise.
        step: after which step they are `now`.
    """
    change = now - first
    end = max(float(np.abs(kernel[:-1]).max()) for kernel in (first, now))
    decimals = decimals_for(*change.tolist())
    tables = (
        _table("before step 1, drawn at random", first, end, 4),
        _table(f"after step {step:,}", now, end, 4),
        _table("difference", change, float(np.abs(change[:-1]).max()), decimals),
    )
    return f'<div class="kernels">{"".join(tables)}</div>'


def _table(title: str, kernel: NDArray[np.floating], end: float, decimals: int) -> str:
    *weights, bias = kernel.tolist()
    cells = [_cell(weight, end, decimals) for weight in weights]
    rows = "".join(f"<tr>{''.join(cells[SIDE * u : SIDE * u + SIDE])}</tr>" for u in range(SIDE))
    return (
        f"<table><caption>{title}</caption>{rows}"
        f'<tr><th scope="row">bias b</th><td colspan="2">{in_decimals(bias, decimals)}</td></tr>'
        "</table>"
    )


def _cell(value: float, end: float, decimals: int) -> str:
    red, green, blue = POSITIVE if value > 0 else NEGATIVE
    strength = STRONGEST * abs(value) / (end or 1.0)
    colour = f"rgba({red},{green},{blue},{strength:.3f})"
    return f'<td style="background-color: {colour}">{in_decimals(value, decimals)}</td>'
