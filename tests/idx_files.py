"""IDX files written by hand, for the tests: bytes from struct, none of the reader's own code."""

import gzip
import random
import struct
from pathlib import Path

IMAGES_MAGIC, LABELS_MAGIC = 0x00000803, 0x00000801


def images_file(
    pixels: bytes, count: int | None = None, rows: int = 28, columns: int = 28
) -> bytes:
    count = len(pixels) // 784 if count is None else count
    return struct.pack(">IIII", IMAGES_MAGIC, count, rows, columns) + pixels


def labels_file(labels: bytes, count: int | None = None) -> bytes:
    return struct.pack(">II", LABELS_MAGIC, len(labels) if count is None else count) + labels


def some_pixels(count: int, seed: int = 0) -> bytes:
    return random.Random(seed).randbytes(count * 784)


def some_labels(count: int, seed: int = 0) -> bytes:
    return bytes(random.Random(seed).choices(range(10), k=count))


def four_files(train: int = 5, held_out: int = 3) -> dict[str, bytes]:
    """Contents of the four files, unpacked, by MNIST's names."""
    return {
        "train-images-idx3-ubyte": images_file(some_pixels(train, 1)),
        "train-labels-idx1-ubyte": labels_file(some_labels(train, 2)),
        "t10k-images-idx3-ubyte": images_file(some_pixels(held_out, 3)),
        "t10k-labels-idx1-ubyte": labels_file(some_labels(held_out, 4)),
    }


def gzipped(files: dict[str, bytes]) -> dict[str, bytes]:
    # Without a time stamp: the same bytes in every process.
    return {f"{name}.gz": gzip.compress(content, mtime=0) for name, content in files.items()}


def write_files(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder
