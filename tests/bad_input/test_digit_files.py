"""IDX files, pictures and ZIPs that are almost good: digits, or one sentence, in little memory."""

import gzip
import io
import struct
import zipfile
import zlib
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from idx_files import four_files, gzipped
from mutations import EXTREMES, assert_plain, memory_grows_by, mutated
from PIL import Image
from tally import tries
from zip_files import dot, photo_of, png_of, some_pictures, zipped

from data import DataError, Uploaded, load_idx, load_zip
from data.picture import digit_from_picture


@pytest.fixture(autouse=True, scope="module")
def bounded() -> Iterator[None]:
    """16 million pixels may be decoded: 64 MB, of which decoders hold several copies."""
    digit_from_picture(photo_of(dot(3, 3)))  # what reading imports is no file's memory
    with memory_grows_by(500):
        yield


# ---- IDX ----

FILES = four_files(3, 2)
PACKED = gzipped(FILES)


@st.composite
def one_spoilt(draw: st.DrawFn) -> list[Uploaded]:
    """Draw the four files of which one is spoilt, packed or not, or is another one."""
    files = draw(st.sampled_from((FILES, PACKED)))
    spoilt = draw(st.sampled_from(sorted(files)))
    content = draw(mutated([files[spoilt], *files.values()]))
    if draw(st.booleans()) and not content.startswith(b"\x1f\x8b"):
        content = gzip.compress(content, 1)
    return [Uploaded(name, content if name == spoilt else whole) for name, whole in files.items()]


@settings(max_examples=1_500)
@given(one_spoilt())
@tries("IDX")
def test_four_idx_files_are_digits_or_refused(files: list[Uploaded]) -> None:
    try:
        digits = load_idx(files)
    except DataError as error:
        assert_plain(error)
    else:
        for images, labels in (
            (digits.images, digits.labels),
            (digits.held_out_images, digits.held_out_labels),
        ):
            assert images.shape == (len(labels), 28, 28)
            assert images.dtype == np.uint8
            assert labels.min() >= 0
            assert labels.max() <= 9


# ---- Pictures ----


def saved(kind: str, mode: str, **options: object) -> bytes:
    """A picture of a digit, as Pillow saves it."""
    picture = Image.open(io.BytesIO(photo_of(dot(4, 4)))).convert(mode)
    stream = io.BytesIO()
    picture.resize((50, 40)).save(stream, kind, **options)
    return stream.getvalue()


def turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return saved("JPEG", "RGB", exif=exif)


def animated(kind: str) -> bytes:
    frames = [Image.new("L", (40, 30), 255), Image.fromarray(255 - dot(1, 1)).resize((40, 30))]
    stream = io.BytesIO()
    frames[1].save(stream, kind, save_all=True, append_images=frames)
    return stream.getvalue()


