"""Pictures of digits, real files made for each test: what comes back, and what is refused."""

import io
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from cnn import Parameters, Recipe, Run, forward
from data import DataError, Digits
from data.picture import BOX, digit_from_ink, digit_from_picture

ROOT = Path(__file__).parents[2]
Pixels = NDArray[np.uint8]

ROTATIONS = {1: 0, 3: 2, 6: 1, 8: 3}
"""EXIF orientations, and by how many quarter turns to the left a camera has turned the picture."""


def saved(pixels: Pixels, path: Path, mode: str = "L", **options: Any) -> bytes:
    Image.fromarray(pixels).convert(mode).save(path, **options)
    return path.read_bytes()


def enlarged(digit: Pixels, times: int = 10) -> Pixels:
    return np.kron(digit, np.ones((times, times), np.uint8))


def on_paper(digit: Pixels) -> Pixels:
    """Black ink on white paper, with a wide margin."""
    return 255 - np.pad(enlarged(digit), 60)


@pytest.fixture(scope="module")
def network(digits: Digits) -> Parameters:
    run = Run(Recipe(learning_rate=0.02), digits.images, digits.labels)
    run.advance(8_000)
    return run.parameters


@pytest.fixture(scope="module")
def some(digits: Digits) -> Pixels:
    """Twenty digits that training never sees.

    None whose centre of mass lies so near to the edge between two pixels that one grey value
    decides to which of them it belongs: it may come back moved by one.
    """
    images = digits.held_out_images[:60].astype(float)
    mass = images.sum(axis=(1, 2))
    centre = np.array([np.arange(28) @ images.sum(axis=axis).T for axis in (2, 1)]) / mass
    safe = (np.abs(centre % 1 - 0.5) > 0.03).all(axis=0)
    return digits.held_out_images[:60][safe][:20]


def assert_same_digits(found: list[Pixels], real: Pixels, network: Parameters, off: float) -> None:
    """Close to the original in the mean, off at most, and classified the same."""
    array = np.array(found)
    assert array.dtype == np.uint8
    assert array.shape == real.shape
    differences = np.abs(array.astype(float) - real).mean(axis=(1, 2))
    assert differences.max() <= off
    said = [forward(network, images).probabilities.argmax(axis=1) for images in (array, real)]
    np.testing.assert_array_equal(*said)


FORMATS: dict[str, dict[str, Any]] = {
    "digit.png": {},
    "digit.gif": {},
    "digit.webp": {"lossless": True},
    "digit.jpg": {"quality": 95},
}


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("light", [False, True], ids=["dark on light", "light on dark"])
def test_an_enlarged_digit_comes_back(
    tmp_path: Path, some: Pixels, network: Parameters, name: str, light: bool
) -> None:
    found = []
    for digit in some:
        pixels = 255 - on_paper(digit) if light else on_paper(digit)
        found.append(digit_from_picture(saved(pixels, tmp_path / name, **FORMATS[name])))

    # Of 255 grey values; nothing is resampled, so only what counts as full ink differs.
    # A moved pixel column alone would be 20. JPEG has lost something on the way.
    assert_same_digits(found, some, network, off=5 if name.endswith("jpg") else 3)


def test_a_picture_of_mnists_own_size_comes_back(
    tmp_path: Path, some: Pixels, network: Parameters
) -> None:
    found = [digit_from_picture(saved(digit, tmp_path / "digit.png")) for digit in some]

    assert_same_digits(found, some, network, off=3)


