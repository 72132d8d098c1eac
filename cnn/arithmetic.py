"""Where any one number of a step comes from: its terms, with the real numbers.

``explain(step, "z", 319)`` is the arithmetic behind the cell at row 12, column 7 of z: nine
products of a weight and a pixel, the bias, and the number that the step holds. Each factor
knows the place that it lives at, which can be explained in turn, down to the pixels and the
parameters that the step began with.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from cnn import arithmetic_backward as back
from cnn import arithmetic_forward as there
from cnn.arithmetic_parts import (
    Arithmetic,
    Blocked,
    Decimals,
    Factor,
    Operation,
    Outcome,
    Place,
    Rest,
    Routing,
    Term,
    check_index,
    rounded,
)
from cnn.arithmetic_places import Cell
from cnn.arithmetic_words import EXPLANATIONS, OUTCOMES, Explanation
from cnn.network import PARAMETER_NAMES, BiasRule
from cnn.step import Step

__all__ = [
    "EXPLANATIONS",
    "OUTCOMES",
    "Arithmetic",
    "Blocked",
    "Decimals",
    "Explanation",
    "Factor",
    "Operation",
    "Outcome",
    "Place",
    "Rest",
    "Routing",
    "Term",
    "explain",
    "rounded",
]

EXPLAINERS: Mapping[str, Callable[[Cell], Arithmetic]] = MappingProxyType(
    {
        "x": there.image,
        "z": there.convolution,
        "feature_map": there.feature_map,
        "pooled": there.pooled,
        "a0": there.flattened,
        "z1": there.hidden_sum,
        "a1": there.hidden,
        "z2": there.score,
        "probabilities": there.probability,
        "loss": there.loss,
        "batch_loss": there.batch_loss,
        "delta2": back.output_error,
        "delta1": back.hidden_error,
        "delta0": back.pooled_error,
        "backfill": back.backfill,
        "dz": back.convolution_error,
        "dk": back.filter_gradient,
        "db": back.filter_bias_gradient,
        "dW1": back.hidden_weight_gradient,
        "db1": back.bias_gradient,
        "dW2": back.output_weight_gradient,
        "db2": back.bias_gradient,
        **dict.fromkeys(PARAMETER_NAMES, there.given),
        **dict.fromkeys(back.GRADIENTS, back.update),
    }
)


def explain(
    step: Step,
    quantity: str,
    index: int,
    image: int = 0,
    filter: int = 0,
    bias_rule: BiasRule = "exact",
) -> Arithmetic:
    """Return where one number of a step comes from (the notes, sections 1 to 3).

    Args:
        step: a step of a run, or a digit looked at with a run's parameters.
        quantity: a key of `EXPLANATIONS`: "x", "z", "feature_map", …, or a parameter as the
            step found it ("filters", …) or left it ("new_filters", …).
        index: flat position in what the quantity has for one image and one filter: 0 to 675
            for "z", 0 to 8 for "dk", 0 for "db".
        image: position in the batch. What the images share, such as a gradient, ignores it;
            its terms come from all images.
        filter: counted from 0. What belongs to no one filter ignores it.
        bias_rule: the run's, see `cnn.network.backward`.

    Raises:
        ValueError: the step has no such number, or its filter biases were not taken by that
            rule; one sentence.
    """
    if quantity not in EXPLAINERS:
        known = ", ".join(EXPLAINERS)
        raise ValueError(f"There is no quantity {quantity!r}; there are {known}.")
    check_index(f"image {image!r}", image, len(step.labels))
    check_index(f"filter {filter!r}", filter, len(step.before.filters))
    cell = Cell(step, quantity, index, image, filter, bias_rule)
    check_index(f"position {index!r} of {quantity}", index, cell.array(quantity).size)
    return EXPLAINERS[quantity](cell)