PICTURES = [
    *(saved("PNG", mode) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")),
    *(saved("JPEG", mode) for mode in ("L", "RGB", "CMYK")),
    saved("JPEG", "RGB", progressive=True),
    turned(),
    *(saved("WEBP", mode) for mode in ("RGB", "RGBA")),
    saved("WEBP", "RGB", lossless=True),
    saved("GIF", "P"),
    *(animated(kind) for kind in ("GIF", "WEBP", "PNG")),
    png_of(dot(5, 5)),
]


LAYOUTS = [(1, 0), (2, 0), (4, 0), (8, 0), (16, 0), (8, 2), (16, 2), (1, 3), (8, 3), (8, 4), (8, 6)]
"""Bits and kind of colour that PNG knows: grey, colours, palette, grey and colours with opacity."""

SIDES = st.one_of(
    st.integers(1, 60), st.integers(0, 5_000), st.sampled_from([n for n in EXTREMES if n < 2**32])
)

EXTRA = (b"PLTE", b"tRNS", b"eXIf", b"zTXt", b"iTXt", b"iCCP", b"gAMA", b"acTL", b"fcTL", b"fdAT")
"""Parts of a PNG beside its header and its pixels."""


@st.composite
def pngs_with_any_header(draw: st.DrawFn) -> bytes:
    """Draw a PNG whose header says anything, with checksums that hold, so that it is believed."""
    depth, colour = draw(st.one_of(st.sampled_from(LAYOUTS), st.tuples(*[st.integers(0, 9)] * 2)))
    width, height, woven = draw(SIDES), draw(SIDES), draw(st.sampled_from((0, 0, 0, 1, 2)))
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, woven))]
    for name in draw(st.lists(st.sampled_from(EXTRA), max_size=2)):
        chunks.append((name, draw(st.binary(max_size=40))))
    size = draw(st.one_of(st.just(3_000_000), st.integers(0, 300)))
    pixels = (draw(st.binary(min_size=1, max_size=40)) * size)[:size]
    chunks += [(b"IDAT", zlib.compress(pixels, 1)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    )


def is_a_digit_or_refused(content: bytes) -> None:
    try:
        digit = digit_from_picture(content)
    except DataError as error:
        assert_plain(error)
    else:
        assert digit.shape == (28, 28)
        assert digit.dtype == np.uint8


@settings(max_examples=1_500)
@given(mutated(PICTURES))
@tries("pictures")
def test_a_spoilt_picture_is_a_digit_or_refused(content: bytes) -> None:
    is_a_digit_or_refused(content)


@settings(max_examples=300)
@given(pngs_with_any_header())
@tries("pictures")
def test_whatever_a_header_says_it_is_a_digit_or_refused(content: bytes) -> None:
    is_a_digit_or_refused(content)


# ---- ZIPs ----

ZIPS = [zipped(some_pictures(2)), zipped(some_pictures(2), zipfile.ZIP_STORED)]

NAMES = st.one_of(
    st.sampled_from(
        [
            "../0/a.png",
            "/0/a.png",
            "C:/0/a.png",
            "0/..",
            "0\\a.png",
            "0/a.png",
            "0/",
            "__MACOSX/0/a",
            "0/<img src=x onerror=alert(1)>.png",
            "0/" + "n" * 3_000,
            "0/\x00.png",
            "0/\udcff.png",
        ]
    ),
    st.text(max_size=30).map(lambda name: f"0/{name}"),
)


@st.composite
def zips_with_any_entry(draw: st.DrawFn) -> bytes:
    """Draw a ZIP with one more entry, of any name, that may be spoilt or a bomb."""
    content = draw(
        st.one_of(
            mutated(PICTURES),
            st.integers(0, 30_000_000).map(lambda size: bytes(size)),
            st.binary(max_size=50),
        )
    )
    stream = io.BytesIO(ZIPS[0])
    with zipfile.ZipFile(stream, "a", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        info = zipfile.ZipInfo("0/x.png")
        info.filename = draw(NAMES).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        info.external_attr = draw(st.sampled_from((0, 0o120777 << 16, 0o40755 << 16, 0x10)))
        archive.writestr(info, content)
    return stream.getvalue()


def is_digits_or_refused(content: bytes) -> None:
    try:
        digits = load_zip(Uploaded("mine.zip", content))
    except DataError as error:
        assert_plain(error, content)
    else:
        assert {*digits.labels.tolist()} == {*digits.held_out_labels.tolist()} == {*range(10)}
        assert digits.images.shape == (len(digits.labels), 28, 28)


@settings(max_examples=600)
@given(mutated(ZIPS))
@tries("ZIPs")
def test_a_spoilt_zip_is_digits_or_refused(content: bytes) -> None:
    is_digits_or_refused(content)


@settings(max_examples=150)
@given(zips_with_any_entry())
@tries("ZIPs")
def test_whatever_else_lies_in_a_zip_it_is_digits_or_refused(content: bytes) -> None:
    is_digits_or_refused(content)
