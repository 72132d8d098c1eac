"""The small pictures, decoded again."""

import re
import struct
import zlib
from base64 import b64decode

import numpy as np

from cnn import Run
from cnn.arithmetic import explain
from data import Digits
from pages.parts.pictures import NEGATIVE, POSITIVE, hidden_pictures, picture
from tests.browser.prepared.app import recipe


def decoded(address: str) -> np.ndarray:
    """The pixels of a PNG whose rows are not filtered, with every checksum checked."""
    data = b64decode(address.removeprefix("data:image/png;base64,"))
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, at = {}, 8
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        assert struct.unpack_from(">I", data, at + 8 + length)[0] == zlib.crc32(kind + body)
        chunks[kind], at = body, at + 12 + length
    assert list(chunks) == [b"IHDR", b"IDAT", b"IEND"]
    width, height, depth, colours = struct.unpack_from(">IIBB", chunks[b"IHDR"])
    assert (depth, colours) == (8, 6)
    rows = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, 1 + 4 * width)
    assert not rows[:, 0].any()
    return rows[:, 1:].reshape(height, width, 4)


def test_sign_is_colour_and_size_is_opacity() -> None:
    pixels = decoded(picture(np.array([[1.0, -0.5, 0.0], [0.2, -1.0, 3.0]])))
    assert pixels.shape == (2, 3, 4)
    assert tuple(pixels[0, 0]) == (*POSITIVE, 255)
    assert tuple(pixels[0, 1]) == (*NEGATIVE, 127)
    assert pixels[0, 2, 3] == 0
    assert tuple(pixels[1, 1]) == (*NEGATIVE, 255)
    assert pixels[1, 2, 3] == 255


def test_a_units_weights_times_the_pooled_maps_filter_by_filter(digits: Digits) -> None:
    run = Run(recipe(filters=2), digits.images, digits.labels)
    run.advance(30)
    step = run.at(30)
    weights, a0 = step.before.hidden_weights[5], step.forward.a0[0]
    z1 = explain(step, "z1", 5)
    html = hidden_pictures(z1, weights, a0)

    pictures = [decoded(address) for address in re.findall(r'src="([^"]+)"', html)]
    assert len(pictures) == 6
    for filter in (0, 1):
        own = slice(169 * filter, 169 * filter + 169)
        for at, values in enumerate((weights, a0, weights * a0)):
            shares = values[own].reshape(13, 13) / abs(values).max()
            opacity = pictures[3 * filter + at][..., 3]
            np.testing.assert_allclose(opacity, abs(shares) * 255, atol=1)
    # The five largest products are marked, each on all three pictures of its filter.
    largest = np.argsort(-abs(weights * a0), kind="stable")[:5]
    marks = re.findall(r"left: ([\d.]+)%; top: ([\d.]+)%", html)
    assert len(marks) == 15
    row, column = divmod(int(largest[0]) % 169, 13)
    assert (f"{100 * column / 13:.2f}", f"{100 * row / 13:.2f}") in marks
