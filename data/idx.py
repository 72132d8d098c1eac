"""Read IDX files, the format in which MNIST is published, plain or gzipped.

An IDX file is two zero bytes, one byte for the type of the numbers, one for the number of
dimensions, the size of each dimension (four bytes, big-endian), and then the numbers.

Files come from anywhere, so nothing that a header claims is believed: it is checked against
what digits look like before anything of that size is read, and memory follows the bytes that
are really there.
"""

import gzip
import io
import math
import struct
import zlib

import numpy as np
from numpy.typing import NDArray

from data.error import DataError
from data.source import Source

MOST_ITEMS = 1_000_000  # 784 MB of images: more is no digit set but a mistake, or malice
UNSIGNED_BYTE = 0x08
GZIP_START = b"\x1f\x8b"
CHUNK = 1 << 20  # bytes


def read_images(source: Source, most: int = MOST_ITEMS) -> NDArray[np.uint8]:
    """Return the file's images, (n, 28, 28) with n from 1 to `most`.

    Errors:
        DataError: the file cannot be read, or is not an IDX file of 28×28 images.
    """
    return _read(source, "images", (28, 28), most)


def read_labels(source: Source, most: int = MOST_ITEMS) -> NDArray[np.int64]:
    """Return the file's labels, (n,) with n from 1 to `most`, each from 0 to 9.

    Errors:
        DataError: the file cannot be read, or is not an IDX file of such labels.
    """
    labels = _read(source, "labels", (), most)
    wrong = np.flatnonzero(labels > 9)
    if wrong.size:
        raise DataError(
            f"{source.name} gives item {wrong[0] + 1:,} the label {labels[wrong[0]]}: "
            "use labels from 0 to 9 only."
        )
    return labels.astype(np.int64)


def read_pair(
    images: Source, labels: Source, most: int = MOST_ITEMS
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return the images (n, 28, 28) and the labels (n,) that belong to them.

    Errors:
        DataError: see `read_images` and `read_labels`; or there are not as many of both.
    """
    pictures, names = read_images(images, most), read_labels(labels, most)
    if len(pictures) != len(names):
        raise DataError(
            f"{images.name} has {len(pictures):,} images but {labels.name} has "
            f"{len(names):,} labels: take both from the same data set."
        )
    return pictures, names


def _read(source: Source, what: str, item_shape: tuple[int, ...], most: int) -> NDArray[np.uint8]:
    """Return the items of an IDX file of bytes, (n, *item_shape)."""
    try:
        with source.open("rb") as file:
            # By its first bytes: a browser may unpack a .gz and keep its name, or lose the name.
            packed = file.peek(2).startswith(GZIP_START)
            stream: io.BufferedIOBase = gzip.GzipFile(fileobj=file) if packed else file
            header = stream.read(4 * (2 + len(item_shape)))
            count = _count(source.name, header, what, item_shape, most)
            size = count * math.prod(item_shape)
            content = _read_at_most(stream, size + 1)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(
            f"{source.name} is a damaged or incomplete gzip file: copy or download it again."
        ) from error
    except OSError as error:
        reason = error.strerror or error
        raise DataError(
            f"{source.name} cannot be read ({reason}): check the file and its permissions."
        ) from error
    if len(content) != size:
        raise DataError(
            f"{source.name} has {'more' if len(content) > size else 'fewer'} bytes than the "
            f"{count:,} {what} its header promises: copy or download it again."
        )
    return np.frombuffer(content, np.uint8).reshape(count, *item_shape)


def _count(name: str, header: bytes, what: str, item_shape: tuple[int, ...], most: int) -> int:
    """Return the number of items that the header promises, after checking all else in it."""
    dimensions = 1 + len(item_shape)
    if len(header) >= 4:
        zeros, number_type, found_dimensions = struct.unpack_from(">HBB", header)
        if zeros:
            raise DataError(
                f"{name} is not an IDX file (its first two bytes are not zero): "
                f"put MNIST's file of {what} there."
            )
        if number_type != UNSIGNED_BYTE:
            raise DataError(
                f"{name} holds numbers of type 0x{number_type:02x}: "
                f"save the {what} as unsigned bytes (type 0x08)."
            )
        if found_dimensions != dimensions:
            raise DataError(
                f"{name} has {found_dimensions} dimensions where {what} have {dimensions}: "
                "check that images and labels are not exchanged."
            )
    if len(header) < 4 * (1 + dimensions):
        raise DataError(f"{name} ends within its header: copy or download it again.")
    count, *shape = struct.unpack_from(f">{dimensions}I", header, 4)
    if tuple(shape) != item_shape:
        raise DataError(
            f"{name} holds {what} of {' × '.join(f'{side:,}' for side in shape)} pixels: "
            "scale them to 28 × 28."
        )
    if not 1 <= count <= most:
        raise DataError(
            f"{name} promises {count:,} {what}: give it at least 1 and at most {most:,}."
        )
    return int(count)


def _read_at_most(stream: io.BufferedIOBase, limit: int) -> bytearray:
    """Return what is left in the stream, up to a limit, taking memory only as bytes arrive."""
    content = bytearray()
    while chunk := stream.read(min(CHUNK, limit - len(content))):
        content += chunk
    return content
