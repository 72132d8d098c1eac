"""What all roads end with, the roads by name, and what an import costs."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from idx_files import four_files, write_files

from data import DataError, Digits, load, load_folder

ARRAYS = ("images", "labels", "held_out_images", "held_out_labels")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_files(tmp_path / "digits", four_files())


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_are_read_only(folder: Path, name: str) -> None:
    array = getattr(load_folder(folder), name)
    assert not array.flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 1


def test_a_field_cannot_be_replaced(folder: Path) -> None:
    digits = load_folder(folder)
    with pytest.raises(AttributeError):
        digits.labels = digits.held_out_labels  # type: ignore[misc]  # it forbids what is tried


def test_the_arrays_given_keep_their_own_flag() -> None:
    images, labels = np.zeros((2, 28, 28), np.uint8), np.array([1, 2])
    digits = Digits("folder", images, labels, images, labels, classes=("cat", "dog", "bird"))
    assert digits.classes == ("cat", "dog", "bird")
    assert images.flags.writeable
    assert not digits.images.flags.writeable


def test_digits_come_by_name(folder: Path) -> None:
    assert load("folder", folder).images.tobytes() == load_folder(folder).images.tobytes()
    bundled = load("bundled")
    assert (bundled.name, len(bundled.images)) == ("bundled", 4_000)


@pytest.mark.parametrize(
    ("name", "wrong"), [("cifar", "no digits called 'cifar'"), ("folder", "No folder is named")]
)
def test_a_name_without_digits_is_refused(name: str, wrong: str) -> None:
    with pytest.raises(DataError, match=wrong):
        load(name)


IMPORT = """
import sys
import data
loaded = {name.split(".")[0] for name in sys.modules}
print(sorted(loaded & {"pooch", "mlxtend", "requests", "streamlit", "cnn", "pages", "pandas"}))
"""


def test_an_import_brings_in_nothing_heavy_and_does_nothing(
    cache: Path, start: Callable[..., subprocess.Popen[str]]
) -> None:
    output, errors = start(IMPORT).communicate()
    assert (output, errors) == ("[]\n", "")
    assert not cache.exists()