@pytest.mark.parametrize("orientation", ROTATIONS)
def test_a_picture_is_turned_as_exif_says(
    tmp_path: Path, some: Pixels, network: Parameters, orientation: int
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    found = []
    for digit in some[:10]:
        turned = np.rot90(on_paper(digit), ROTATIONS[orientation])
        content = saved(turned, tmp_path / "photo.jpg", "RGB", exif=exif, quality=95)
        found.append(digit_from_picture(content))

    assert_same_digits(found, some[:10], network, off=5)


def test_a_frame_and_specks_are_left_out(tmp_path: Path, some: Pixels, network: Parameters) -> None:
    found = []
    for digit in some[:10]:
        pixels = on_paper(digit)
        pixels[20:23, 380:383] = 0  # a speck
        framed = np.pad(pixels, 15)
        found.append(digit_from_picture(saved(framed, tmp_path / "framed.png")))

    assert_same_digits(found, some[:10], network, off=3)


def test_a_photo_with_a_shadow_comes_back(
    tmp_path: Path, some: Pixels, network: Parameters
) -> None:
    """Grey paper, half as light on one side as on the other, grain, a desk's edge, JPEG."""
    grain = np.random.default_rng(0)
    found = []
    for digit in some[:10]:
        ink = np.pad(enlarged(digit, 20), ((200, 240), (300, 500))) / 255  # (1000, 1360)
        light = np.linspace(120, 235, ink.shape[1])[np.newaxis] * (1 - 0.75 * ink)
        light[:, :40] = 40  # where the desk begins
        noisy = np.clip(light + grain.normal(0, 4, ink.shape), 0, 255).astype(np.uint8)
        photo = digit_from_picture(saved(noisy, tmp_path / "photo.jpg", "RGB", quality=80))
        assert photo[0].max() == 0, "the paper is 0"
        found.append(photo)

    assert_same_digits(found, some[:10], network, off=12)


def test_what_is_transparent_is_paper(tmp_path: Path, some: Pixels, network: Parameters) -> None:
    """Black everywhere; only its opacity makes the digit."""
    found = []
    for digit in some[:10]:
        pixels = np.zeros((400, 400, 4), np.uint8)
        pixels[..., 3] = np.pad(enlarged(digit), 60)
        Image.fromarray(pixels).save(tmp_path / "digit.png")
        found.append(digit_from_picture((tmp_path / "digit.png").read_bytes()))

    assert_same_digits(found, some[:10], network, off=3)


def test_sixteen_bits_a_pixel_are_understood(tmp_path: Path, some: Pixels) -> None:
    Image.fromarray(on_paper(some[0]).astype(np.uint16) * 257).save(tmp_path / "deep.png")
    content = (tmp_path / "deep.png").read_bytes()

    np.testing.assert_array_equal(
        digit_from_picture(content),
        digit_from_picture(saved(on_paper(some[0]), tmp_path / "flat.png")),
    )


def test_the_first_picture_of_an_animation_counts(tmp_path: Path, some: Pixels) -> None:
    first, second = (Image.fromarray(on_paper(digit)) for digit in some[:2])
    first.save(tmp_path / "moving.gif", save_all=True, append_images=[second], duration=100)

    np.testing.assert_array_equal(
        digit_from_picture((tmp_path / "moving.gif").read_bytes()),
        digit_from_picture(saved(on_paper(some[0]), tmp_path / "still.gif")),
    )


# Size and place, by hand


def test_a_bar_is_placed_by_hand() -> None:
    """60 by 15 pixels become 20 by 5; rows 4.. to 23, columns 12 to 16: centred at 13.5 and 14.

    The bar's own centre is at row 9.5 and column 2: it moves down by 4.5, which is rounded to 5,
    and right by 12.
    """
    ink = np.zeros((200, 300), np.float32)
    ink[100:160, 20:35] = 1

    expected = np.zeros((28, 28))
    expected[5:25, 12:17] = 255
    np.testing.assert_array_equal(digit_from_ink(ink), expected)


def test_an_l_is_placed_by_its_mass_and_not_by_its_box() -> None:
    """A stem of 20 by 4 and a foot of 4 by 8 more, ten times as large.

    80 pixels around row 9.5, column 1.5 and 32 around row 17.5, column 7.5: in the mean row 11.79
    and column 3.21. So it moves by round(14 − 11.79) = 2 rows and round(14 − 3.21) = 11 columns.
    """
    ink = np.zeros((300, 300), np.float32)
    ink[50:250, 80:120] = 1
    ink[210:250, 120:200] = 1

    expected = np.zeros((28, 28))
    expected[2:22, 11:15] = 255
    expected[18:22, 15:23] = 255
    np.testing.assert_array_equal(digit_from_ink(ink), expected)


def test_grey_edges_are_the_share_that_is_covered() -> None:
    """40 by 30 pixels, of which the first column is half ink: 20 by 15, its first column half."""
    ink = np.ones((400, 300), np.float32)
    ink[:, :20] = 0.5

    digit = digit_from_ink(ink)

    row = digit[14]
    inked = row[row > 0]
    assert inked.tolist() == [128, *[255] * 14]


def test_every_digit_gets_mnists_box_and_centre(tmp_path: Path, some: Pixels) -> None:
    for number, digit in enumerate(some):
        tall = np.asarray(Image.fromarray(on_paper(digit)).resize((333, 517)))
        found = digit_from_picture(saved(tall, tmp_path / "tall.png")).astype(float)
        rows, columns = np.flatnonzero(found.any(axis=1)), np.flatnonzero(found.any(axis=0))
        assert max(np.ptp(rows), np.ptp(columns)) + 1 == BOX, number
        weights = found / found.sum()
        assert abs((weights.sum(axis=1) * np.arange(28)).sum() - 14) <= 0.5, number
        assert abs((weights.sum(axis=0) * np.arange(28)).sum() - 14) <= 0.5, number


def test_a_hairline_gets_a_stroke_that_the_network_knows(tmp_path: Path) -> None:
    """Drawn 3 pixels wide and 600 high, it would be a tenth of a pixel and nearly invisible."""
    picture = Image.new("L", (800, 800), 255)
    ImageDraw.Draw(picture).line([(400, 100), (400, 700)], fill=0, width=3)
    picture.save(tmp_path / "hairline.png")

    digit = digit_from_picture((tmp_path / "hairline.png").read_bytes())

    assert digit.max() == 255
    assert 1.2 <= digit[14].sum() / 255 <= 2.2  # pixels of ink in a row


# What is refused


def png_of(width: int, height: int, data: bytes) -> bytes:
    """A PNG of one byte a pixel, with right checksums, whatever its header claims."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checked = kind + content
        return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    return start + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


def blank() -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (300, 200), 240).save(buffer, "PNG")
    return buffer.getvalue()


def paper() -> bytes:
    """A photo of an empty sheet: a shadow and grain, and no ink."""
    light = np.linspace(150, 230, 400)[np.newaxis] + np.random.default_rng(0).normal(
        0, 3, (300, 400)
    )
    buffer = io.BytesIO()
    Image.fromarray(light.astype(np.uint8)).save(buffer, "JPEG")
    return buffer.getvalue()


def in_format(name: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture = Image.new("L", (300, 300), 255)
    ImageDraw.Draw(picture).ellipse((80, 50, 220, 250), outline=0, width=25)
    picture.convert("RGB").save(buffer, name, **options)
    return buffer.getvalue()


def bombs() -> dict[str, bytes]:
    """A gigabyte of pixels, or more, in a few bytes."""
    gif = bytearray(in_format("GIF"))
    gif[6:10] = struct.pack("<HH", 65_535, 65_535)
    jpeg = in_format("JPEG")
    at = jpeg.index(b"\xff\xc0") + 5
    return {
        "png": png_of(32_768, 32_768, bytes(10_000)),
        "png of many rows": png_of(1_000, 1_000_000, bytes(10_000)),
        "gif": bytes(gif),
        "jpeg": jpeg[:at] + struct.pack(">HH", 65_000, 65_000) + jpeg[at + 4 :],
    }


REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing": (lambda: b"", "not a picture in PNG, JPEG, WebP or GIF"),
    "a text": (lambda: b"MNIST\n" * 100, "not a picture in PNG, JPEG, WebP or GIF"),
    "another format": (lambda: in_format("TIFF"), "not a picture in PNG, JPEG, WebP or GIF"),
    "too many bytes": (lambda: bytes(20_000_001), "more than 20 million bytes"),
    "blank": (blank, "blank"),
    "an empty sheet": (paper, "blank"),
    "one pixel": (lambda: png_of(1, 1, b"\0\0"), "blank"),
    "half a png": (lambda: in_format("PNG")[:300], "damaged or incomplete"),
    "half a jpeg": (lambda: in_format("JPEG")[:1500], "damaged or incomplete"),
    "half a gif": (lambda: in_format("GIF")[:600], "damaged or incomplete"),
    "half a webp": (lambda: in_format("WEBP", lossless=True)[:200], "damaged or incomplete"),
    "a png whose data end": (lambda: png_of(100, 100, bytes(50)), "damaged or incomplete"),
} | {
    f"a bomb, {name}": ((lambda content=content: content), "claims [0-9,]+ × [0-9,]+ pixels|far")
    for name, content in bombs().items()
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_digit_is_refused_in_one_sentence(name: str) -> None:
    content, said = REFUSED[name]
    with pytest.raises(DataError, match=said) as refused:
        digit_from_picture(content())

    sentence = str(refused.value)
    assert sentence.endswith(".")
    assert ". " not in sentence
    assert "\n" not in sentence
    assert len(sentence) < 120


def test_a_bomb_takes_no_memory(tmp_path: Path) -> None:
    """In an interpreter of its own, whose memory is looked at after four bombs were refused."""
    for number, content in enumerate(bombs().values()):
        (tmp_path / str(number)).write_bytes(content)
    code = (
        "import pathlib, resource, sys\n"
        "from data import DataError\n"
        "from data.picture import digit_from_picture\n"
        "used = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024\n"
        "before = used()\n"
        "for path in pathlib.Path(sys.argv[1]).iterdir():\n"
        "    try:\n"
        "        digit_from_picture(path.read_bytes())\n"
        "    except DataError:\n"
        "        pass\n"
        "    else:\n"
        "        sys.exit(f'{path} was not refused')\n"
        "print(used() - before)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 30  # megabytes; the smallest bomb would be a thousand
