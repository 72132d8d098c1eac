"""Numbers as people read them: a real minus sign, and decimals that say something."""

import math
from collections.abc import Sequence
from decimal import Decimal

from cnn.arithmetic import Arithmetic, Decimals, Factor, Place, Term, rounded

LEAST, MOST = 4, 12
"""Decimals that a number is written with at least, and at most."""

DIGITS = 2
"""Digits that are wanted of a small number."""


def in_decimals(value: float | Decimal, decimals: int) -> str:
    """Write a number with so many decimals; below 0 they count tens and hundreds."""
    if not math.isfinite(value):
        return "not a number" if math.isnan(value) else "−∞" if value < 0 else "∞"
    return f"{rounded(value, decimals):f}".replace("-", "−")


def decimals_for(*values: float) -> int:
    """Return decimals enough to see two digits of the largest of some numbers, 4 to 12."""
    largest = max((abs(value) for value in values if math.isfinite(value)), default=0.0)
    if largest == 0:
        return LEAST
    return min(MOST, max(LEAST, DIGITS - 1 - math.floor(math.log10(largest))))


def readable(value: float) -> str:
    """Write a number so that two of its digits are seen."""
    return in_decimals(value, decimals_for(value))


def signed(change: float) -> str:
    """Write a change with its sign; one that is too small to be seen is 0 and has none."""
    text = in_decimals(change, LEAST)
    return f"+{text}" if change > 0 and not is_zero(text) else text


def is_zero(text: str) -> bool:
    """Whether a number, as it is written, is 0."""
    return not text.strip("0.")


def decimals_of_sum(total: float, summands: Sequence[float], wanted: int = LEAST) -> Decimals:
    """Return how many decimals to write of some numbers and of their sum, so that it follows.

    Args:
        total: what the network, or a subtraction, made of the sum.
        summands: added up as they are written, and rounded as the total is, they give it.
        wanted: decimals of the total; a few sums take others.
    """
    terms = tuple(Term((Factor("", value),), value) for value in summands)
    return Arithmetic(Place("", 0), "", "", total, terms).decimals(wanted)


def decimals_of_states(before: Sequence[float], after: Sequence[float], wanted: int = LEAST) -> int:
    """Return how many decimals to write numbers with before and after a change.

    Subtracted as they are written, and rounded to the decimals of the change, they give the
    change as it is written.

    Args:
        before: m numbers.
        after: the same ones, later.
        wanted: decimals that their changes are written with.
    """
    pairs = [pair for pair in zip(before, after, strict=True) if all(map(math.isfinite, pair))]
    needed = [decimals_of_sum(new - old, (new, -old), wanted).terms for old, new in pairs]
    least = max(needed, default=wanted)

    def follows(old: float, new: float, decimals: int) -> bool:
        written = rounded(new, decimals) - rounded(old, decimals)
        return rounded(written, wanted) == rounded(new - old, wanted)

    # More decimals than a pair needs can, very rarely, carry it over the edge of a rounding.
    enough = (n for n in range(least, least + 10) if all(follows(*pair, n) for pair in pairs))
    return next(enough, least)
