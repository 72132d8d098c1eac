"""A drawing: strokes of a pen on a square, and the digit that they make."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from data.error import DataError
from data.picture import digit_from_ink

SIDE = 1000
"""The square is so many units wide and high; (0, 0) is its upper left corner."""

WIDTHS = 20, 200
"""The thinnest and the thickest pen, in the same units."""

MOST_POINTS = 20_000
"""A drawing has no more, all its strokes together: minutes of scribbling."""

_PIXELS = 400  # of the picture that the strokes are drawn into, for each of 20 so many
_SCALE = _PIXELS / SIDE


@dataclass(frozen=True)
class Stroke:
    """One movement of the pen while it is down.

    Attributes:
        width: of the pen.
        points: (x, y) after each other; a single one is a dot.
    """

    width: int
    points: tuple[tuple[int, int], ...]


def read_strokes(told: object) -> tuple[Stroke, ...]:
    """Read what a browser says was drawn: ``[{"width": 70, "points": [[x, y], …]}, …]``.

    Errors:
        DataError: it is no drawing, or has too many points.
    """
    if not isinstance(told, list):
        raise _no_drawing()
    count, strokes = 0, []
    for one in told:
        points = one.get("points") if isinstance(one, dict) else None
        if not isinstance(points, list) or not points:
            raise _no_drawing()
        count += len(points)
        if count > MOST_POINTS:
            raise DataError("The drawing has too many strokes: clear it and begin again.")
        width = _whole(one.get("width"), *WIDTHS)
        strokes.append(Stroke(width, tuple(_point(point) for point in points)))
    return tuple(strokes)


def _point(told: object) -> tuple[int, int]:
    if not isinstance(told, list) or len(told) != 2:
        raise _no_drawing()
    return _whole(told[0], 0, SIDE), _whole(told[1], 0, SIDE)


def _whole(told: object, least: int, most: int) -> int:
    """Return a number, moved into its range: a pen may leave the square."""
    if isinstance(told, bool) or not isinstance(told, int | float) or told != told:
        raise _no_drawing()
    return round(min(max(told, least), most))


def _no_drawing() -> DataError:
    return DataError("What arrived from the browser is no drawing: clear it and begin again.")


def digit_from_strokes(strokes: Sequence[Stroke]) -> NDArray[np.uint8] | None:
    """Return the digit that is drawn, (28, 28), 0 paper and 255 ink; None of an empty square.

    It is scaled and placed as MNIST's digits were, by `data.picture.digit_from_ink`.
    """
    if not strokes:
        return None
    return digit_from_ink(ink_of(strokes))


def ink_of(strokes: Sequence[Stroke]) -> NDArray[np.float32]:
    """Draw strokes with a round pen: (400, 400), 0 paper and 1 ink."""
    picture = Image.new("L", (_PIXELS, _PIXELS))
    draw = ImageDraw.Draw(picture)
    for stroke in strokes:
        radius = stroke.width * _SCALE / 2
        points = [(x * _SCALE, y * _SCALE) for x, y in stroke.points]
        draw.line(points, fill=255, width=round(2 * radius))
        for x, y in points:  # the pen is round: at the ends, and where the line bends
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    return np.asarray(picture, np.float32) / np.float32(255)
