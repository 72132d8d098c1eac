"""A run as one file: NumPy's own ``.npz``, without pickled objects.

A file may come from anywhere. Nothing that it says is believed before it is checked: what
arrays there are and how large follows from the recipe and the number of steps, and no more is
read than that.
"""

import hashlib
import math
import struct
import zipfile
import zlib
from dataclasses import dataclass
from tokenize import TokenError
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from cnn.arrays import Integers
from cnn.history import record_of
from cnn.recipe import MAX_STEPS, Recipe, RecipeError
from cnn.run import Run, checkpoint_room, layout

VERSION = 1

LONGEST_RECIPE = 1 << 20
"""Characters; each change of the rate takes some twenty."""

WHOLE, DIGEST = np.dtype("<i8"), np.dtype("<U64")

Shape = tuple[int, ...]

_DAMAGE = (
    # All that the standard library raises for a damaged ZIP: a broken list of entries, an unknown
    # way of packing, a password, an entry that begins before the file or ends after it, a stream
    # that does not unpack.
    zipfile.BadZipFile,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OverflowError,
    EOFError,
    OSError,
    struct.error,
    zlib.error,
)

# An array's header is a Python literal; what NumPy lets pass of the errors of reading one.
_NO_HEADER = (ValueError, TypeError, SyntaxError, TokenError, RecursionError, MemoryError)


class RunFileError(ValueError):
    """A file that no run can be had from; the text is one sentence."""


@dataclass(frozen=True)
class RunFile:
    """A run as it was saved, still without its digits.

    Attributes:
        recipe: of the run, with every change of the rate so far.
        step: steps taken.
        digits: the `digest` of what it was trained on and judged by.
        arrays: see `cnn.run.Run.arrays`.
    """

    recipe: Recipe
    step: int
    digits: str
    arrays: dict[str, npt.NDArray[Any]]

    def run(
        self, images: Integers, labels: Integers, held_out: tuple[Integers, Integers] | None = None
    ) -> Run:
        """Return the run: the same time machine, bit for bit.

        Args:
            images: (n, 28, 28) uint8, what it was trained on.
            labels: (n,).
            held_out: what it was judged by.

        Raises:
            RunFileError: these are other digits.
        """
        if digest(images, labels, held_out) != self.digits:
            raise RunFileError(
                "This run was trained on other digits than the ones of this name here "
                f"({self.recipe.data}), so its steps cannot be shown: bring its own digits first."
            )
        return Run.from_arrays(self.recipe, self.step, self.arrays, images, labels, held_out)


def digest(
    images: Integers, labels: Integers, held_out: tuple[Integers, Integers] | None = None
) -> str:
    """Return a fingerprint of digits, 64 characters, the same on every machine."""
    whole = hashlib.sha256()
    for pictures, truth in (images, labels), *([held_out] if held_out else []):
        whole.update(np.array(len(truth), "<i8").tobytes())
        whole.update(np.ascontiguousarray(pictures, "u1").data)
        whole.update(np.ascontiguousarray(truth, "<i8").data)
    return whole.hexdigest()


def members(run: Run, digits: str) -> dict[str, npt.NDArray[Any]]:
    """Return what the file of a run holds: the run as it stands, in memory of its own.

    Args:
        run: any run.
        digits: the `digest` of its digits.
    """
    return {
        "version": np.array(VERSION, WHOLE),
        "step": np.array(run.step, WHOLE),
        "judged": np.array(len(run.history.held_out_step) > 0, WHOLE),
        "digits": np.array(digits, DIGEST),
        "recipe": np.array(run.recipe.to_json()),
    } | run.arrays()


def write_run(run: Run, digits: str, file: BinaryIO) -> None:
    """Write a run as it stands.

    Args:
        run: any run.
        digits: the `digest` of its digits.
        file: open for writing.
    """
    write_members(members(run, digits), file)


def write_members(arrays: dict[str, npt.NDArray[Any]], file: BinaryIO) -> None:
    """Write what `members` returned, which may take a while, into a file open for writing."""
    np.savez(file, allow_pickle=False, **arrays)


def largest_size(run: Run) -> int:
    """Return the bytes that the file of a run takes at most."""
    return checkpoint_room(run.recipe) + run.step * record_of(run.recipe).itemsize


