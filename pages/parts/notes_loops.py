"""The notes' loops run on a step, beside what the step holds."""

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

import numpy as np
import numpy.typing as npt

from cnn import Step, as_in_the_notes, backward, forward, updated
from cnn.arrays import Array
from cnn.loss import one_hot
from cnn.network import CLASSES, MAP, pooled_size
from pages.parts.notes_live import Moment
from pages.parts.wording import significant

MOST_WEIGHTS = 60_000
"""Weights of the hidden layer that the loops go through, four times, in some 50 ms."""


@dataclass(frozen=True, eq=False)
class Compared:
    """A quantity in two ways.

    Attributes:
        symbol: the notes' letter.
        loop: the name of the loop.
        stored: what the network's code made.
        looped: what the loop makes of the same numbers.
    """

    symbol: str
    loop: str
    stored: npt.NDArray[np.floating | np.integer]
    looped: npt.NDArray[np.floating | np.integer]

    @property
    def difference(self) -> float:
        """The largest, 0 where they are equal."""
        stored, looped = (side.astype(np.float64) for side in (self.stored, self.looped))
        return float(np.abs(stored - looped).max(initial=0.0))

    @property
    def largest(self) -> float:
        """The largest number among the stored ones, without its sign."""
        return float(np.abs(self.stored.astype(np.float64)).max(initial=0.0))


def compared(step: Step, image: int, filter: int) -> Iterator[Compared]:
    """Run every loop on what the network's code had in hand, one layer after the other.

    Args:
        step: any step.
        image: of its batch, sent through the network alone, as the loops do.
        filter: whose maps.
    """
    one = slice(image, image + 1)
    before, rate, labels = step.before, step.learning_rate, step.labels[one]
    there = forward(before, step.images[one])
    back = backward(before, there, labels)
    loops, y = as_in_the_notes, one_hot(labels, CLASSES, np.float64)[0]

    x, k, b = _wide(there.x[0]), _wide(before.filters[filter]), float(before.filter_bias[filter])
    z, f, P = (_wide(maps[0, filter]) for maps in (there.z, there.feature_map, there.pooled))
    a0, a1, z1, z2 = _wide(there.a0[0]), _wide(there.a1[0]), _wide(there.z1[0]), _wide(there.z2[0])
    W1, b1 = _wide(before.hidden_weights), _wide(before.hidden_bias)
    W2, b2 = _wide(before.output_weights), _wide(before.output_bias)
    p, delta2, delta1 = (
        _wide(errors[0]) for errors in (there.probabilities, back.delta2, back.delta1)
    )
    delta0, backfill, dz = (
        _wide(maps[0, filter]) for maps in (back.delta0, back.backfill, back.dz)
    )
    dk = _wide(back.gradients.filters[filter])
    indexes = np.stack(np.divmod(there.winner[0, filter], MAP[1]), axis=-1)
    size = pooled_size(1)
    own = slice(filter * size, (filter + 1) * size)
    yield Compared("x", "image", x, loops.image(step.images[image]))
    yield Compared("z", "convolution", z, loops.convolution(x, k, b))
    yield Compared("f", "relu", f, loops.relu(z))
    pooled, where = loops.pooling(f)
    yield Compared("P", "pooling", P, pooled)
    yield Compared("winner", "pooling", indexes, where)
    yield Compared("a0", "flatten", a0[own], loops.flatten(P))

    whole = W1.size <= MOST_WEIGHTS
    if whole:
        yield Compared("z1", "dense", z1, loops.dense(W1, a0, b1))
    yield Compared("a1", "relu", a1, loops.relu(z1))
    yield Compared("z2", "dense", z2, loops.dense(W2, a1, b2))
    yield Compared("p", "softmax", p, loops.softmax(z2))
    yield Compared("loss", "cross_entropy", back.losses, _one(loops.cross_entropy(z2, y)))

    gradients = back.gradients
    yield Compared("δ2", "output_error", delta2, loops.output_error(p, y))
    dW2 = loops.weight_gradient(delta2, a1)
    yield Compared("dW2", "weight_gradient", gradients.output_weights, dW2)
    error = loops.through_relu(loops.through_weights(W2, delta2), z1)
    yield Compared("δ1", "through_weights, through_relu", delta1, error)
    if whole:
        dW1 = loops.weight_gradient(delta1, a0)
        yield Compared("dW1", "weight_gradient", gradients.hidden_weights, dW1)
        grid = loops.to_grid(loops.through_weights(W1, delta1)[own])
        yield Compared("δ0", "through_weights, to_grid", delta0, grid)
    yield Compared("backfill", "back_fill", backfill, loops.back_fill(delta0, indexes))
    yield Compared("dz", "through_relu", dz, loops.through_relu(backfill, f))
    db = gradients.filter_bias[filter : filter + 1]
    yield Compared("dk", "filter_gradient", dk, loops.filter_gradient(dz, x))
    yield Compared("db", "filter_bias_gradient", db, _one(loops.filter_bias_gradient(dz)))

    new = updated(before, gradients, rate)
    yield Compared("new k", "update", new.filters[filter], loops.update(k, dk, rate))
    if whole:
        again = loops.update(W1, dW1, rate)
        yield Compared("new W1", "update", new.hidden_weights, again)


def _wide(values: Array) -> Array:
    """The same in float64, in which the loops are to compute."""
    return values.astype(np.float64)


def _one(value: float) -> Array:
    return np.array([value])


def agreement(moment: Moment) -> str:
    """Write for every quantity how far the loops and the code lie apart, in HTML."""
    step, filter = moment.step, moment.thread.filter
    rows = "".join(
        f'<tr data-loop="{escape(one.symbol)}"><th scope="row"><var>{escape(one.symbol)}</var></th>'
        f"<td><code>{escape(one.loop)}</code></td><td>{one.stored.size:,}</td>"
        f"<td>{significant(one.largest, 3)}</td>"
        f"<td>{significant(one.difference, 2) if one.difference else 'none'}</td></tr>"
        for one in compared(step, moment.image, filter)
    )
    left_out = ""
    if (count := step.before.hidden_weights.size) > MOST_WEIGHTS:
        left_out = f"<p>The loops over the {count:,} weights of W1 would take too long here.</p>"
    several = len(step.before.filters) > 1
    of_filter = f", and the maps of filter {filter + 1}" if several else ""
    alone = " alone, so every gradient is its own" if len(step.labels) > 1 else ""
    return (
        f"<p>Run just now, on one image of step {step.number:,}{alone}{of_filter}:</p>"
        '<div class="scroll"><table class="numbers"><thead><tr><th scope="col"></th>'
        '<th scope="col">loop</th><th scope="col">numbers</th>'
        '<th scope="col">largest number</th><th scope="col">largest difference</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div>{left_out}"
    )
