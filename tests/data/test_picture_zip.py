"""A ZIP of pictures: good ones become digits, bad ones one sentence, in bounded memory."""

import io
import random
import struct
import tracemalloc
import zipfile
import zlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tally import tries
from zip_files import dot, photo_of, png_of, some_pictures, zipped

# Nothing here uses it by this name: it is imported now, lest a ZIP be charged with its memory.
import data.picture  # noqa: F401
from data import Cancelled, DataError, Digits, Uploaded, is_own, load_zip
from data.picture import digit_from_picture
from data.picture_zip import MOST_ENTRIES

MEGABYTE = 1 << 20


def loaded(content: bytes) -> Digits:
    return load_zip(Uploaded("mine.zip", content))


def refusal(content: bytes) -> str:
    with pytest.raises(DataError) as caught:
        loaded(content)
    sentence = str(caught.value)
    assert "mine.zip" in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert ". " not in sentence
    return sentence


def pictures_in(digits: Digits, label: int) -> tuple[set[bytes], set[bytes]]:
    """The pictures of a class, to train on and held out."""
    return (
        {image.tobytes() for image in digits.images[digits.labels == label]},
        {image.tobytes() for image in digits.held_out_images[digits.held_out_labels == label]},
    )


# ---- What becomes of good ones ----


def test_each_folder_is_a_class_and_a_fifth_of_it_is_held_out() -> None:
    digits = loaded(zipped(some_pictures(10)))
    assert digits.images.shape == (80, 28, 28)
    assert digits.held_out_images.shape == (20, 28, 28)
    for label in range(10):
        training, held_out = pictures_in(digits, label)
        assert (len(training), len(held_out)) == (8, 2)
        assert training | held_out == {dot(label, number).tobytes() for number in range(10)}
    assert not digits.images.flags.writeable
    assert is_own(digits.name)
    assert len(set(digits.labels[:20].tolist())) > 4  # mixed, not class after class


@pytest.mark.parametrize(("of_each", "held_out"), [(2, 1), (3, 1), (4, 1), (7, 1), (8, 2), (13, 3)])
def test_small_classes_are_split_too(of_each: int, held_out: int) -> None:
    digits = loaded(zipped(some_pictures(of_each)))
    assert Counter(digits.held_out_labels.tolist()) == dict.fromkeys(range(10), held_out)
    assert Counter(digits.labels.tolist()) == dict.fromkeys(range(10), of_each - held_out)


def test_names_order_and_packing_change_nothing() -> None:
    files = some_pictures(6)
    digits = loaded(zipped(files))
    shuffled = list(files.items())
    random.Random(1).shuffle(shuffled)
    renamed = {
        f"some/where/{name[0]}/{at}.PNG": content for at, (name, content) in enumerate(shuffled)
    }
    again = loaded(zipped(renamed, zipfile.ZIP_STORED))
    assert again.name == digits.name
    assert again.images.tobytes() == digits.images.tobytes()
    assert again.labels.tolist() == digits.labels.tolist()
    assert again.held_out_images.tobytes() == digits.held_out_images.tobytes()


def test_equal_pictures_count_once() -> None:
    files = some_pictures(3)
    files |= {f"{name}.copy.png": content for name, content in files.items()}
    assert loaded(zipped(files)).name == loaded(zipped(some_pictures(3))).name


def test_what_else_lies_there_is_passed_over() -> None:
    files = some_pictures(2) | {
        "README.txt": b"mine",
        "10/a.png": b"no class of that name",
        "0/.DS_Store": b"x",
        "__MACOSX/0/._0.png": b"x",
        "3/Thumbs.db": b"x",
        "4/": b"",
        "notes/deep/er.zip": zipped({"a": b"b"}),
    }
    assert loaded(zipped(files)).name == loaded(zipped(some_pictures(2))).name


def test_a_photo_is_made_a_digit_as_mnists_were(digits: Digits) -> None:
    photos = {
        f"{label}/{number}.jpg": photo_of(digits.images[10 * number + label])
        for label in range(10)
        for number in range(2)
    }
    read = loaded(zipped(photos))
    expected = {digit_from_picture(content).tobytes() for content in photos.values()}
    assert {one.tobytes() for one in (*read.images, *read.held_out_images)} == expected
    assert {read.images.shape, read.held_out_images.shape} == {(10, 28, 28)}


def test_a_picture_of_mnists_kind_is_taken_as_it_is(digits: Digits) -> None:
    first = {label: digits.images[digits.labels == label][:2] for label in range(10)}
    files = {
        f"{label}/{n}.png": png_of(image)
        for label, two in first.items()
        for n, image in enumerate(two)
    }
    read = loaded(zipped(files))
    for label, two in first.items():
        training, held_out = pictures_in(read, label)
        assert training | held_out == {image.tobytes() for image in two}