def read_run(file: BinaryIO) -> RunFile:
    """Read what `write_run` wrote, and believe none of it unchecked.

    Args:
        file: open for reading, with random access.

    Raises:
        RunFileError: it is damaged, incomplete, too large, or no run of this program.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            return _read(_Members(archive))
    except RunFileError:
        raise
    except _DAMAGE as error:
        raise RunFileError(
            "This is not a saved run, or it is damaged: choose a .npz file that was saved here."
        ) from error


class _Members:
    """The arrays of an archive, each read once it is known what it must be."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._names = [entry.filename for entry in archive.infolist()]

    def array(self, name: str, shape: Shape, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
        """Read an array of that shape and type, and of no other; all its values are finite."""
        with self._open(name) as file:
            found, wanted = _header(file, name), (shape, dtype)
            if found != wanted:
                raise RunFileError(
                    f"The file’s {name} is {_described(*found)} where its recipe and steps make "
                    f"it {_described(*wanted)}, so it is damaged or not a saved run."
                )
            size = math.prod(shape) * dtype.itemsize
            content = file.read(size + 1)
        if len(content) != size:
            raise RunFileError(f"The file’s {name} is incomplete: save the run again.")
        array = np.frombuffer(content, dtype).reshape(shape)
        if not all(np.isfinite(part).all() for part in _floats(array)):
            raise RunFileError(
                f"The file’s {name} holds a value that is not finite, which no run keeps: the "
                "file is damaged."
            )
        return array

    def text(self, name: str, longest: int) -> str:
        """Read a text of at most so many characters."""
        with self._open(name) as file:
            shape, dtype = _header(file, name)
            if shape or dtype.kind != "U" or not 0 < dtype.itemsize <= 4 * longest:
                raise RunFileError(f"The file’s {name} is no text, so it is not a saved run.")
        return str(self.array(name, (), dtype))

    def whole(self, name: str, least: int, most: int) -> int:
        """Read a whole number from a range."""
        number = int(self.array(name, (), WHOLE))
        if not least <= number <= most:
            raise RunFileError(
                f"The file’s {name} is {number:,}, and {least:,} to {most:,} makes sense: "
                "the file is damaged."
            )
        return number

    def _open(self, name: str) -> Any:
        member = f"{name}.npy"
        if self._names.count(member) != 1:
            raise RunFileError(
                f"This file has no {name}, so it is not a saved run: choose one that was saved "
                "here as a whole run."
            )
        return self._archive.open(member)


def _header(file: Any, name: str) -> tuple[Shape, np.dtype[Any]]:
    """Read what an ``.npy`` says of its array; where it is not plainly laid out, refuse it."""
    try:
        if np.lib.format.read_magic(file) != (1, 0):
            raise ValueError
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(file, max_header_size=10_000)
    except _NO_HEADER as error:
        raise RunFileError(f"The file’s {name} is damaged: save the run again.") from error
    if fortran or dtype.hasobject:
        raise RunFileError(f"The file’s {name} is not laid out as this program does it.")
    return shape, dtype


def _described(shape: Shape, dtype: np.dtype[Any]) -> str:
    kind = f"records of {dtype.itemsize} bytes" if dtype.names else str(dtype)
    return f"{kind} {' × '.join(f'{side:,}' for side in shape) or 'alone'}"


def _floats(array: npt.NDArray[Any]) -> list[npt.NDArray[np.floating]]:
    parts = [array[name] for name in array.dtype.names] if array.dtype.names else [array]
    return [part for part in parts if part.dtype.kind == "f"]


def _read(members: _Members) -> RunFile:
    version = members.whole("version", 1, 1_000_000)
    if version != VERSION:
        raise RunFileError(
            f"This run was saved in the format {version}, and this program reads {VERSION}: "
            "open it with a program of the version that saved it."
        )
    try:
        recipe = Recipe.from_json(members.text("recipe", LONGEST_RECIPE))
    except RecipeError as error:
        raise RunFileError(f"The file’s recipe makes no sense: {error}") from error
    step = members.whole("step", 1, MAX_STEPS)
    spacing = members.whole("spacing", 1, MAX_STEPS)
    wanted = layout(recipe, step, spacing, bool(members.whole("judged", 0, 1)))
    shape, dtype = wanted["checkpoints"]
    if math.prod(shape) * dtype.itemsize > checkpoint_room(recipe):
        raise RunFileError("The file has more checkpoints than a run keeps, so it is damaged.")
    arrays = {name: members.array(name, *kind) for name, kind in wanted.items()}
    failed, cause = arrays["diverged"].tolist()
    if failed and not (failed == step + 1 and step <= cause <= failed and cause):
        raise RunFileError("The file says that it diverged at another step than its last.")
    digits = str(members.array("digits", (), DIGEST))
    return RunFile(recipe, step, digits, arrays)
