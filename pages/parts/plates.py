"""Small maps as pictures in a text: quick to draw, so that they can follow a pen."""

from base64 import b64encode
from html import escape

import numpy as np
from numpy.typing import NDArray

from pages.parts.numbers import is_zero, readable
from pages.parts.panel_figures import dark
from pages.parts.pictures import NEGATIVE, POSITIVE, png

BRIGHT = (74, 159, 224), (240, 140, 50)
"""Blue and orange on a dark page; strength is opacity, as in `pages.parts.pictures`."""


def ink_plate(digit: NDArray[np.uint8], title: str, note: str) -> str:
    """Draw a digit, (28, 28), as the network sees it: ink in the theme's own ink.

    Args:
        digit: 0 paper to 255 ink.
        title: above it, HTML.
        note: below it, HTML.
    """
    ink = np.full((*digit.shape, 3), 250 if dark() else 18, np.uint8)
    return _plate(ink, digit, "the centred digit, 28 by 28 pixels", title, note)


def signed_plate(
    values: NDArray[np.floating], end: float, words: str, title: str, note: str = ""
) -> str:
    """Draw signed values, one cell each: blue above 0, orange below.

    Args:
        values: (rows, columns).
        end: the value of the strongest blue; its negative is the strongest orange.
        words: what it is, for those who do not see it; its range is added.
        title: above it, HTML.
        note: below it, HTML.
    """
    low, high = readable(float(values.min())), readable(float(values.max()))
    positive, negative = BRIGHT if dark() else (POSITIVE, NEGATIVE)
    colours = np.where(values[..., np.newaxis] > 0, positive, negative).astype(np.uint8)
    strength = np.rint(255 * np.clip(np.abs(values) / (end or 1.0), 0, 1)).astype(np.uint8)
    return _plate(colours, strength, f"{words}, from {low} to {high}", title, note)


def _plate(
    colours: NDArray[np.uint8], opacity: NDArray[np.uint8], words: str, title: str, note: str
) -> str:
    source = b64encode(png(np.dstack((colours, opacity)))).decode()
    words = escape(words)
    return (
        f'<figure class="plate"><h4>{title}</h4>'
        f'<img src="data:image/png;base64,{source}" alt="{words}" title="{words}">'
        + (f"<figcaption>{note}</figcaption>" if note else "")
        + "</figure>"
    )


def plates(kind: str, html: str) -> str:
    """Put what is drawn for the theme of the page into an element of that kind."""
    return f'<div class="{kind}{" dark" if dark() else ""}">{html}</div>'


def legend(end: float) -> str:
    """Write what the colours from −end to end mean; where everything is 0, that is all."""
    written = readable(end)
    if is_zero(written):
        return '<span class="legend"><span>0</span></span>'
    return (
        f'<span class="legend"><span>−{written}</span><i></i>'
        f"<span>0</span><b></b><span>{written}</span></span>"
    )