def test_a_small_picture_dark_on_light_is_turned_round(digits: Digits) -> None:
    three = digits.images[digits.labels == 3][0]
    files = some_pictures(2) | {"3/dark.png": png_of(255 - three)}
    training, held_out = pictures_in(loaded(zipped(files)), 3)
    (turned,) = (training | held_out) - {dot(3, 0).tobytes(), dot(3, 1).tobytes()}
    seen = np.frombuffer(turned, np.uint8).reshape(28, 28)
    assert np.corrcoef(seen.ravel(), three.ravel())[0, 1] > 0.8


def test_a_picture_of_several_megabytes_is_read() -> None:
    """More than is read at once, and more than the list of entries may take."""
    noise = np.random.default_rng(0).integers(0, 40, (2_800, 2_800), np.uint8)
    noise[600:1_800, 1_000:1_400] = 255
    content = png_of(255 - noise)
    assert len(content) > 4 * MEGABYTE
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        training, held_out = pictures_in(
            loaded(zipped(some_pictures(2) | {"1/large.png": content}, method)), 1
        )
        assert digit_from_picture(content).tobytes() in training | held_out


def test_progress_counts_the_pictures_and_can_stop_it() -> None:
    reports: list[tuple[int, int]] = []
    load_zip(Uploaded("mine.zip", zipped(some_pictures(2))), lambda *r: reports.append(r))
    assert reports == [(done, 20) for done in range(1, 21)]

    def cancel(done: int, total: int) -> None:
        if done == 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        load_zip(Uploaded("mine.zip", zipped(some_pictures(2))), cancel)


# ---- What is refused ----


@pytest.mark.parametrize("label", [0, 7, 9])
def test_a_missing_class_is_named(label: int) -> None:
    files = some_pictures(2, [other for other in range(10) if other != label])
    assert f"has no picture in a folder called {label}" in refusal(zipped(files))
    files[f"{label}/one.png"] = png_of(dot(label, 1))
    assert f"has one picture in a folder called {label}" in refusal(zipped(files))
    files[f"{label}/the same.png"] = png_of(dot(label, 1))
    assert f"has one picture in a folder called {label}" in refusal(zipped(files))


@pytest.mark.parametrize(
    "content",
    [b"", b"PK", b"no ZIP", b"Rar!\x1a\7\0", bytes(1000), zipped(some_pictures(2))[:-30]],
    ids=["empty", "short", "text", "rar", "zeros", "truncated"],
)
def test_what_is_no_zip_is_refused(content: bytes) -> None:
    assert "is not a ZIP file, or not a whole one" in refusal(content)


def test_an_empty_zip_is_refused() -> None:
    assert "has no picture in a folder called 0" in refusal(zipped({}))


@pytest.mark.parametrize(
    "name", ["../0/a.png", "0/../../a.png", "/0/a.png", "C:/0/a.png", "..\\0\\a.png", "0/.."]
)
def test_a_name_that_leads_outside_is_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    content = zipped(some_pictures(2) | {name: png_of(dot(0, 9))})
    assert "names a place outside itself" in refusal(content)
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (b"no picture", "3/a.png in mine.zip cannot be used: this is not a picture"),
        (b"", "cannot be used"),
        (png_of(dot(3, 9))[:-35], "3/a.png in mine.zip cannot be used: "),
        (photo_of(np.zeros((28, 28), np.uint8)), "the picture is blank"),
        (zipped({"0/a.png": b""}), "this is not a picture"),
    ],
    ids=["text", "empty", "truncated", "blank", "a ZIP"],
)
def test_a_picture_that_is_none_is_named(content: bytes, wrong: str) -> None:
    assert wrong in refusal(zipped(some_pictures(2) | {"3/a.png": content}))


def test_a_damaged_entry_is_named() -> None:
    content = bytearray(zipped(some_pictures(2), zipfile.ZIP_STORED))
    content[content.index(b"IDAT", content.index(b"4/1.png")) + 10] ^= 1
    assert "4/1.png in mine.zip is damaged" in refusal(bytes(content))


def test_an_encrypted_zip_is_refused() -> None:
    content = bytearray(zipped(some_pictures(2)))
    at = content.index(b"PK\1\2")
    content[at + 8] |= 1  # the first bit of the flags in the list of entries
    assert "is encrypted" in refusal(bytes(content))


def test_a_long_or_odd_name_does_not_break_the_sentence() -> None:
    files = some_pictures(2) | {f"0/{'x' * 3000}\n\x1b[31m.png": b"no picture"}
    sentence = refusal(zipped(files))
    assert len(sentence) < 250
    assert sentence.isprintable()


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_packing_without_bounds_is_refused(method: int) -> None:
    assert "packed in a way that is not read" in refusal(zipped(some_pictures(2), method))


def peak_memory(content: bytes) -> tuple[str, int]:
    tracemalloc.start()
    try:
        return refusal(content), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def packed_bomb(megabytes: int) -> bytes:
    """A ZIP with a picture that unpacks to so many megabytes of zeros."""
    stream = io.BytesIO(zipped(some_pictures(2)))
    info = zipfile.ZipInfo("0/bomb.png")
    info.compress_type = zipfile.ZIP_DEFLATED
    with (
        zipfile.ZipFile(stream, "a") as archive,
        archive.open(info, "w") as entry,
    ):
        for _ in range(megabytes):
            entry.write(bytes(MEGABYTE))
    return stream.getvalue()


