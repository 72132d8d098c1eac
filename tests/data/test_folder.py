"""Your own digits from a folder of IDX files."""

import gzip
import os
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from idx_files import (
    four_files,
    gzipped,
    images_file,
    labels_file,
    some_labels,
    some_pixels,
    write_files,
)

from data import DataError, load_folder

NAMES = list(four_files())


def refusal(path: str | Path) -> str:
    with pytest.raises(DataError) as caught:
        load_folder(path)
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence


def dotted(files: dict[str, bytes]) -> dict[str, bytes]:
    return {name.replace("-idx", ".idx"): content for name, content in files.items()}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("spelled", [dict, dotted])
@pytest.mark.parametrize("kind", [str, Path])
def test_the_four_files_are_read_under_each_spelling(
    tmp_path: Path,
    packed: bool,
    spelled: Callable[[dict[str, bytes]], dict[str, bytes]],
    kind: Callable[[Path], str | Path],
) -> None:
    files = spelled(four_files(train=5, held_out=3))
    write_files(tmp_path, gzipped(files) if packed else files)
    digits = load_folder(kind(tmp_path))
    assert digits.name == "folder"
    assert digits.images.shape == (5, 28, 28)
    assert digits.held_out_images.shape == (3, 28, 28)
    assert digits.images.tobytes() == some_pixels(5, 1)
    assert digits.labels.tolist() == list(some_labels(5, 2))
    assert digits.held_out_images.tobytes() == some_pixels(3, 3)
    assert digits.held_out_labels.tolist() == list(some_labels(3, 4))


def test_spellings_may_be_mixed_and_other_files_do_no_harm(tmp_path: Path) -> None:
    files = four_files()
    first, second, third, fourth = files.items()
    write_files(tmp_path, gzipped(dict([first])) | dotted(gzipped(dict([second]))))
    write_files(tmp_path, dotted(dict([third])) | dict([fourth]) | {"README": b"mine"})
    (tmp_path / "a folder").mkdir()
    assert load_folder(tmp_path).labels.tolist() == list(some_labels(5, 2))


def test_a_home_folder_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    write_files(tmp_path / "digits", four_files())
    assert len(load_folder("~/digits").images) == 5


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    write_files(tmp_path, four_files())
    (tmp_path / name).unlink()
    assert f"has no {name}, gzipped or not" in refusal(tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_a_damaged_file_is_named(tmp_path: Path, name: str) -> None:
    files = gzipped(four_files())
    files[f"{name}.gz"] = files[f"{name}.gz"][:-5]
    assert refusal(write_files(tmp_path, files)).startswith(f"{name}.gz is a damaged")


def test_images_and_labels_that_do_not_pair_are_named(tmp_path: Path) -> None:
    files = four_files(train=5) | {"train-labels-idx1-ubyte": labels_file(some_labels(4))}
    sentence = refusal(write_files(tmp_path, files))
    assert "train-images-idx3-ubyte has 5 images" in sentence
    assert "train-labels-idx1-ubyte has 4 labels" in sentence
    files = four_files(held_out=3) | {"t10k-images-idx3-ubyte": images_file(some_pixels(2))}
    sentence = refusal(write_files(tmp_path, files))
    assert "t10k-images-idx3-ubyte has 2 images" in sentence


def test_exchanged_files_are_named(tmp_path: Path) -> None:
    files = four_files()
    files[NAMES[0]], files[NAMES[1]] = files[NAMES[1]], files[NAMES[0]]
    assert "images and labels are not exchanged" in refusal(write_files(tmp_path, files))


def test_a_lying_header_is_refused(tmp_path: Path) -> None:
    lying = struct.pack(">IIII", 0x803, 2**31, 28, 28)
    files = four_files() | {NAMES[0]: lying}
    assert "promises 2,147,483,648 images" in refusal(write_files(tmp_path, files))


def test_no_folder_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "nowhere").startswith("There is no folder")


def test_a_file_for_a_folder_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "train-images-idx3-ubyte"
    file.write_bytes(gzip.compress(images_file(some_pixels(1))))
    assert "is a file: give the path of the folder" in refusal(file)
    assert refusal(file / "deeper")


@pytest.mark.parametrize(
    "path", ["", "  ", "\0", "a\0b", "x" * 5000, "~nobody-of-this-name/x", "\udcff"]
)
def test_a_path_that_is_none_is_refused(path: str) -> None:
    assert refusal(path)


def test_a_folder_without_permission_is_refused(sealed: Path) -> None:
    assert "has no train-images-idx3-ubyte" in refusal(sealed)
    inner = sealed / "closed" / "inner"
    assert refusal(inner)


def test_a_file_without_permission_is_named(sealed: Path) -> None:
    # Seen by its name, but not to be opened: a link to the file that is closed.
    (path := sealed.parent / f"{sealed.name}-link").mkdir()
    try:
        write_files(path, four_files())
        (path / NAMES[2]).unlink()
        (path / NAMES[2]).symlink_to(sealed / "closed")
        assert refusal(path).startswith(f"{NAMES[2]} cannot be read (Permission denied)")
    finally:
        for file in path.iterdir():
            file.unlink()
        path.rmdir()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_does_not_keep_anybody_waiting(tmp_path: Path) -> None:
    write_files(tmp_path, four_files())
    (tmp_path / NAMES[0]).unlink()
    os.mkfifo(tmp_path / NAMES[0])
    assert f"has no {NAMES[0]}" in refusal(tmp_path)
