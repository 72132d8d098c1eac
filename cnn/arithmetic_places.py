"""Where every number of a step lives: which array it stands in, and by which name."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter

import numpy as np

from cnn.arithmetic_parts import Factor, Outcome, Place, Routing
from cnn.arithmetic_words import EXPLANATIONS
from cnn.arrays import Array
from cnn.network import MAP, POOLED, BiasRule
from cnn.step import Step


@dataclass(frozen=True, slots=True)
class Home:
    """The array of a step that a quantity is kept in.

    Attributes:
        symbol: the notes' letter.
        array: where a `Step` has it.
        axes: the leading ones that `Cells` takes an entry of: n images, f filters.
    """

    symbol: str
    array: str
    axes: str = ""


HOMES = {
    "x": Home("x", "forward.x", "n"),
    "z": Home("z", "forward.z", "nf"),
    "feature_map": Home("f", "forward.feature_map", "nf"),
    "pooled": Home("P", "forward.pooled", "nf"),
    "a0": Home("a0", "forward.a0", "n"),
    "z1": Home("z1", "forward.z1", "n"),
    "a1": Home("a1", "forward.a1", "n"),
    "z2": Home("z2", "forward.z2", "n"),
    "probabilities": Home("p", "forward.probabilities", "n"),
    "loss": Home("loss", "backward.losses", "n"),
    "batch_loss": Home("mean loss", "loss"),
    "delta2": Home("δ2", "backward.delta2", "n"),
    "delta1": Home("δ1", "backward.delta1", "n"),
    "delta0": Home("δ0", "backward.delta0", "nf"),
    "backfill": Home("backfill", "backward.backfill", "nf"),
    "dz": Home("dz", "backward.dz", "nf"),
    "dk": Home("dk", "backward.gradients.filters", "f"),
    "db": Home("db", "backward.gradients.filter_bias", "f"),
    "dW1": Home("dW1", "backward.gradients.hidden_weights"),
    "db1": Home("db1", "backward.gradients.hidden_bias"),
    "dW2": Home("dW2", "backward.gradients.output_weights"),
    "db2": Home("db2", "backward.gradients.output_bias"),
    "filters": Home("k", "before.filters", "f"),
    "filter_bias": Home("b", "before.filter_bias", "f"),
    "hidden_weights": Home("W1", "before.hidden_weights"),
    "hidden_bias": Home("b1", "before.hidden_bias"),
    "output_weights": Home("W2", "before.output_weights"),
    "output_bias": Home("b2", "before.output_bias"),
    "new_filters": Home("new k", "after.filters", "f"),
    "new_filter_bias": Home("new b", "after.filter_bias", "f"),
    "new_hidden_weights": Home("new W1", "after.hidden_weights"),
    "new_hidden_bias": Home("new b1", "after.hidden_bias"),
    "new_output_weights": Home("new W2", "after.output_weights"),
    "new_output_bias": Home("new b2", "after.output_bias"),
}


@dataclass(frozen=True, slots=True)
class Cell:
    """One number of a step, from where all the others that it is made of are looked up.

    Attributes:
        step: the step.
        quantity: a key of `HOMES`.
        index: flat position in the quantity's array, for one image and one filter.
        image: position in the batch; what has no image of its own ignores it.
        filter: counted from 0; what belongs to no filter ignores it.
        bias_rule: by which the step took the gradient of the filters' biases.
    """

    step: Step
    quantity: str
    index: int
    image: int
    filter: int
    bias_rule: BiasRule

    @property
    def position(self) -> tuple[int, ...]:
        """The index, axis by axis."""
        shape = self.array(self.quantity).shape
        return tuple(int(i) for i in np.unravel_index(self.index, shape))

    def array(self, quantity: str, image: int | None = None) -> Array:
        """What a quantity has for the cell's image, or another one, and the cell's filter."""
        axes, array = HOMES[quantity].axes, np.asarray(attrgetter(HOMES[quantity].array)(self.step))
        if "n" in axes:
            array = array[self.image if image is None else image]
        return np.asarray(array[self.filter] if "f" in axes else array)

    def place(self, quantity: str, index: int, image: int | None = None) -> Place:
        """Name a place that has the cell's image, or another one, and the cell's filter."""
        axes = HOMES[quantity].axes
        of_image = (self.image if image is None else image) if "n" in axes else None
        return Place(quantity, index, of_image, self.filter if "f" in axes else None)

    def factors(
        self, quantity: str, indices: Iterable[int], image: int | None = None
    ) -> list[Factor]:
        """Look numbers up, of the cell's image or another one and the cell's filter."""
        array, indices = self.array(quantity, image), list(indices)
        values, name = array.reshape(-1)[indices].tolist(), _namer(quantity, array.shape)
        return [
            Factor(name(index), value, self.place(quantity, index, image))
            for index, value in zip(indices, values, strict=True)
        ]

    def of_filter(self, filter: int) -> "Cell":
        """Return a view on the same image and another filter."""
        return replace(self, filter=filter)

    def factor(self, quantity: str, index: int, image: int | None = None) -> Factor:
        """Look one number up."""
        return self.factors(quantity, [index], image)[0]

    def heading(self, rule: str | None = None) -> tuple[Place, str, str, float]:
        """What an `Arithmetic` of this cell begins with: place, symbol, rule, stored number."""
        own = self.factor(self.quantity, self.index)
        # A zero with a minus sign is a zero.
        stored = own.value + 0.0
        return (
            self.place(self.quantity, self.index),
            own.symbol,
            rule or EXPLANATIONS[self.quantity].equation,
            stored,
        )

    def routing(self, pooled: int) -> Routing:
        """How the window of a pooled cell ended, for the cell's image and filter."""
        window = window_of_map(pooled)
        values = self.array("feature_map").reshape(-1)[window].tolist()
        winner = int(self.step.forward.winner[self.image, self.filter].reshape(-1)[pooled])
        outcome: Outcome = "tie" if values.count(max(values)) > 1 else "unique"
        return Routing(
            self.place("pooled", pooled),
            tuple(self.place("feature_map", index) for index in window),
            self.place("feature_map", winner),
            "dead" if max(values) == 0 else outcome,
        )


def window_of_map(pooled: int) -> list[int]:
    """Return the four cells of the map under a pooled cell, in row order."""
    i, j = divmod(pooled, POOLED[1])
    return [(2 * i + m // 2) * MAP[1] + 2 * j + m % 2 for m in range(4)]


def pooled_over(cell: int) -> int:
    """Return the pooled cell whose window holds a cell of the map."""
    i, j = divmod(cell, MAP[1])
    return i // 2 * POOLED[1] + j // 2


def _namer(quantity: str, shape: Sequence[int]) -> Callable[[int], str]:
    """Return what writes a position behind the notes' letter: ``z[12,7]``, ``δ1[4]``, ``b``."""
    symbol = HOMES[quantity].symbol
    if not shape:
        return lambda index: symbol
    if len(shape) == 1:
        return lambda index: f"{symbol}[{index}]"
    return lambda index: f"{symbol}[{index // shape[1]},{index % shape[1]}]"