def test_a_bomb_costs_no_memory() -> None:
    content = packed_bomb(200)
    assert len(content) < MEGABYTE
    sentence, peak = peak_memory(content)
    assert "unpacks to more than it may at 0/bomb.png" in sentence
    assert peak < 8 * MEGABYTE


def test_a_bomb_that_lies_about_its_size_costs_no_memory() -> None:
    content = bytearray(packed_bomb(200))
    at = content.rindex(b"0/bomb.png") - 46  # its entry in the list
    assert content[at : at + 4] == b"PK\1\2"
    struct.pack_into("<I", content, at + 24, 1000)  # what it claims to unpack to
    sentence, peak = peak_memory(bytes(content))
    assert "0/bomb.png in mine.zip is damaged" in sentence
    assert peak < 8 * MEGABYTE


def test_a_picture_of_a_billion_pixels_costs_no_memory() -> None:
    head = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 0, 0, 0, 0)
    chunk = struct.pack(">I", 13) + b"IHDR" + head + struct.pack(">I", zlib.crc32(b"IHDR" + head))
    picture = b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", 9) + b"IDAT" + bytes(13)
    sentence, peak = peak_memory(zipped(some_pictures(2) | {"6/a.png": picture}))
    assert "6/a.png in mine.zip cannot be used: the picture claims" in sentence
    assert peak < 8 * MEGABYTE


def test_many_bombs_together_are_refused() -> None:
    """Each is small enough; all entries share the bytes of one, as bombs do that need no depth."""
    content = bytearray(packed_bomb(19))
    end = content.rindex(b"PK\5\6")
    (start,) = struct.unpack_from("<I", content, end + 16)
    listed = bytes(content[start:end])
    entry = listed[listed.rindex(b"PK\1\2") :]
    more = listed + 40 * entry
    finish = bytearray(content[end:])
    struct.pack_into("<HHI", finish, 8, 61, 61, len(more))
    sentence, peak = peak_memory(bytes(content[:start]) + more + bytes(finish))
    assert "500 MB in all" in sentence
    assert peak < 8 * MEGABYTE


def many_entries(count: int, name: bytes = b"0/a") -> bytes:
    """A ZIP whose list names one empty file over and over."""
    local = struct.pack("<4sHHHHHIIIHH", b"PK\3\4", 20, 0, 0, 0, 33, 0, 0, 0, len(name), 0) + name
    entry = struct.pack(
        "<4sHHHHHHIIIHHHHHII", b"PK\1\2", 20, 20, 0, 0, 0, 33, 0, 0, 0, len(name), 0, 0, 0, 0, 0, 0
    )
    listed = (entry + name) * count
    end = struct.pack(
        "<4sHHHHIIH", b"PK\5\6", 0, 0, count & 0xFFFF, count & 0xFFFF, len(listed), len(local), 0
    )
    return local + listed + end


@pytest.mark.parametrize("count", [MOST_ENTRIES + 1, 60_000, 400_000])
def test_thousands_of_entries_cost_little_memory(count: int) -> None:
    sentence, peak = peak_memory(many_entries(count))
    assert "files: bring at most 20,000." in sentence
    assert peak < 64 * MEGABYTE


def test_a_list_that_claims_to_be_huge_costs_no_memory() -> None:
    content = bytearray(zipped(some_pictures(2)))
    end = content.rindex(b"PK\5\6")
    struct.pack_into("<I", content, end + 12, 2**32 - 2)
    assert peak_memory(bytes(content))[1] < 8 * MEGABYTE


def test_a_zip_that_is_too_large_is_refused_unread() -> None:
    sentence, _ = peak_memory(bytes(101 * MEGABYTE))
    assert "has more than 100 MB" in sentence


def outcome(content: bytes) -> Digits | None:
    """What is read, or None when the file is refused; anything else fails."""
    try:
        return loaded(content)
    except DataError:
        return None


GOOD = zipped(some_pictures(2))


@settings(max_examples=150, deadline=None)
@given(flips=st.sets(st.integers(0, 8 * len(GOOD) - 1), min_size=1, max_size=4))
@tries("ZIPs")
def test_flipped_bits_are_read_or_refused(flips: set[int]) -> None:
    content = bytearray(GOOD)
    for position in flips:
        content[position // 8] ^= 1 << position % 8
    outcome(bytes(content))  # anything but a DataError fails


@settings(max_examples=100, deadline=None)
@given(kept=st.integers(0, len(GOOD) - 1), rest=st.binary(max_size=200))
@tries("ZIPs")
def test_any_truncation_is_refused(kept: int, rest: bytes) -> None:
    assert outcome(GOOD[:kept]) is None
    outcome(GOOD[:kept] + rest)
