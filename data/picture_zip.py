"""Your own digits: a ZIP of pictures in ten folders, 0 to 9.

A ZIP comes from anywhere, so nothing in it is believed. It is read in memory alone and never
unpacked to disk, where a name in it could lead astray. What it claims is checked before anything
of that size is read, and what is read is counted, so that memory stays bounded whatever the ZIP.
"""

import hashlib
import io
import re
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from data.digits import Digits
from data.error import DataError
from data.own import named_by_content
from data.source import Source

MOST_ENTRIES = 20_000
MOST_LISTED = 4 << 20  # bytes of the list of entries, which is held in memory as a whole
MOST_ZIPPED = 100 << 20  # bytes of the ZIP
MOST_PICTURE = 20 << 20  # bytes of one picture's file
MOST_UNPACKED = 500 << 20  # bytes of all pictures' files
CHUNK = 1 << 20  # bytes

CLASSES = tuple("0123456789")
LEAST_OF_EACH = 2  # one to train on and one held out
HELD_OUT = 5  # one in five

SMALL_PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 28, 28)
"""How a PNG of 28×28 begins."""

METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""The others give no bound on what a few bytes unpack to."""

LITTER = ("Thumbs.db", "desktop.ini")

ENCRYPTED = 0x1
"""The bit of an entry's flags."""

Progress = Callable[[int, int], None]  # pictures done, pictures in all

_DAMAGE = (
    # All that the standard library raises for a damaged ZIP: a broken list of entries, an
    # unknown version, a name in no encoding, an entry that begins before the file or ends
    # after it, a stream that does not unpack, a wrong checksum.
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


def load_zip(file: Source, progress: Progress | None = None) -> Digits:
    """Return the digits of a ZIP: of each class about a fifth is held out.

    A picture belongs to the class of the folder that it lies in; where that folder lies does
    not matter. Equal pictures count once. Which of them are held out follows from the pictures
    alone, not from their names or their order. Each is made a digit as MNIST's were
    (`data.picture`), unless it is of MNIST's kind already: 28×28 with a dark border.

    Args:
        file: the ZIP.
        progress: called with the pictures done and the pictures in all. What it raises passes
            through.

    Errors:
        DataError: it is no ZIP, it is damaged, too large, encrypted or names places outside, a
            picture in it cannot be read, or a class has fewer than two.
    """
    with file.open("rb") as stream, _archive(file.name, stream) as archive:
        entries = _pictures(file.name, _entries(file.name, archive))
        images = np.empty((len(entries), 28, 28), np.uint8)
        for at, (_, entry) in enumerate(entries):
            images[at] = _digit(file.name, archive, entry)
            if progress:
                progress(at + 1, len(entries))
    return _split(file.name, images, [label for label, _ in entries])


class _Bounded:
    """A file that gives no more at once than a list of entries may take.

    `zipfile` reads that list in one go and makes some ten times its size of it.
    """

    def __init__(self, file: io.BufferedReader) -> None:
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable
        self._file = file

    def read(self, size: int | None = -1, /) -> bytes:
        wanted = MOST_LISTED + 1 if size is None or size < 0 else min(size, MOST_LISTED + 1)
        content = self._file.read(wanted)
        if len(content) > MOST_LISTED:
            raise _TooMany
        return content


class _TooMany(Exception):
    """More is to be read at once than a list of entries may take."""


def _archive(name: str, file: io.BufferedReader) -> zipfile.ZipFile:
    if file.seek(0, io.SEEK_END) > MOST_ZIPPED:
        raise DataError(f"{name} has more than {MOST_ZIPPED >> 20} MB: bring fewer pictures.")
    try:
        return zipfile.ZipFile(_Bounded(file))
    except _TooMany as error:
        raise DataError(f"{name} lists too many files: bring at most {MOST_ENTRIES:,}.") from error
    except _DAMAGE as error:
        raise DataError(f"{name} is not a ZIP file, or not a whole one: pack it again.") from error


def _entries(name: str, archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """Return what lies in the ZIP, without the folders, if all of it may be looked at."""
    entries = archive.infolist()
    if len(entries) > MOST_ENTRIES:
        raise DataError(f"{name} holds {len(entries):,} files: bring at most {MOST_ENTRIES:,}.")
    for entry in entries:
        path = _path(entry)
        if ".." in path or not path[0] or re.match("[A-Za-z]:", path[0]):
            raise DataError(
                f"{name} names a place outside itself, {_written(entry)}: "
                "pack the ten folders again."
            )
        if entry.flag_bits & ENCRYPTED:
            raise DataError(f"{name} is encrypted: pack it without a password.")
    return [entry for entry in entries if not entry.is_dir()]


def _pictures(name: str, entries: Sequence[zipfile.ZipInfo]) -> list[tuple[int, zipfile.ZipInfo]]:
    """Return the pictures in the ten folders, each with its class."""
    pictures = [
        (int(path[-2]), entry)
        for entry in entries
        if len(path := _path(entry)) > 1 and path[-2] in CLASSES and not _is_litter(path)
    ]
    _check_each_class(name, [label for label, _ in pictures])
    unpacked = 0
    for _, entry in pictures:
        unpacked += entry.file_size
        if entry.file_size > MOST_PICTURE or unpacked > MOST_UNPACKED:
            raise DataError(
                f"{name} unpacks to more than it may at {_written(entry)}: bring pictures of at "
                f"most {MOST_PICTURE >> 20} MB each and {MOST_UNPACKED >> 20} MB in all."
            )
        if entry.compress_type not in METHODS:
            raise DataError(
                f"{name} is packed in a way that is not read here: pack it as an ordinary ZIP."
            )
    return pictures


def _check_each_class(name: str, labels: Sequence[int]) -> None:
    counts = Counter(labels)
    for label, folder in enumerate(CLASSES):
        if counts[label] < LEAST_OF_EACH:
            has = "one picture" if counts[label] else "no picture"
            raise DataError(
                f"{name} has {has} in a folder called {folder}: "
                f"give each of the ten folders, 0 to 9, at least {LEAST_OF_EACH} different ones."
            )


def _is_litter(path: Sequence[str]) -> bool:
    """Whether a file is what operating systems leave in folders."""
    return path[0] == "__MACOSX" or path[-1].startswith(".") or path[-1] in LITTER


def _digit(name: str, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> NDArray[np.uint8]:
    """Return one picture as a digit, (28, 28)."""
    content = bytearray()
    try:
        with archive.open(entry) as stream:
            # No more than was promised ever comes: that is the reader's own rule.
            while chunk := stream.read(CHUNK):
                content += chunk
    except (*_DAMAGE, _TooMany) as error:
        raise DataError(f"{_written(entry)} in {name} is damaged: pack it again.") from error
    from data.picture import digit_from_picture  # here, because most visits read no picture

    try:
        digit = _of_mnists_kind(content)
        return digit_from_picture(bytes(content)) if digit is None else digit
    except DataError as error:
        reason = str(error)
        raise DataError(
            f"{_written(entry)} in {name} cannot be used: {reason[0].lower()}{reason[1:]}"
        ) from error


def _of_mnists_kind(content: bytearray) -> NDArray[np.uint8] | None:
    """Return a picture that needs nothing done to it: 28×28, light on a dark border.

    Such are the pictures of MNIST, and of Fashion-MNIST, which would lose by being cut out and
    scaled as a digit is.
    """
    if not content.startswith(SMALL_PNG):
        return None
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content), formats=("PNG",)) as picture:
            if picture.mode not in ("1", "L", "RGB"):
                return None
            pixels = np.asarray(picture.convert("L"))
    except (OSError, SyntaxError, ValueError):  # `digit_from_picture` will say what is wrong
        return None
    border = np.concatenate((pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]))
    return pixels if np.median(border) < 128 else None


