"""The digits that visitors share: one copy of each, and a folder as it is now."""

import os
import struct
from pathlib import Path

import numpy as np
import pytest

from data import DataError
from pages.parts.digits import digits_called

pytestmark = pytest.mark.usefixtures("alone")


def write(folder: Path, pixel: int, count: int = 3) -> None:
    """Four IDX files whose pixels all have one value."""
    for part in ("train", "t10k"):
        head = struct.pack(">IIII", 0x803, count, 28, 28)
        (folder / f"{part}-images-idx3-ubyte").write_bytes(head + bytes([pixel]) * (784 * count))
        head = struct.pack(">II", 0x801, count)
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(head + bytes(range(count)))


def test_the_bundled_digits_are_one_copy() -> None:
    assert digits_called("bundled") is digits_called("bundled")


def test_a_folder_is_one_copy_until_a_file_in_it_changes(tmp_path: Path) -> None:
    write(tmp_path, 7)
    first = digits_called("folder", str(tmp_path))
    (tmp_path / "notes.txt").write_text("nothing of ours")
    assert digits_called("folder", str(tmp_path)) is first
    assert (first.images == 7).all()
    written_at = (tmp_path / "train-images-idx3-ubyte").stat().st_mtime_ns
    write(tmp_path, 8)  # as many bytes: only the time tells
    os.utime(tmp_path / "train-images-idx3-ubyte", ns=(written_at, written_at + 1_000_000))
    second = digits_called("folder", str(tmp_path))
    assert (second.images == 8).all()
    assert (first.images == 7).all()  # which a run may be training on
    write(tmp_path, 8, count=5)
    assert np.array_equal(digits_called("folder", str(tmp_path)).labels, range(5))


def test_a_folder_that_was_not_there_is_found_once_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "later"
    with pytest.raises(DataError, match="There is no folder"):
        digits_called("folder", str(folder))
    folder.mkdir()
    with pytest.raises(DataError, match="train-images"):
        digits_called("folder", str(folder))
    write(folder, 9)
    assert (digits_called("folder", str(folder)).images == 9).all()


@pytest.mark.parametrize("path", ["", "  ", "~nobody-of-this-name/x", "a\0b"])
def test_what_is_no_path_is_one_sentence(path: str) -> None:
    with pytest.raises(DataError):
        digits_called("folder", path)
