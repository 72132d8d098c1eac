"""Slow motion's sums: the cells whose arithmetic the stage cannot write from what it is sent.

The stage has no dense weights, so what they make of a cell is written here, for the cells that
slow motion looks at: the largest in its panel.
"""

from collections.abc import Iterator

import numpy as np

from cnn import Step
from cnn.arithmetic import Arithmetic, explain
from cnn.network import BiasRule
from pages.parts.frame import Spot, Worked
from pages.parts.numbers import readable

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
    """Write a sum in one line: its largest terms, the rest, and what becomes of it."""
    if arithmetic.place.quantity == "probabilities":
        own = arithmetic.operation.operand.value if arithmetic.operation else 0.0
        total = sum(term.value for term in arithmetic.terms)
        shares = f"{readable(own)} ÷ {readable(total)}"
        return f"= e^(z2 − the largest z2) ÷ the sum of all ten = {shares}"
    short = arithmetic.largest(SHOWN)
    parts = [" × ".join(readable(f.value) for f in term.factors) for term in short.terms]
    if short.rest:
        parts.append(f"{readable(short.rest.value)} from {short.rest.count:,} smaller products")
    if short.bias:
        parts.append(f"{readable(short.bias.value)} (b)")
    written = " + ".join(parts).replace("+ −", "− ")
    if arithmetic.place.quantity == "z1":
        return f"= max(0, z1), z1 = weight × pooled value, added up = {written}"
    return f"= weight × error of the next layer, added up = {written}"
