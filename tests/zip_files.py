"""ZIP files of pictures made by hand, for the tests."""

import io
import zipfile
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def png_of(image: NDArray[np.uint8]) -> bytes:
    """A digit as it is, 28×28, light on dark."""
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG")
    return stream.getvalue()


def photo_of(image: NDArray[np.uint8]) -> bytes:
    """A digit as somebody would bring it: large, dark on light, with room around it."""
    stream = io.BytesIO()
    large = Image.fromarray(255 - image).resize((140, 140), Image.Resampling.BICUBIC)
    sheet = Image.new("L", (200, 160), 255)
    sheet.paste(large, (30, 10))
    sheet.save(stream, "JPEG", quality=95)
    return stream.getvalue()


def zipped(files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in files.items():
            # Without a time stamp: the same bytes in every process.
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return stream.getvalue()


def some_pictures(of_each: int = 2, classes: Iterable[int] = range(10)) -> dict[str, bytes]:
    """A dot for each picture, at a place of its own."""
    return {
        f"{label}/{number}.png": png_of(dot(label, number))
        for label in classes
        for number in range(of_each)
    }


def dot(label: int, number: int) -> NDArray[np.uint8]:
    image = np.zeros((28, 28), np.uint8)
    image[4 + label, 4 + number] = 200
    return image
