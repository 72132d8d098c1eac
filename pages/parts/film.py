"""An animated picture of a filter's life."""

import io
from dataclasses import dataclass

from PIL import Image

from pages.parts.curves import Curves
from pages.parts.filter_life import Strip
from pages.parts.filter_pictures import FilmFrame
from pages.parts.task import Progress

SHOWN, LAST_SHOWN = 120, 2_000
"""Milliseconds that a frame is seen, and the last one."""

COLOURS = 128
"""Of each frame. With more, frames in the making take more memory and nobody sees it."""


@dataclass(frozen=True, eq=False)
class Film:
    """A film that can be kept.

    Attributes:
        gif: the file.
        strip: what it shows.
    """

    gif: bytes
    strip: Strip


def filmed(strip: Strip, curves: Curves, rates: list[float], progress: Progress) -> Film:
    """Draw a frame for each moment of a filter, and join them into a GIF.

    Args:
        strip: the filter at its moments, and the digit.
        curves: its weights over all steps, drawn below with a mark that moves.
        rates: (m,), the learning rate at each moment.
        progress: told how many frames are drawn, of how many; it may raise to end this.
    """
    frame, pictures = FilmFrame(strip, curves), []
    for at, rate in enumerate(rates):
        progress(at, len(rates))
        picture = Image.fromarray(frame.drawn(at, rate))
        pictures.append(picture.quantize(COLOURS, dither=Image.Dither.NONE))
    file = io.BytesIO()
    shown = [SHOWN] * (len(pictures) - 1) + [LAST_SHOWN]
    first, *rest = pictures
    first.save(file, "GIF", save_all=True, append_images=rest, duration=shown, loop=0)
    return Film(file.getvalue(), strip)
