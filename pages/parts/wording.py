"""How numbers and parameters are written in the panels of the step page."""

from decimal import Context, Decimal

import numpy as np

from cnn.network import PARAMETER_NAMES, Parameters
from pages.parts.numbers import DIGITS, MOST, readable

GROUPS = {
    "filters": "filter weights k",
    "filter_bias": "filter bias b",
    "hidden_weights": "hidden weights W1",
    "hidden_bias": "hidden biases b1",
    "output_weights": "output weights W2",
    "output_bias": "output biases b2",
}
"""The parts of `Parameters`, in their order, in words."""

GRADIENTS = dict(zip(PARAMETER_NAMES, ("dk", "db", "dW1", "db1", "dW2", "db2"), strict=True))
"""The gradient of each part, as `cnn.arithmetic.explain` calls it."""

_SYMBOLS = dict(zip(PARAMETER_NAMES, ("k", "b", "W1", "b1", "W2", "b2"), strict=True))


PER_FILTER = ("filters", "filter_bias")
"""The parts of which every filter has its own."""


def symbol(parameters: Parameters, name: str, index: int, filter: int = 0) -> str:
    """Write a parameter as the notes do: ``k[0,2]``, ``W1[12,84]``, ``b of filter 3``.

    Args:
        parameters: of the network; the filter is named where there are several.
        name: one of the six parts.
        index: flat position in that part, within the filter where it belongs to one.
        filter: counted from 0; on the page they are counted from 1.
    """
    shape = getattr(parameters, name).shape[name in PER_FILTER :]
    position = ",".join(str(i) for i in np.unravel_index(index, shape))
    several = name in PER_FILTER and len(parameters.filters) > 1
    return (
        _SYMBOLS[name]
        + (f"[{position}]" if position else "")
        + (f" of filter {filter + 1}" if several else "")
    )


def significant(value: float | Decimal, digits: int = 4) -> str:
    """Write a number with so many significant digits, small ones as a power of ten."""
    mantissa, e, exponent = f"{value:.{digits}g}".partition("e")
    power = f"·10{str(int(exponent)).translate(_RAISED)}" if e else ""
    return mantissa.replace("-", "−") + power


def before_log(log_p: float) -> str:
    """Write p with so many digits that −log of what is written is what `readable` makes of −log p.

    Args:
        log_p: the network's own, which stays finite where p is too small for a float32.
    """
    p, loss = Decimal(log_p).exp(), readable(-log_p)
    written = {digits: Context(prec=digits).plus(p) for digits in range(DIGITS, MOST)}
    enough = (digits for digits, p in written.items() if readable(-float(p.ln())) == loss)
    digits = next(enough, MOST - 1)
    return significant(written[digits], digits)


def counted(count: int, one: str, many: str | None = None) -> str:
    """Write ``1 window``, ``1,204 windows``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
