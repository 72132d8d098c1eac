"""Your own digits: four IDX files that were uploaded, under whatever names they have by now."""

from collections.abc import Sequence

from data.digits import Digits
from data.error import DataError
from data.idx import MOST_ITEMS, read_pair
from data.own import named_by_content
from data.source import Source

PARTS = {"train": ("train",), "t10k": ("t10k", "test")}
"""The words of which a file's name holds one, by the part of the digits that it belongs to."""


def load_idx(files: Sequence[Source], most: int = MOST_ITEMS) -> Digits:
    """Return the digits of four IDX files, gzipped or not.

    Args:
        files: their names tell what they are: one holds "train" and "images", one "train" and
            "labels", one "t10k" (or "test") and "images", one "t10k" (or "test") and "labels".
        most: images that each part may have.

    Errors:
        DataError: a file is missing, is there twice, or is not what it should be.
    """
    images, labels = read_pair(_find(files, "train", "image"), _find(files, "train", "label"), most)
    held_out_images, held_out_labels = read_pair(
        _find(files, "t10k", "image"), _find(files, "t10k", "label"), most
    )
    return named_by_content(Digits("own", images, labels, held_out_images, held_out_labels))


def _find(files: Sequence[Source], part: str, what: str) -> Source:
    """Return the one file whose name says that it has the images or the labels of a part."""
    found = [
        file
        for file in files
        if what in (name := file.name.lower()) and any(word in name for word in PARTS[part])
    ]
    if len(found) != 1:
        raise DataError(
            f"{len(found) or 'None'} of the {len(files)} files "
            f"{'have' if len(found) > 1 else 'has'} {part}-{what}s in the name: "
            "give the four files of MNIST's names, each once."
        )
    return found[0]
