"""Digits of one's own: what they are called, and what their ten classes are called."""

import hashlib
import unicodedata
from dataclasses import replace

import numpy as np

from data.digits import Digits
from data.error import DataError

OWN = "own-"
"""How the names of all digits of one's own begin."""

LONGEST_CLASS = 20
"""Characters of a class's name: it has to find room beside a bar."""


def named_by_content(digits: Digits) -> Digits:
    """Return the digits under a name that the same files always get, and no others.

    The name goes into a recipe, so that a link or a saved run can tell whether the digits it
    was made with are in hand. The names of the classes do not count: training knows none.
    """
    parts = digits.images, digits.labels, digits.held_out_images, digits.held_out_labels
    checksum = hashlib.sha256()
    for part in parts:
        checksum.update(len(part).to_bytes(8, "big"))
        checksum.update(np.asarray(part, np.uint8).data)  # a label too fits into a byte
    return replace(digits, name=OWN + checksum.hexdigest()[:8])


def is_own(name: str) -> bool:
    """Whether digits of that name are somebody's own."""
    return name.startswith(OWN)


def class_names(text: str, classes: int = 10) -> tuple[str, ...]:
    """Read the names of the classes, from class 0 on, with commas between them.

    Errors:
        DataError: there are more or fewer, one is too long or there twice, or holds a
            character that is neither letter, digit, space nor one of - ' . / & +.
    """
    names = tuple(" ".join(name.split()) for name in text.split(","))
    if len(names) != classes or not all(names):
        given = sum(bool(name) for name in names)
        raise DataError(f"{given} names are given where there are {classes} classes: give each.")
    for name in names:
        # Letters of any script with the marks that belong to them: お, é, ङ्.
        odd = [c for c in name if unicodedata.category(c)[0] not in "LMN" and c not in " -'./&+"]
        if odd:
            raise DataError(
                f"A class cannot have {odd[0]!r} in its name: use letters, digits, spaces and "
                "- ' . / & + only."
            )
        if len(name) > LONGEST_CLASS:
            raise DataError(
                f"The name {name[:LONGEST_CLASS]}… is too long: "
                f"use at most {LONGEST_CLASS} characters."
            )
        if names.count(name) > 1:
            raise DataError(f"Two classes are called {name}: give each a name of its own.")
    return names
