"""Numbers as people read them: a real minus sign, and decimals that say something."""

import math
from decimal import Decimal

from cnn.arithmetic import rounded

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
