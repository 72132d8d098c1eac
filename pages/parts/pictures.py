"""Small pictures inside a text: what a hidden unit makes of the pooled maps."""

import struct
import zlib
from base64 import b64encode
from html import escape

import numpy as np
from numpy.typing import NDArray

from cnn.arithmetic import Arithmetic
from cnn.network import POOLED
from pages.parts.numbers import readable

POSITIVE, NEGATIVE = (31, 111, 180), (217, 95, 2)
"""The stage's blue and orange; strength is opacity, so that they suit both themes."""

MARKED = 5
"""Largest products that are marked on the pictures, numbered as in the list."""


def hidden_pictures(z1: Arithmetic, weights: NDArray[np.floating], a0: NDArray[np.floating]) -> str:
    """Draw a hidden unit's weights, the pooled maps, and their products, filter by filter.

    Args:
        z1: the unit's sum, its largest terms first.
        weights: (f·169,), the unit's row of W1.
        a0: (f·169,), the pooled maps of the image.

    Returns:
        HTML: for each filter three pictures side by side, the largest products marked.
    """
    filters = len(weights) // (POOLED[0] * POOLED[1])
    shape = filters, *POOLED
    triples = list(zip(*(v.reshape(shape) for v in (weights, a0, weights * a0)), strict=True))
    names = "weights W1", "pooled P", "products"
    ends = [max(float(np.abs(part[at]).max()) for part in triples) for at in range(3)]
    rows = []
    for filter, triple in enumerate(triples):
        figures = []
        for name, values, end in zip(names, triple, ends, strict=True):
            of = f" of filter {filter + 1}" if filters > 1 else ""
            low, high = readable(float(values.min())), readable(float(values.max()))
            words = escape(f"{name}{of}, from {low} to {high}")
            caption = f"<figcaption>{name}<br>±{readable(end)}</figcaption>" if not filter else ""
            figures.append(
                f'<figure>{caption}<span class="map"><img src="{picture(values / (end or 1.0))}" '
                f'alt="{words}" title="{words}">{_marks(z1, filter)}</span></figure>'
            )
        sign = "<i>×</i>", "<i>=</i>"
        rows.append(
            f'<div class="triple">{figures[0]}{sign[0]}{figures[1]}{sign[1]}{figures[2]}</div>'
        )
    return f'<div class="pictures">{"".join(rows)}</div>'


def picture(shares: NDArray[np.floating]) -> str:
    """Return the address of a picture of signed values, −1 to 1, one pixel each."""
    positive = shares[..., np.newaxis] > 0
    pixels = np.zeros((*shares.shape, 4), np.uint8)
    pixels[..., :3] = np.where(positive, POSITIVE, NEGATIVE)
    pixels[..., 3] = np.clip(np.abs(shares), 0, 1) * 255
    return "data:image/png;base64," + b64encode(png(pixels)).decode()


def png(pixels: NDArray[np.uint8]) -> bytes:
    """Encode a picture with opacity, (rows, columns, 4), as PNG (RFC 2083)."""
    height, width = pixels.shape[:2]

    def chunk(kind: bytes, data: bytes) -> bytes:
        checked = kind + data
        return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))

    # Each row begins with the number of its filter; 0 is none.
    rows = np.concatenate((np.zeros((height, 1), np.uint8), pixels.reshape(height, -1)), axis=1)
    head = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows.tobytes()))
        + chunk(b"IEND", b"")
    )


def _marks(z1: Arithmetic, filter: int) -> str:
    """Boxes on the largest products of one filter's map."""
    marks = []
    for term in z1.terms[:MARKED]:
        place = term.factors[1].place
        if place is not None and place.filter == filter and term.value:
            row, column = divmod(place.index, POOLED[1])
            left, top = 100 * column / POOLED[1], 100 * row / POOLED[0]
            marks.append(f'<b style="left: {left:.2f}%; top: {top:.2f}%"></b>')
    return "".join(marks)
