"""A run as one file: the same time machine, bit for bit, and every file that is not one."""

import io
import pickle
import struct
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from cnn import Recipe, Run
from cnn.run_file import RunFileError, digest, read_run, write_run
from data import Digits

Arrays = dict[str, NDArray[Any]]


def start(digits: Digits, **recipe: Any) -> Run:
    return Run(Recipe(**recipe), digits.images, digits.labels, held_out(digits))


def held_out(digits: Digits) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    return digits.held_out_images, digits.held_out_labels


def saved(run: Run, digits: Digits) -> bytes:
    file = io.BytesIO()
    write_run(run, digest(digits.images, digits.labels, held_out(digits)), file)
    return file.getvalue()


def opened(content: bytes, digits: Digits) -> Run:
    return read_run(io.BytesIO(content)).run(digits.images, digits.labels, held_out(digits))


def same(one: Run, other: Run, number: int) -> bool:
    a, b = one.at(number), other.at(number)
    return all(
        np.array_equal(x.view(np.int32), y.view(np.int32))
        for x, y in (
            (a.before.vector, b.before.vector),
            (a.after.vector, b.after.vector),
            (a.backward.gradients.vector, b.backward.gradients.vector),
        )
    )


@pytest.mark.parametrize(
    "recipe", [{}, {"filters": 3, "hidden": 7, "batch": 32, "bias_rule": "notes", "seed": 5}]
)
def test_an_opened_run_is_the_same_time_machine(digits: Digits, recipe: dict[str, Any]) -> None:
    run = start(digits, **recipe)
    run.advance(700)
    run.set_learning_rate(0.03)
    run.advance(611)
    again = opened(saved(run, digits), digits)

    assert again.recipe == run.recipe
    assert again.step == 1_311
    for number in (1, 16, 17, 699, 700, 701, 1_310, 1_311):
        assert same(again, run, number), number
    for name in ("loss", "correct", "learning_rate", "filters", "filter_bias"):
        assert np.array_equal(getattr(again.history, name), getattr(run.history, name)), name
    assert np.array_equal(again.history.held_out_step, run.history.held_out_step)
    assert np.array_equal(again.history.held_out_accuracy, run.history.held_out_accuracy)

    # And it goes on as the run itself does.
    again.advance(500)
    run.advance(500)
    assert same(again, run, 1_811)
    assert np.array_equal(again.history.loss, run.history.loss)
    assert np.array_equal(again.history.held_out_loss, run.history.held_out_loss)
    assert same(again.fork(900, 0.2), run.fork(900, 0.2), 900)


def test_a_long_run_keeps_its_thinned_checkpoints(digits: Digits) -> None:
    run = start(digits, batch=1, hidden=256, filters=8)
    run.advance(800)
    assert run.arrays()["spacing"] == 32  # one in 16 would have taken 70 MB
    again = opened(saved(run, digits), digits)
    assert same(again, run, 799)
    again.advance(40)
    run.advance(40)
    assert same(again, run, 833)


def test_a_diverged_run_says_so_when_it_is_opened(digits: Digits) -> None:
    rare = {"filters": 8, "bias_rule": "notes", "learning_rate": 100_000.0}
    runs = (start(digits, **rare, seed=seed) for seed in range(300))
    run = next(run for run in runs if run.advance(30) < 30)
    again = opened(saved(run, digits), digits)
    assert again.stopped == run.stopped
    assert again.advance(1) == 0


def test_a_run_is_opened_on_its_own_digits_alone(digits: Digits) -> None:
    run = start(digits)
    run.advance(3)
    file = read_run(io.BytesIO(saved(run, digits)))
    labels = digits.labels.copy()
    labels[7] = (labels[7] + 1) % 10
    with pytest.raises(RunFileError, match="trained on other digits"):
        file.run(digits.images, labels, held_out(digits))
    with pytest.raises(RunFileError, match="trained on other digits"):
        file.run(digits.images, digits.labels)


# ---- Files that are no run ----


def changed(digits: Digits, change: Callable[[Arrays], None]) -> bytes:
    """A saved run of three steps of which something was changed, by NumPy's own reader."""
    run = start(digits)
    run.advance(3)
    with np.load(io.BytesIO(saved(run, digits))) as archive:
        arrays = {name: archive[name].copy() for name in archive.files}
    change(arrays)
    file = io.BytesIO()
    np.savez(file, allow_pickle=True, **arrays)
    return file.getvalue()


def refused(content: bytes, words: str) -> None:
    with pytest.raises(RunFileError, match=words) as caught:
        read_run(io.BytesIO(content))
    sentence = str(caught.value)
    assert len(sentence) < 300
    assert sentence.endswith(".")


def put(name: str, value: Any) -> Callable[[Arrays], None]:
    return lambda arrays: arrays.update({name: np.asarray(value)})


