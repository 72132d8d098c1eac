"""The IDX reader, on files made by hand: good ones exactly, bad ones with one sentence."""

import gzip
import random
import struct
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from idx_files import images_file, labels_file, some_labels, some_pixels
from tally import tries

from data.error import DataError
from data.idx import read_images, read_labels

Reader = Callable[[Path], np.ndarray]
MEGABYTE = 1 << 20


def written(folder: Path, content: bytes, name: str = "some-file") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def refusal(read: Reader, path: Path) -> str:
    with pytest.raises(DataError) as caught:
        read(path)
    sentence = str(caught.value)
    assert sentence.startswith(path.name)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert ". " not in sentence  # one sentence
    return sentence


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzipped"])
@pytest.mark.parametrize("name", ["x-ubyte", "x-ubyte.gz"])
def test_images_come_out_as_they_were_written(
    tmp_path: Path, pack: Callable[[bytes], bytes], name: str
) -> None:
    pixels = some_pixels(3)
    images = read_images(written(tmp_path, pack(images_file(pixels)), name))
    assert images.shape == (3, 28, 28)
    assert images.dtype == np.uint8
    expected = [
        [[pixels[784 * n + 28 * i + j] for j in range(28)] for i in range(28)] for n in range(3)
    ]
    assert images.tolist() == expected


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzipped"])
def test_labels_come_out_as_they_were_written(
    tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    labels = read_labels(written(tmp_path, pack(labels_file(bytes([5, 0, 9, 9, 1])))))
    assert labels.tolist() == [5, 0, 9, 9, 1]
    assert labels.dtype == np.int64


def header(*numbers: int) -> bytes:
    return struct.pack(f">{len(numbers)}I", *numbers)


PIXELS = some_pixels(2)
GOOD_IMAGES = images_file(PIXELS)
GOOD_LABELS = labels_file(b"\x01\x02")

BAD = {
    "empty images": (read_images, b"", "ends within its header"),
    "empty labels": (read_labels, b"", "ends within its header"),
    "three bytes": (read_images, b"\x00\x00\x08", "ends within its header"),
    "cut in the sizes": (read_images, GOOD_IMAGES[:15], "ends within its header"),
    "labels cut in the sizes": (read_labels, GOOD_LABELS[:7], "ends within its header"),
    "text": (read_images, b"<html>not found</html>", "not an IDX file"),
    "little-endian": (read_images, struct.pack("<I", 0x803) + GOOD_IMAGES[4:], "not an IDX file"),
    "floats": (read_images, header(0xD03, 2, 28, 28) + PIXELS, "type 0x0d"),
    "signed bytes": (read_labels, header(0x901, 2) + b"\x01\x02", "type 0x09"),
    "labels for images": (read_images, labels_file(bytes(40)), "1 dimensions where images have 3"),
    "images for labels": (read_labels, GOOD_IMAGES, "3 dimensions where labels have 1"),
    "four dimensions": (read_images, header(0x804, 2, 28, 28, 1) + PIXELS, "4 dimensions"),
    "no dimensions": (read_labels, header(0x800) + bytes(8), "0 dimensions"),
    "wide": (read_images, images_file(bytes(28 * 32), 1, 28, 32), "28 × 32 pixels"),
    "32 × 32": (read_images, images_file(bytes(1024), 1, 32, 32), "32 × 32 pixels"),
    "one row": (read_images, images_file(PIXELS, 2, 1, 784), "1 × 784 pixels"),
    "endless sides": (read_images, images_file(b"", 1, 2**32 - 1, 2**32 - 1), "4,294,967,295"),
    "no images": (read_images, images_file(b""), "promises 0 images"),
    "no labels": (read_labels, labels_file(b""), "promises 0 labels"),
    "2^31 images": (read_images, images_file(PIXELS, 2**31), "promises 2,147,483,648 images"),
    "2^32 - 1 labels": (read_labels, labels_file(b"\x01", 2**32 - 1), "4,294,967,295 labels"),
    "a million and one": (read_images, images_file(PIXELS, 1_000_001), "at most 1,000,000"),
    "one byte short": (read_images, GOOD_IMAGES[:-1], "fewer bytes than the 2 images"),
    "one byte over": (read_images, GOOD_IMAGES + b"\x00", "more bytes than the 2 images"),
    "an image over": (read_images, images_file(PIXELS, 1), "more bytes than the 1 images"),
    "one label short": (read_labels, labels_file(b"\x01\x02", 3), "fewer bytes than the 3 labels"),
    "one label over": (read_labels, GOOD_LABELS + b"\x03", "more bytes than the 2 labels"),
    "label 10": (read_labels, labels_file(bytes([1, 2, 10])), "item 3 the label 10"),
    "label 255": (read_labels, labels_file(bytes([255, 11])), "item 1 the label 255"),
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzipped"])
def test_a_bad_file_is_named_with_what_is_wrong(
    tmp_path: Path, case: str, pack: Callable[[bytes], bytes]
) -> None:
    read, content, wrong = BAD[case]
    assert wrong in refusal(read, written(tmp_path, pack(content)))


PACKED = gzip.compress(GOOD_IMAGES)

BAD_GZIP = {
    "cut in the middle": PACKED[: len(PACKED) // 2],
    "cut in gzip's header": PACKED[:5],
    "cut in the checksum": PACKED[:-3],
    "wrong checksum": PACKED[:-8] + bytes(8),
    "unknown method": PACKED[:2] + b"\x07" + PACKED[3:],
    "broken blocks": PACKED[:10] + b"\xff" * 40 + PACKED[50:],
    "rubbish after it": PACKED + b"rubbish",
    "two bytes": PACKED[:2],
}


@pytest.mark.parametrize("case", BAD_GZIP)
def test_a_damaged_gzip_file_is_named(tmp_path: Path, case: str) -> None:
    path = written(tmp_path, BAD_GZIP[case], "x.gz")
    assert "damaged or incomplete gzip file" in refusal(read_images, path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert "cannot be read (No such file" in refusal(read_images, tmp_path / "nothing")


def test_a_folder_in_place_of_a_file_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "x-ubyte"
    folder.mkdir()
    assert "cannot be read" in refusal(read_labels, folder)


def test_a_file_without_permission_is_named(sealed: Path) -> None:
    assert "Permission denied" in refusal(read_images, sealed / "closed")


def peak_memory(read: Reader, path: Path) -> int:
    tracemalloc.start()
    try:
        refusal(read, path)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzipped"])
@pytest.mark.parametrize("count", [1_000_000, 2**31, 2**32 - 1])
def test_a_header_that_claims_too_much_costs_no_memory(
    tmp_path: Path, count: int, pack: Callable[[bytes], bytes]
) -> None:
    path = written(tmp_path, pack(images_file(PIXELS, count)))
    assert peak_memory(read_images, path) < 4 * MEGABYTE


@pytest.mark.parametrize("promised", [2, 2**31])
def test_a_gzip_bomb_costs_no_memory(tmp_path: Path, promised: int) -> None:
    packer = zlib.compressobj(wbits=31)
    bomb = packer.compress(images_file(b"", promised))
    for _ in range(64):
        bomb += packer.compress(bytes(MEGABYTE))
    path = written(tmp_path, bomb + packer.flush(), "x.gz")
    assert peak_memory(read_images, path) < 4 * MEGABYTE


def outcome(read: Reader, path: Path, content: bytes) -> list[object] | None:
    """What is read, or None when the file is refused in a sentence; anything else fails."""
    path.write_bytes(content)
    try:
        return read(path).tolist()
    except DataError:
        return None


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("idx") / "some-file"


readers = st.sampled_from([read_images, read_labels])
starts = st.sampled_from(
    [
        b"",
        b"\x00\x00\x08",
        GOOD_IMAGES[:4],
        GOOD_IMAGES[:16],
        GOOD_LABELS[:4],
        b"\x1f\x8b",
        b"\x1f\x8b\x08",
    ]
)


@settings(max_examples=300, deadline=None)
@given(read=readers, start=starts, rest=st.binary(max_size=2000), pack=st.booleans())
@tries("IDX")
def test_any_bytes_are_read_or_refused(
    scratch: Path, read: Reader, start: bytes, rest: bytes, pack: bool
) -> None:
    content = start + rest
    result = outcome(read, scratch, gzip.compress(content) if pack else content)
    if result is not None:  # then the header spoke the truth
        assert len(result) == struct.unpack_from(">I", content, 4)[0] > 0


@settings(max_examples=200, deadline=None)
@given(seed=st.integers(0, 9), count=st.integers(1, 4), pack=st.booleans(), data=st.data())
@tries("IDX")
def test_no_truncation_goes_unnoticed(
    scratch: Path, seed: int, count: int, pack: bool, data: st.DataObject
) -> None:
    # Compressible, so that gzip's own structure is a good part of the file.
    content = images_file(bytes(400) + some_pixels(count, seed)[400:])
    content = gzip.compress(content) if pack else content
    kept = data.draw(st.integers(0, len(content) - 1))
    assert outcome(read_images, scratch, content[:kept]) is None


@settings(max_examples=300, deadline=None)
@given(data=st.data())
@tries("IDX")
def test_no_flipped_bits_in_a_gzip_file_change_what_is_read(
    scratch: Path, data: st.DataObject
) -> None:
    labels = some_labels(200)
    content = bytearray(gzip.compress(labels_file(labels)))
    for position in data.draw(
        st.sets(st.integers(0, 8 * len(content) - 1), min_size=1, max_size=3)
    ):
        content[position // 8] ^= 1 << position % 8
    result = outcome(read_labels, scratch, bytes(content))
    assert result in (None, list(labels))  # gzip's time stamp, for one, may be anything


@settings(max_examples=200, deadline=None)
@given(data=st.data())
@tries("IDX")
def test_no_flipped_bit_in_a_header_goes_unnoticed(scratch: Path, data: st.DataObject) -> None:
    content = bytearray(GOOD_IMAGES)
    position = data.draw(st.integers(0, 8 * 16 - 1))
    content[position // 8] ^= 1 << position % 8
    assert outcome(read_images, scratch, bytes(content)) is None


def test_what_is_read_does_not_depend_on_the_chunks(tmp_path: Path) -> None:
    # Several chunks of the reader, and an end within one.
    pixels = random.Random(5).randbytes(784) * 3_000
    images = read_images(written(tmp_path, gzip.compress(images_file(pixels), 1)))
    assert images.tobytes() == pixels
