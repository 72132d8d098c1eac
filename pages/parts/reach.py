"""How large the quantities of a step are, by which the stage chooses how far its colours reach."""

import numpy as np
from numpy.typing import NDArray

from cnn.step import Step

Reach = dict[str, list[float]]
"""The largest size in a group of quantities: one for each filter, or one in all."""


def reach_of(step: Step, image: int = 0) -> Reach:
    """Return the largest sizes that the stage shows of a step.

    What belongs together shares a range of colours: a filter's maps and its pooled map, all errors
    on their way back, the filter before and after. The feature map is never beyond z, nor is any
    other error beyond δ0, so those two stand for them.

    Args:
        step: a step, trained or not.
        image: which of its batch.
    """
    forward, backward, gradients = step.forward, step.backward, step.backward.gradients
    before, after = step.before, step.after
    changes = after.filters - before.filters, after.filter_bias - before.filter_bias
    filters = len(before.filters)
    return {
        "maps": _largest(filters, forward.z[image]),
        "weights": _largest(
            filters, before.filters, after.filters, before.filter_bias, after.filter_bias
        ),
        "gradients": _largest(filters, gradients.filters, gradients.filter_bias),
        "changes": _largest(filters, *changes),
        "errors": _largest(filters, backward.delta0[image]),
        "hidden": _largest(1, forward.a1[image]),
        "delta1": _largest(1, backward.delta1[image]),
    }


def _largest(parts: int, *arrays: NDArray[np.floating]) -> list[float]:
    """Return max |a| over what is finite, for each of the parts that the arrays begin with."""
    sizes = np.abs(np.concatenate([array.reshape(parts, -1) for array in arrays], axis=1))
    largest: list[float] = sizes.max(axis=1, where=np.isfinite(sizes), initial=0).tolist()
    return largest