def spoil(name: str, index: Any, value: float) -> Callable[[Arrays], None]:
    def change(arrays: Arrays) -> None:
        arrays[name][index] = value

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda arrays: arrays.pop("parameters"), "has no parameters"),
        (lambda arrays: arrays.pop("version"), "has no version"),
        (put("version", 2), "format 2"),
        (put("version", -(2**40)), "version is -"),
        (put("step", 0), "step is 0"),
        (put("step", 2_000_001), "step is 2,000,001"),
        (put("step", 4), "history is .* where its recipe and steps make it"),
        (put("spacing", 0), "spacing is 0"),
        (put("recipe", "{"), "not valid JSON"),
        (put("recipe", '{"filters": 9}'), "filters is a whole number from 1 to 8"),
        (put("recipe", '{"filters": 2}'), "parameters is .* where its recipe"),
        (put("recipe", "x" * (1 << 20) + "x"), "recipe is no text"),
        (put("recipe", 7), "recipe is no text"),
        (put("parameters", np.zeros((7_221, 1), np.float32)), "parameters is "),
        (put("parameters", np.zeros(7_221)), "parameters is float64"),
        (spoil("parameters", 5, np.nan), "parameters holds a value that is not finite"),
        (spoil("checkpoints", (0, 9), np.inf), "checkpoints holds a value that is not finite"),
        (spoil("judgements", (0, 1), np.nan), "judgements holds a value that is not finite"),
        (put("diverged", [3, 3]), "diverged at another step"),
        (put("diverged", [4, 0]), "diverged at another step"),
        (put("digits", np.array(["a"], object)), "digits is not laid out|digits is damaged"),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(
    digits: Digits, change: Callable[[Arrays], None], words: str
) -> None:
    refused(changed(digits, change), words)


def test_a_nan_in_the_history_is_refused(digits: Digits) -> None:
    def change(arrays: Arrays) -> None:
        arrays["history"]["loss"][1] = np.nan

    refused(changed(digits, change), "history holds a value that is not finite")


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"\x93NUMPY\x01\x00", b"PK\x03\x04" + bytes(100), b"PK\x05\x06"]
)
def test_what_is_no_archive_is_refused(content: bytes) -> None:
    refused(content, "not a saved run|has no version")


def test_an_array_without_the_ending_of_its_name_is_refused(digits: Digits) -> None:
    file = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(changed(digits, lambda arrays: None))) as whole,
        zipfile.ZipFile(file, "w") as renamed,
    ):
        for name in whole.namelist():
            renamed.writestr(name.replace("history.npy", "history"), whole.read(name))
    refused(file.getvalue(), "has no history")


def test_every_truncated_file_is_refused(digits: Digits) -> None:
    content = changed(digits, lambda arrays: None)
    for length in range(0, len(content), 997):
        refused(content[:length], "saved run|damaged|incomplete")


def test_a_flipped_bit_anywhere_is_refused_or_changes_nothing_that_counts(digits: Digits) -> None:
    """ZIP keeps a checksum of each array, and the rest is checked by hand."""
    content = bytearray(changed(digits, lambda arrays: None))
    for place in range(0, len(content), 211):
        content[place] ^= 64
        try:
            file = read_run(io.BytesIO(bytes(content)))
        except RunFileError:
            pass
        else:
            assert file.step == 3
            assert file.recipe == Recipe()
        content[place] ^= 64


def test_a_pickle_in_the_file_is_never_loaded(digits: Digits) -> None:
    class Trap:
        def __reduce__(self) -> Any:
            return pytest.fail, ("the pickle was loaded",)

    run = start(digits)
    run.advance(3)
    with zipfile.ZipFile(io.BytesIO(saved(run, digits))) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "|O", "fortran_order": False, "shape": (7_221,)}
    )
    members["parameters.npy"] = header.getvalue() + pickle.dumps(Trap())
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    refused(file.getvalue(), "parameters is not laid out")


def test_a_claim_of_terabytes_takes_no_memory(digits: Digits) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f4", "fortran_order": False, "shape": (2**40,)}
    )
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("version.npy", header.getvalue())
    refused(file.getvalue(), "version is float32 1,099,511,627,776")


def test_a_packed_gigabyte_is_not_unpacked(digits: Digits) -> None:
    """Zeros that deflate to a thousandth: no more is read than the recipe promises."""
    run = start(digits)
    run.advance(3)
    with zipfile.ZipFile(io.BytesIO(saved(run, digits))) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["parameters.npy"] += bytes(50_000_000)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    refused(file.getvalue(), "parameters is incomplete")


def test_a_locked_archive_is_refused(digits: Digits) -> None:
    content = bytearray(changed(digits, lambda arrays: None))
    # The flag for "encrypted" in every entry of the central directory.
    place = content.find(b"PK\x01\x02")
    while place >= 0:
        flags = struct.unpack_from("<H", content, place + 8)[0]
        struct.pack_into("<H", content, place + 8, flags | 1)
        place = content.find(b"PK\x01\x02", place + 1)
    refused(bytes(content), "not a saved run")


def test_the_digest_tells_digits_apart(digits: Digits) -> None:
    own = digest(digits.images, digits.labels, held_out(digits))
    assert own == digest(digits.images.copy(), digits.labels.astype(np.int32), held_out(digits))
    images = digits.images.copy()
    images[99, 14, 14] ^= 1
    others = [
        digest(images, digits.labels, held_out(digits)),
        digest(digits.images, digits.labels),
        digest(digits.images[:-1], digits.labels[:-1], held_out(digits)),
    ]
    assert len({own, *others}) == 4
