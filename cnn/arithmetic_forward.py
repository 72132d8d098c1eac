"""The arithmetic of the way forward (the notes, section 1), one function a quantity."""

import math
from collections.abc import Sequence
from dataclasses import replace

from cnn.arithmetic_parts import Arithmetic, Factor, Operation, Term, by_size, product
from cnn.arithmetic_places import Cell, pooled_over, window_of_map
from cnn.convolution import SIDE
from cnn.network import CLASSES, IMAGE, MAP, PIXEL_MAX, pooled_size

AT_LEAST_0 = Operation("at least", Factor("0", 0.0))


def image(cell: Cell) -> Arithmetic:
    """``x[i,j] = pixel[i,j] / 255``."""
    i, j = cell.position
    pixel = Factor(f"pixel[{i},{j}]", float(cell.step.images[cell.image, i, j]))
    scaled = Operation("divide", Factor(str(PIXEL_MAX), float(PIXEL_MAX)))
    return Arithmetic(*cell.heading(), (product(pixel),), operation=scaled)


def pixel_under(cell: int, weight: int) -> int:
    """Return the pixel that a filter's weight meets when the filter stands at a cell of z."""
    (i, j), (u, v) = divmod(cell, MAP[1]), divmod(weight, SIDE)
    return (i + u) * IMAGE[1] + j + v


def convolution(cell: Cell) -> Arithmetic:
    """``z[i,j] = Σ_u Σ_v k[u,v]·x[i+u, j+v] + b``: nine products in row order, and b."""
    weights = range(SIDE * SIDE)
    pixels = [pixel_under(cell.index, weight) for weight in weights]
    terms = map(product, cell.factors("filters", weights), cell.factors("x", pixels))
    bias = product(cell.factor("filter_bias", 0))
    routing = cell.routing(pooled_over(cell.index))
    return Arithmetic(*cell.heading(), tuple(terms), bias=bias, routing=routing)


def feature_map(cell: Cell) -> Arithmetic:
    """``f[i,j] = max(0, z[i,j])``."""
    routing = cell.routing(pooled_over(cell.index))
    z = product(cell.factor("z", cell.index))
    return Arithmetic(*cell.heading(), (z,), operation=AT_LEAST_0, routing=routing)


def pooled(cell: Cell) -> Arithmetic:
    """``P[i,j] = max(window)``: four candidates, in row order."""
    candidates = map(product, cell.factors("feature_map", window_of_map(cell.index)))
    routing = cell.routing(cell.index)
    return Arithmetic(*cell.heading(), tuple(candidates), combine="max", routing=routing)


def flattened(cell: Cell) -> Arithmetic:
    """``a0[s] = P[i,j]``, of the filter and the place that s stands for."""
    filter, index = divmod(cell.index, pooled_size(1))
    return Arithmetic(*cell.heading(), (product(cell.of_filter(filter).factor("pooled", index)),))


def inputs(cell: Cell, indices: Sequence[int], image: int | None = None) -> list[Factor]:
    """Look up values of a0, each with its place on a pooled map, where it can be seen."""
    maps = [cell.of_filter(filter) for filter in range(len(cell.step.before.filters))]
    found = []
    for s, a0 in zip(indices, cell.factors("a0", indices, image), strict=True):
        filter, index = divmod(s, pooled_size(1))
        found.append(replace(a0, place=maps[filter].place("pooled", index, image)))
    return found


def hidden_sum(cell: Cell) -> Arithmetic:
    """``z1[r] = Σ_s W1[r,s]·a0[s] + b1[r]``: f·169 products, the largest first."""
    count = cell.array("a0").size
    row = range(cell.index * count, (cell.index + 1) * count)
    terms = map(product, cell.factors("hidden_weights", row), inputs(cell, range(count)))
    bias = product(cell.factor("hidden_bias", cell.index))
    return Arithmetic(*cell.heading(), by_size(terms), bias=bias)


def hidden(cell: Cell) -> Arithmetic:
    """``a1[r] = max(0, z1[r])``."""
    z1 = product(cell.factor("z1", cell.index))
    return Arithmetic(*cell.heading(), (z1,), operation=AT_LEAST_0)


def score(cell: Cell) -> Arithmetic:
    """``z2[c] = Σ_r W2[c,r]·a1[r] + b2[c]``: h products, the largest first."""
    count = cell.array("a1").size
    row = range(cell.index * count, (cell.index + 1) * count)
    weights, values = cell.factors("output_weights", row), cell.factors("a1", range(count))
    bias = product(cell.factor("output_bias", cell.index))
    return Arithmetic(*cell.heading(), by_size(map(product, weights, values)), bias=bias)


def probability(cell: Cell) -> Arithmetic:
    """``p[c] = e^(z2[c] − m) / Σ_d e^(z2[d] − m)``: the ten powers, and the c-th over them."""
    scores = cell.factors("z2", range(CLASSES))
    highest = max(scores, key=lambda score: score.value)
    m = Factor("m", highest.value, highest.place)
    powers = [Term((z2, m), math.exp(z2.value - m.value), "power") for z2 in scores]
    own = powers[cell.index]
    share = Operation("share", Factor(own.symbol, own.value))
    return Arithmetic(*cell.heading(), tuple(powers), operation=share)


def loss(cell: Cell) -> Arithmetic:
    """``loss = −Σ_c y[c]·log p[c]``: ten terms, of which only the label's is not 0.

    log p is the one that the network keeps beside p: it stays finite where p rounds to 0.
    """
    label = int(cell.step.labels[cell.image])
    logarithms = cell.step.forward.log_probabilities[cell.image].tolist()
    terms = []
    for c, p in enumerate(cell.factors("probabilities", range(CLASSES))):
        y = Factor(f"−y[{c}]", -1.0 if c == label else 0.0)
        # Not multiplied by the 0: an infinite loss of one class is not another's.
        terms.append(Term((y, p), -logarithms[c] if c == label else 0.0, "log"))
    return Arithmetic(*cell.heading(), tuple(terms))


def batch_loss(cell: Cell) -> Arithmetic:
    """``mean loss = Σ loss / n``: the losses of the n images, the largest first."""
    n = len(cell.step.labels)
    losses = by_size(product(cell.factor("loss", 0, image)) for image in range(n))
    return Arithmetic(*cell.heading(), losses, operation=mean_over(n))


def mean_over(n: int) -> Operation | None:
    """Divide by the images of a batch; one image is its own mean."""
    return Operation("divide", Factor("n", float(n))) if n > 1 else None


def given(cell: Cell) -> Arithmetic:
    """Return a parameter as the step found it: nothing in this step made it."""
    own = cell.factor(cell.quantity, cell.index)
    return Arithmetic(*cell.heading(), (product(Factor(own.symbol, own.value)),))