def _split(name: str, images: NDArray[np.uint8], labels: Sequence[int]) -> Digits:
    """Hold out a fifth of each class, at least one, in an order that the pictures give."""
    different = {(label, image.tobytes()) for label, image in zip(labels, images, strict=True)}
    _check_each_class(name, [label for label, _ in different])
    mixed = sorted(different, key=lambda one: (hashlib.sha256(one[1]).digest(), one[0]))
    held_out: set[tuple[int, bytes]] = set()
    for label in range(len(CLASSES)):
        of_class = [one for one in mixed if one[0] == label]
        held_out.update(of_class[: max(1, round(len(of_class) / HELD_OUT))])
    training = [one for one in mixed if one not in held_out]
    return named_by_content(
        Digits("own", *_arrays(training), *_arrays([one for one in mixed if one in held_out]))
    )


def _arrays(
    digits: Sequence[tuple[int, bytes]],
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    pixels = b"".join(image for _, image in digits)
    labels = np.array([label for label, _ in digits], np.int64)
    return np.frombuffer(pixels, np.uint8).reshape(-1, 28, 28), labels


def _path(entry: zipfile.ZipInfo) -> list[str]:
    """Return the parts of an entry's name; the first one of an absolute name is empty."""
    return entry.filename.replace("\\", "/").split("/")


def _written(entry: zipfile.ZipInfo) -> str:
    """Write an entry's name so that it fits into a sentence."""
    name = "".join(c if c.isprintable() else "?" for c in entry.filename)
    return name if len(name) <= 60 else f"…{name[-59:]}"
