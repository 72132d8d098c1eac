"""Where the notes slip, as they have it and as it is meant, to be run on a real step.

Every rule is a small function of the notes' own values, which `values` takes from a step, so
that a learner who trips over one of these can read both forms and see what comes of each (the
notes, section 5). Nothing trains by them.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from cnn import slip_rules as rules
from cnn.by_difference import bias_by_difference, scores_by_difference
from cnn.loss import one_hot
from cnn.network import CLASSES, MAP, backward, forward
from cnn.step import Step

Rule = Callable[..., Any]
"""A function whose parameters are called like the notes' values."""


@dataclass(frozen=True)
class Slip:
    """One place where the notes slip.

    Attributes:
        says: what the notes say.
        meant: what is meant.
        why: in a sentence.
        as_written: the notes' form, to be run.
        as_meant: the meant form, to be run.
        difference: what decides between two gradients without any rule, or None.
    """

    says: str
    meant: str
    why: str
    as_written: Rule
    as_meant: Rule
    difference: Rule | None = None


def values(step: Step, image: int, filter: int, i: int, j: int) -> Mapping[str, Any]:
    """Return what the rules work with, by the notes' names.

    In float64, as in the gradient check: so the image is sent through the network once more.

    Args:
        step: a step of a run, at the parameters before its update.
        image: position in its batch; the gradients are that image's own.
        filter: counted from 0.
        i: row of a cell of the map, for the rules of one cell.
        j: its column.
    """
    before, labels = step.before.astype(np.float64), step.labels[image : image + 1]
    there = forward(before, step.images[image : image + 1])
    back = backward(before, there, labels)
    return MappingProxyType(
        {
            "x": there.x[0],
            "k": before.filters[filter],
            "b": float(before.filter_bias[filter]),
            "z": there.z[0, filter],
            "f": there.feature_map[0, filter],
            "P": there.pooled[0, filter],
            "indexes": np.stack(np.divmod(there.winner[0, filter], MAP[1]), axis=-1),
            "a0": there.a0[0],
            "W1": before.hidden_weights,
            "b1": before.hidden_bias,
            "z1": there.z1[0],
            "a1": there.a1[0],
            "W2": before.output_weights,
            "b2": before.output_bias,
            "z2": there.z2[0],
            "p": there.probabilities[0],
            "log_p": there.log_probabilities[0],
            "y": one_hot(labels, CLASSES, np.float64)[0],
            "delta2": back.delta2[0],
            "delta0": back.delta0[0, filter],
            "dz": back.dz[0, filter],
            "dk": back.gradients.filters[filter],
            "learning_rate": step.learning_rate,
            "i": i,
            "j": j,
        }
    )


def outcome(rule: Rule, given: Mapping[str, Any]) -> Any:
    """Run a rule on a step's values.

    Args:
        rule: one of a slip's two.
        given: from `values`.

    Returns:
        What it returns; or the exception that it raises because it asks for what is not there.
    """
    try:
        return rule(**{name: given[name] for name in inspect.signature(rule).parameters})
    except (IndexError, ValueError) as error:
        return error


SLIPS: Mapping[str, Slip] = MappingProxyType(
    {
        "pooled-side": Slip(
            "pooled side (28−2)/2 + 1 = 13",
            "(26−2)/2 + 1 = 13",
            "Pooling runs over the 26×26 feature map; with 28 the formula gives 14.",
            rules.pool_as_written,
            rules.pool_as_meant,
        ),
        "sixteen": Slip(
            "13 × 13 = [16, 1]; layers 16, 40, 10; W1 (40, 16); δ0 (16, 1)",
            "169 everywhere",
            "13·13 = 169; the last digit fell off and was carried along.",
            rules.hidden_sum_as_written,
            rules.hidden_sum_as_meant,
        ),
        "new-map": Slip(
            "the new map is (16, 26)",
            "26×26",
            "It has the feature map's shape.",
            rules.new_map_as_written,
            rules.new_map_as_meant,
        ),
        "hidden-shape": Slip(
            "A1 has shape (10, 1)",
            "(40, 1)",
            "It is the hidden layer.",
            rules.scores_as_written,
            rules.scores_as_meant,
        ),
        "output-error": Slip(
            "δ2 = η2 − 1",
            "p − y",
            "The notes' own line above it says “Cross Entropy = A2 − Y”; only at the true class "
            "is it p − 1.",
            rules.output_error_as_written,
            rules.output_error_as_meant,
            scores_by_difference,
        ),
        "cross-entropy": Slip(
            "A2 − Y is called the cross entropy",
            "it is the gradient of the cross entropy",
            "The loss itself is −log p[label].",
            rules.cross_entropy_as_written,
            rules.cross_entropy_as_meant,
        ),
        "output-gradient": Slip(
            "dW2 = δ2·a2ᵀ",
            "δ2·a1ᵀ",
            "(10,1)·(1,40) is what gives (10, 40).",
            rules.new_weights_as_written,
            rules.new_weights_as_meant,
        ),
        "hidden-error": Slip(
            "δ1 = δ2·w2 * …",
            "W2ᵀ·δ2 * …",
            "(40,10)·(10,1) is what gives (40, 1).",
            rules.hidden_error_as_written,
            rules.hidden_error_as_meant,
        ),
        "indexes": Slip(
            "indexes[i_start, j_start] = … in an (X, Y) array",
            "indexed by the pooled cell (i, j)",
            "δ0 has one entry for each pooled cell, and the back-fill reads it by that.",
            rules.indexes_as_written,
            rules.indexes_as_meant,
        ),
        "filter-sum": Slip(
            "the filter sum runs u, v = 0..3, and again over x, y",
            "u, v in 0..2, for each (i, j)",
            "The filter is 3×3; the outer sums are the loops over the map.",
            rules.cell_as_written,
            rules.cell_as_meant,
        ),
        "bias-rule": Slip(
            "d_filter_bias = sum(dw)",
            "Σ dz",
            "The bias is added once for each cell of z, so its gradient is the sum of dz, not of "
            "the nine filter gradients; a finite difference shows it.",
            rules.bias_gradient_as_written,
            rules.bias_gradient_as_meant,
            bias_by_difference,
        ),
    }
)
"""In the order of the notes."""
