"""Slow motion's sums: the cells whose arithmetic the stage cannot write from what it is sent.

The stage has no dense weights, so what they make of a cell is written here, for the cells that
slow motion looks at: the largest in its panel.
"""

import math
from collections.abc import Iterable, Iterator
from decimal import Decimal

import numpy as np

from cnn import Step
from cnn.arithmetic import Arithmetic, explain, rounded
from cnn.network import BiasRule
from pages.parts.frame import Spot, Worked
from pages.parts.numbers import LEAST, in_decimals
from pages.parts.sheet import factors_of, total

SHOWN = 2
"""Terms that are written one by one; the others in one number."""


def worked(step: Step, image: int, bias_rule: BiasRule) -> tuple[Worked, ...]:
    """Write out one hidden unit, both probabilities that are told of, and one error of each layer.

    Args:
        step: the one that is shown slowly.
        image: which of its batch.
        bias_rule: the run's.
    """
    return tuple(
        Worked(spot, _line(explain(step, quantity, spot.index, image, spot.filter, bias_rule)))
        for quantity, spot in _examples(step, image)
    )


def _examples(step: Step, image: int) -> Iterator[tuple[str, Spot]]:
    """Name the cells, as static/stage/timeline.js chooses them."""
    there, back = step.forward, step.backward
    yield "z1", Spot("hidden", 0, int(there.a1[image].argmax()))
    for name in {int(there.probabilities[image].argmax()), int(step.labels[image])}:
        yield "probabilities", Spot("probabilities", 0, name)
    yield "delta1", Spot("delta1", 0, int(np.abs(back.delta1[image]).argmax()))
    for filter, errors in enumerate(np.abs(back.delta0[image]).reshape(len(there.z[image]), -1)):
        passing = errors * (there.pooled[image, filter].reshape(-1) > 0)
        yield "delta0", Spot("delta0", filter, int((passing if passing.any() else errors).argmax()))


def _line(arithmetic: Arithmetic) -> str:
    """Write a sum in one line: its largest terms, the rest, and what becomes of it.

    Worked out as it is written, it comes to the number that the stage shows of the cell.
    """
    short = arithmetic.largest(SHOWN)
    decimals = short.decimals(LEAST)
    if arithmetic.place.quantity == "probabilities":
        own = arithmetic.operation.operand.value if arithmetic.operation else 0.0
        shares = f"{in_decimals(own, decimals.terms)} ÷ {total(short, decimals)}"
        return f"= e^(z2 − the largest z2) ÷ the sum of all ten = {shares}"
    # The products are not written, so rounding their factors must not show in the sum either.
    more = range(decimals.terms, decimals.terms + 8)
    enough = next((n for n in more if _comes_to(short, n, decimals.result)), more[-1])
    parts = [" × ".join(factors_of(term, enough)) for term in short.terms]
    if short.rest:
        rest = in_decimals(short.rest.value, enough)
        parts.append(f"{rest} from {short.rest.count:,} smaller products")
    if short.bias:
        parts.append(f"{in_decimals(short.bias.value, enough)} (b)")
    written = " + ".join(parts).replace("+ −", "− ")
    if arithmetic.place.quantity == "z1":
        return f"= max(0, z1), z1 = weight × pooled value, added up = {written}"
    return f"= weight × error of the next layer, added up = {written}"


def _comes_to(arithmetic: Arithmetic, decimals: int, shown: int) -> bool:
    """Whether the factors, the rest and the bias as written come to the total that is shown."""
    if not math.isfinite(arithmetic.total):
        return True
    summands = [math.prod(_read(factors_of(term, decimals))) for term in arithmetic.terms]
    summands += [rounded(arithmetic.rest.value, decimals)] if arithmetic.rest else []
    summands += [rounded(arithmetic.bias.value, decimals)] if arithmetic.bias else []
    return rounded(sum(summands, Decimal(0)), shown) == rounded(arithmetic.total, shown)


def _read(numbers: Iterable[str]) -> Iterator[Decimal]:
    return (Decimal(number.replace("−", "-")) for number in numbers)
