"""The learning rates of the slider: ten round numbers a decade, 0.0001 to 1."""

import math

_ROUND = (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0)

RATES = (*(float(f"{m}e{e}") for e in range(-4, 0) for m in _ROUND), 1.0)


def nearest(rate: float) -> float:
    """Return the slider's rate that is nearest to a rate, in ratio."""
    return min(RATES, key=lambda known: abs(math.log(known / rate)))


def written(rate: float) -> str:
    """Write a rate without trailing zeros or an exponent: ``0.0001``, ``0.01``, ``1``."""
    return f"{rate:.6f}".rstrip("0").rstrip(".")
