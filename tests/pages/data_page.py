"""The data page without a browser: what can be brought to it, and what it says."""

import io
import re
import struct
import zipfile

import numpy as np
from opening import drawn, held
from PIL import Image
from streamlit.testing.v1 import AppTest

from data import Digits
from pages.parts.keys import Key


def choose(app: AppTest, choice: str) -> None:
    app.radio(key=Key.DATA).set_value(choice)
    drawn(app)


def png_of(image: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG")
    return stream.getvalue()


def zip_of(digits: Digits, of_each: int = 5) -> bytes:
    """A ZIP of the first so many training digits of each class."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for label in range(10):
            for at, image in enumerate(digits.images[digits.labels == label][:of_each]):
                archive.writestr(f"{label}/{at}.png", png_of(image))
    return stream.getvalue()


def idx_files(digits: Digits, training: int = 60, held_out: int = 40) -> dict[str, bytes]:
    files = {}
    for part, images, labels in (
        ("train", digits.images[:training], digits.labels[:training]),
        ("t10k", digits.held_out_images[:held_out], digits.held_out_labels[:held_out]),
    ):
        head = struct.pack(">IIII", 0x803, len(images), 28, 28)
        files[f"{part}-images-idx3-ubyte"] = head + images.tobytes()
        head = struct.pack(">II", 0x801, len(labels))
        files[f"{part}-labels-idx1-ubyte"] = head + bytes(labels.tolist())
    return files


def upload(app: AppTest, *files: tuple[str, bytes]) -> None:
    (uploader,) = (one for one in app.file_uploader if "saved run" not in one.label)
    given = [(name, content, "application/octet-stream") for name, content in files]
    uploader.set_value(given if uploader.accept_multiple_files else given[0])
    drawn(app)
    wait(app)


def wait(app: AppTest) -> None:
    if reading := held(app).brought.reading:
        reading.join()
        drawn(app)


def own(app: AppTest) -> str:
    """The name of the digits in hand, which are somebody's own."""
    name = held(app).digits.name
    assert re.fullmatch(r"own-[0-9a-f]{8}", name)
    assert held(app).run.recipe.data == name
    return name
