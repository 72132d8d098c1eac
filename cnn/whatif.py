"""What would have been: another learning rate, another weight. Nothing here trains a run."""

import math
from collections.abc import Sequence

import numpy as np

from cnn.arithmetic_parts import check_index
from cnn.arrays import Array, read_only
from cnn.loss import cross_entropy, one_hot
from cnn.network import CLASSES, PARAMETER_NAMES, Forward, Parameters, forward, updated
from cnn.step import Step

PER_FILTER = ("filters", "filter_bias")


def losses_along_gradient(step: Step, rates: Sequence[float] | Array) -> Array:
    """Return the loss of the step's own images after its update with each of the rates.

    ``L(θ − η·dθ)``, with the mean gradient that the step took. At η = 0 it is the step's own
    loss; it falls, and beyond some η the update overshoots and it rises.

    Args:
        step: θ is ``step.before`` and dθ ``step.backward.gradients``.
        rates: (m,), each η.

    Returns:
        (m,), in nats; inf or nan where float32 has no number for it.
    """
    y = one_hot(step.labels, CLASSES, step.forward.z2.dtype)  # (n, 10)
    trial = step.before.replaced(step.before.vector.copy())
    values = Forward(len(step.images), trial)
    losses = np.empty(len(rates))
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for number, rate in enumerate(rates):
            updated(step.before, step.backward.gradients, float(rate), out=trial)
            forward(trial, step.images, out=values)
            losses[number] = cross_entropy(values.log_probabilities, y).mean()
    read_only(losses)
    return losses


def with_parameter(
    parameters: Parameters, name: str, index: int, value: float, filter: int = 0
) -> Parameters:
    """Return a read-only copy in which one parameter has another value.

    Args:
        parameters: left as they are.
        name: one of `cnn.network.PARAMETER_NAMES`.
        index: flat position among the parameters of that name; of "filters" 0 to 8 and of
            "filter_bias" 0, within one filter, as in `cnn.arithmetic.explain`.
        value: the other value, rounded to the parameters' own precision.
        filter: counted from 0; the dense layers ignore it.

    Raises:
        ValueError: there is no such parameter or the value is no finite number of that
            precision; one sentence.
    """
    if name not in PARAMETER_NAMES:
        raise ValueError(
            f"There are no parameters {name!r}; there are {', '.join(PARAMETER_NAMES)}."
        )
    changed = parameters.replaced(parameters.vector.copy())
    array: Array = getattr(changed, name)
    if name in PER_FILTER:
        check_index(f"filter {filter!r}", filter, len(array))
        array = array[filter : filter + 1]
    check_index(f"position {index!r} of {name}", index, array.size)
    with np.errstate(over="ignore"):
        new = array.dtype.type(value)
    if not math.isfinite(new):
        raise ValueError(f"A parameter is a finite number, not {value!r}.")
    array[np.unravel_index(index, array.shape)] = new
    read_only(changed.vector)  # and new views of it, which take that over
    return changed.replaced(changed.vector)
