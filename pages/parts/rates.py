"""The learning rates of the slider: ten round numbers a decade, 0.0001 to 1."""

import math

import numpy as np

_ROUND = (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0)

RATES = (*(float(f"{m}e{e}") for e in range(-4, 0) for m in _ROUND), 1.0)


def nearest(rate: float) -> float:
    """Return the slider's rate that is nearest to a rate, in ratio."""
    return min(RATES, key=lambda known: abs(math.log(known / rate)))


def tenth(rate: float) -> float:
    """Return a tenth of a rate, without the last digits that binary fractions add."""
    return float(f"{rate / 10:.12g}")


def written(rate: float) -> str:
    """Write a rate exactly: ``0.0001``, ``0.01``, ``1``; with an exponent below a billionth."""
    return np.format_float_positional(rate, trim="-") if rate >= 1e-9 else repr(rate)
