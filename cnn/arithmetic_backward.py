"""The arithmetic of the way back and of the update (the notes, sections 2 and 3)."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from cnn.arithmetic_forward import inputs, mean_over, pixel_under
from cnn.arithmetic_parts import Arithmetic, Blocked, Factor, Operation, Term, by_size, product
from cnn.arithmetic_places import Cell, pooled_over
from cnn.arithmetic_words import EXPLANATIONS
from cnn.convolution import SIDE
from cnn.network import CLASSES, pooled_size

EPSILON = 2.0**-23
"""From 1 to the next float32."""

GRADIENTS = {
    "new_filters": ("filters", "dk"),
    "new_filter_bias": ("filter_bias", "db"),
    "new_hidden_weights": ("hidden_weights", "dW1"),
    "new_hidden_bias": ("hidden_bias", "db1"),
    "new_output_weights": ("output_weights", "dW2"),
    "new_output_bias": ("output_bias", "db2"),
}
"""What each new parameter is made of: the old one and its gradient."""


def output_error(cell: Cell) -> Arithmetic:
    """``δ2[c] = p[c] − y[c]``."""
    p, label = cell.factor("probabilities", cell.index), cell.step.labels[cell.image]
    y = Factor(f"−y[{cell.index}]", -1.0 if cell.index == label else 0.0)
    return Arithmetic(*cell.heading(), (product(p), product(y)))


def hidden_error(cell: Cell) -> Arithmetic:
    """``δ1[r] = (Σ_c W2[c,r]·δ2[c]) · ReLU'(z1[r])``: ten products, and the ReLU's gate."""
    units = cell.array("delta1").size
    column = range(cell.index, CLASSES * units, units)
    weights, errors = cell.factors("output_weights", column), cell.factors("delta2", range(CLASSES))
    z1 = cell.factor("z1", cell.index)
    return Arithmetic(
        *cell.heading(),
        tuple(map(product, weights, errors)),
        operation=Operation("gate", z1),
        blocked=None if z1.value > 0 else Blocked.RELU_OFF,
    )


def pooled_error(cell: Cell) -> Arithmetic:
    """``δ0[i,j] = Σ_r W1[r,s]·δ1[r]``: h products, the largest first."""
    units, count = cell.array("hidden_weights").shape
    s = pooled_size(1) * cell.filter + cell.index
    weights = cell.factors("hidden_weights", range(s, units * count, count))
    terms = map(product, weights, cell.factors("delta1", range(units)))
    return Arithmetic(*cell.heading(), by_size(terms), routing=cell.routing(cell.index))


def backfill(cell: Cell) -> Arithmetic:
    """``backfill[winner[i,j]] = δ0[i,j]``, and nothing in the other cells of the window."""
    pooled = pooled_over(cell.index)
    routing = cell.routing(pooled)
    won = routing.winner.index == cell.index
    return Arithmetic(
        *cell.heading(),
        (product(cell.factor("delta0", pooled)),) if won else (),
        routing=routing,
        blocked=None if won else Blocked.NOT_THE_WINNER,
    )


def convolution_error(cell: Cell) -> Arithmetic:
    """``dz[i,j] = backfill[i,j] · ReLU'(f[i,j])``."""
    routing = cell.routing(pooled_over(cell.index))
    blocked = None if routing.winner.index == cell.index else Blocked.NOT_THE_WINNER
    return Arithmetic(
        *cell.heading(),
        (product(cell.factor("backfill", cell.index)),),
        operation=Operation("gate", cell.factor("feature_map", cell.index)),
        routing=routing,
        blocked=Blocked.DEAD_WINDOW if routing.outcome == "dead" else blocked,
    )


def active(cell: Cell, image: int) -> list[int]:
    """Return the cells of an image's dz through which an error passes."""
    return [int(index) for index in np.flatnonzero(cell.array("dz", image))]


def filter_gradient(cell: Cell) -> Arithmetic:
    """``dk[u,v] = Σ_i Σ_j dz[i,j]·x[i+u, j+v]``: the active cells of all images."""
    terms: list[Term] = []
    for image in range(len(cell.step.labels)):
        cells = active(cell, image)
        pixels = [pixel_under(index, cell.index) for index in cells]
        terms += map(product, cell.factors("dz", cells, image), cell.factors("x", pixels, image))
    blocked = None if terms else Blocked.NO_ERROR
    return replace(_mean(cell, terms), blocked=blocked)


def filter_bias_gradient(cell: Cell) -> Arithmetic:
    """``db = Σ_i Σ_j dz[i,j]``, or by the notes' rule the sum of the nine dk."""
    if cell.bias_rule == "notes":
        nine = map(product, cell.factors("dk", range(SIDE * SIDE)))
        found = Arithmetic(*cell.heading("db = Σ_u Σ_v dk[u,v]"), tuple(nine))
    else:
        terms: list[Term] = []
        for image in range(len(cell.step.labels)):
            terms += map(product, cell.factors("dz", active(cell, image), image))
        found = replace(_mean(cell, terms), blocked=None if terms else Blocked.NO_ERROR)
    if not _followed(found):
        raise ValueError(f"The step did not take db by the rule {cell.bias_rule!r}.")
    return found


def _followed(found: Arithmetic) -> bool:
    """Whether the stored number can be this sum, which no order of adding takes further off.

    A step does not know its bias rule, and by the wrong one the page would show a sum beside a
    number that it is not.
    """
    sizes = tuple(replace(term, value=abs(term.value)) for term in found.terms)
    allowed = (len(sizes) + 2) * EPSILON * replace(found, terms=sizes).result
    return not abs(found.result - found.stored) > allowed  # what is not finite may be anything


def hidden_weight_gradient(cell: Cell) -> Arithmetic:
    """``dW1[r,s] = δ1[r]·a0[s]``: one product for each image."""
    r, s = cell.position
    images = range(len(cell.step.labels))
    return _mean(
        cell,
        (product(cell.factor("delta1", r, n), *inputs(cell, [s], n)) for n in images),
    )


def output_weight_gradient(cell: Cell) -> Arithmetic:
    """``dW2[c,r] = δ2[c]·a1[r]``: one product for each image."""
    c, r = cell.position
    images = range(len(cell.step.labels))
    return _mean(
        cell, (product(cell.factor("delta2", c, n), cell.factor("a1", r, n)) for n in images)
    )


def bias_gradient(cell: Cell) -> Arithmetic:
    """``db1[r] = δ1[r]`` and ``db2[c] = δ2[c]``: one error for each image."""
    error = {"db1": "delta1", "db2": "delta2"}[cell.quantity]
    images = range(len(cell.step.labels))
    return _mean(cell, (product(cell.factor(error, cell.index, n)) for n in images))


def update(cell: Cell) -> Arithmetic:
    """``new θ = θ − η·dθ``; a digit that is only looked at changes nothing."""
    parameter, gradient = GRADIENTS[cell.quantity]
    old = product(cell.factor(parameter, cell.index))
    if cell.step.after is cell.step.before:
        return Arithmetic(*cell.heading(), (old,), blocked=Blocked.NOT_TRAINED)
    eta = Factor("−η", -cell.step.learning_rate)
    return Arithmetic(*cell.heading(), (old, product(eta, cell.factor(gradient, cell.index))))


def _mean(cell: Cell, terms: Iterable[Term]) -> Arithmetic:
    """Add up the terms of all images, the largest first, and divide by their number."""
    n, rule = len(cell.step.labels), EXPLANATIONS[cell.quantity].equation
    if n > 1:
        rule += f", the mean over the {n} images"
    return Arithmetic(*cell.heading(rule), by_size(terms), operation=mean_over(n))
