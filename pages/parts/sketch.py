"""What one visitor has drawn or brought on the draw page; it stays when they leave the page."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data import DataError
from data.picture import digit_from_picture
from data.strokes import Stroke, digit_from_strokes, read_strokes

PEN = 80
"""Width of the pen at first: a digit as high as two thirds of the square gets MNIST's strokes."""


@dataclass
class Sketch:
    """A drawing and a picture, of which one is looked at.

    Attributes:
        strokes: what is drawn.
        pen: how wide the next stroke will be.
        heard: the number of the last telling of the browser's.
        drawn: (28, 28), the digit that the strokes make, or None while there are none.
        picture: (28, 28), the digit of the picture that was brought, or None.
        name: of the picture's file.
        refused: why what was drawn or brought last cannot be used, one sentence, or None.
    """

    strokes: tuple[Stroke, ...] = ()
    pen: int = PEN
    heard: int = 0
    drawn: NDArray[np.uint8] | None = None
    picture: NDArray[np.uint8] | None = None
    name: str = ""
    refused: str | None = None

    def hear(self, told: dict[str, Any]) -> None:
        """Take over what the browser says was drawn; nothing changes if it is no drawing."""
        self.refused = None
        try:
            # First, so that the browser goes on telling whatever is wrong with the rest.
            self.heard = int(told["number"])
            strokes, pen = read_strokes(told["strokes"]), int(told["width"])
            if strokes != self.strokes:
                self.strokes, self.drawn = strokes, digit_from_strokes(strokes)
            self.pen = pen
        except (KeyError, TypeError, ValueError, OverflowError):
            self.refused = "What arrived from the browser is no drawing: load the page again."
        except DataError as error:
            self.refused = str(error)

    def bring(self, content: bytes, name: str) -> None:
        """Take over a picture file; if it is refused, there is no picture, not the one before."""
        self.put_away()
        try:
            self.picture, self.name = digit_from_picture(content), name
        except DataError as error:
            self.refused = str(error)

    def put_away(self) -> None:
        """Have no picture any more."""
        self.picture, self.name, self.refused = None, "", None
