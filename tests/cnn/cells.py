"""Steps whose every number can be asked for, and what must hold of the arithmetic behind one.

Where a factor lives is looked up by a table of its own, `held`, and what is written on a page is
rounded by `whole` with whole numbers.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

import numpy as np

from cnn import Parameters, Recipe, Run, Step, backward, forward, updated
from cnn.arithmetic import EXPLANATIONS, Arithmetic, Blocked, Decimals, Factor, Place, Term, explain
from cnn.network import PARAMETER_NAMES, BiasRule
from data import load_bundled

EPS = 2.0**-23  # from 1 to the next float32


TINY = 2.0**-126  # below it float32 loses digits

EXACT = {"feature_map", "pooled", "a0", "a1", "loss", "backfill", "dz", *PARAMETER_NAMES}
"""Nothing is rounded on the way to these: they are chosen, copied or given."""

GRADIENT_OF = dict(zip(PARAMETER_NAMES, ("dk", "db", "dW1", "db1", "dW2", "db2"), strict=True))


SHARED = {"batch_loss", *GRADIENT_OF, *GRADIENT_OF.values(), *(f"new_{n}" for n in GRADIENT_OF)}


OF_A_FILTER = {
    "z", "feature_map", "pooled", "delta0", "backfill", "dz", "dk", "db",
    "filters", "filter_bias", "new_filters", "new_filter_bias",
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A step and the rule that it was taken by."""

    step: Step
    rule: BiasRule

    def explain(self, quantity: str, index: int, image: int = 0, filter: int = 0) -> Arithmetic:
        return explain(self.step, quantity, index, image, filter, self.rule)


def made(
    parameters: Parameters,
    images: np.ndarray,
    labels: list[int],
    rule: BiasRule = "exact",
    rate: float = 0.03,
) -> Case:
    """Step 412 of a run that never was."""
    truth = np.array(labels)
    values = forward(parameters, images)
    errors = backward(parameters, values, truth, rule)
    after = updated(parameters, errors.gradients, rate)
    indices = np.arange(len(truth))
    step = Step(412, 1, indices, images, truth, rate, parameters, after, values, errors)
    return Case(step, rule)


def trained(rule: BiasRule, filters: int, batch: int, step: int) -> Case:
    digits = load_bundled()
    recipe = Recipe(filters=filters, batch=batch, bias_rule=rule, learning_rate=0.02)
    run = Run(recipe, digits.images, digits.labels)
    run.advance(step)
    return Case(run.at(step), rule)


def a_network(
    seed: int, filters: int, hidden: int = 40, scale: float = 1, bias: float = 0.2
) -> Parameters:
    """Weights of the size of drawn ones, or scaled, and biases that are not 0."""
    generator = np.random.default_rng(seed)
    inputs = filters * 169

    def normal(size: float, *shape: int) -> np.ndarray:
        return generator.normal(scale=size * scale, size=shape).astype(np.float32)

    return Parameters.from_arrays(
        filters=normal(0.5, filters, 3, 3),
        filter_bias=normal(bias, filters),
        hidden_weights=normal((2 / inputs) ** 0.5, hidden, inputs),
        hidden_bias=normal(bias, hidden),
        output_weights=normal((2 / hidden) ** 0.5, 10, hidden),
        output_bias=normal(bias, 10),
    )


def some_images(seed: int, n: int, kind: str) -> np.ndarray:
    generator = np.random.default_rng(seed)
    images = np.zeros((n, 28, 28), np.uint8)
    if kind == "noise":
        images[:] = generator.integers(0, 256, images.shape)
    elif kind == "stroke":  # wide and even, so that windows inside and outside it are ties
        images[:, 4:24, 9:19] = 253
        images[:, 4, 9:19] = generator.integers(0, 256, (n, 10))
    return images


def ties_and_dead_windows() -> Case:
    """Empty paper around an even stroke, with a bias above 0, one below and one at 0."""
    drawn = a_network(5, 3)
    arrays = {name: np.array(getattr(drawn, name)) for name in PARAMETER_NAMES}
    arrays["filter_bias"][:] = 0.25, -0.25, 0
    return made(Parameters.from_arrays(**arrays), some_images(1, 2, "stroke"), [3, 8])


def all_units_off() -> Case:
    drawn = a_network(6, 2)
    arrays = {name: np.array(getattr(drawn, name)) for name in PARAMETER_NAMES}
    arrays["hidden_bias"][:] = -1000
    return made(Parameters.from_arrays(**arrays), some_images(2, 3, "noise"), [1, 2, 3], "notes")


MAKERS = {
    "step 1": lambda: trained("exact", 1, 1, 1),
    "late": lambda: trained("exact", 1, 1, 3000),
    "notes' rule, 8 filters": lambda: trained("notes", 8, 1, 400),
    "notes' rule, batch": lambda: trained("notes", 1, 32, 60),
    "8 filters, batch": lambda: trained("exact", 8, 32, 40),
    "ties and dead windows": ties_and_dead_windows,
    "empty paper": lambda: made(a_network(8, 2), some_images(0, 1, "empty"), [0]),
    "all units off": all_units_off,
    "huge": lambda: made(a_network(9, 2, scale=300), some_images(3, 2, "noise"), [5, 6], rate=10),
    "small": lambda: made(a_network(7, 1, scale=1e-4), some_images(4, 2, "noise"), [5, 6]),
}


@cache
def case_called(name: str) -> Case:
    return MAKERS[name]()


def held(step: Step, place: Place) -> float:
    """What the step holds at a place, by a table that is not the one under test."""
    values, errors = step.forward, step.backward
    n, f, gradients = place.image, place.filter, step.backward.gradients
    quantity = place.quantity
    if quantity in SHARED:
        assert n is None, place
    else:
        assert n is not None, place
    assert (f is not None) == (quantity in OF_A_FILTER), place
    if quantity == "batch_loss":
        assert place.index == 0
        return step.loss
    if quantity == "loss":
        assert place.index == 0
        return float(errors.losses[n])
    for name, gradient in GRADIENT_OF.items():
        for symbol, kept in (
            (name, step.before),
            (gradient, gradients),
            (f"new_{name}", step.after),
        ):
            if quantity == symbol:
                array = getattr(kept, name)
                chosen = array if f is None else array[f]
                return float(np.ravel(chosen)[place.index])
    array = getattr(values if hasattr(values, quantity) else errors, quantity)
    return float(np.ravel(array[n] if f is None else array[n, f])[place.index])


def size_of(case: Case, quantity: str) -> int:
    """How many cells a quantity has, for one image and one filter."""
    f, h = len(case.step.before.filters), len(case.step.before.hidden_bias)
    pooled = f * 169
    sizes = {
        "x": 784, "z": 676, "feature_map": 676, "backfill": 676, "dz": 676, "pooled": 169,
        "delta0": 169, "a0": pooled, "z1": h, "a1": h, "delta1": h, "z2": 10, "probabilities": 10,
        "delta2": 10, "loss": 1, "batch_loss": 1, "filters": 9, "filter_bias": 1,
        "hidden_weights": h * pooled, "hidden_bias": h, "output_weights": 10 * h, "output_bias": 10,
    }  # fmt: skip
    for name, gradient in GRADIENT_OF.items():
        sizes[gradient] = sizes[f"new_{name}"] = sizes[name]
    return sizes[quantity]


def some_cells(case: Case, count: int = 6) -> Iterator[Arithmetic]:
    """Cells of every quantity: the first, the last, and some in between."""
    generator = np.random.default_rng(0)
    for quantity in EXPLANATIONS:
        size = size_of(case, quantity)
        drawn = {0, size - 1, *generator.integers(0, size, count).tolist()}
        if quantity in ("dk", "db"):  # with up to 5,408 terms: one of them
            drawn = {size // 2}
        for index in sorted(drawn):
            image = int(generator.integers(len(case.step.labels)))
            filter = int(generator.integers(len(case.step.before.filters)))
            yield case.explain(quantity, index, image, filter)


def summands(arithmetic: Arithmetic) -> list[float]:
    values = [term.value for term in arithmetic.terms]
    values += [arithmetic.rest.value] if arithmetic.rest else []
    return values + ([arithmetic.bias.value] if arithmetic.bias else [])


def magnitude(arithmetic: Arithmetic) -> float:
    """Σ|term|, put through the operation where that divides."""
    size = sum(map(abs, summands(arithmetic)))
    if arithmetic.operation and arithmetic.operation.kind == "divide":
        size /= arithmetic.operation.operand.value
    return size


def float32_bound(case: Case, arithmetic: Arithmetic) -> float:
    """How far float32 may have taken the stored number: what `Arithmetic` promises."""
    place, count = arithmetic.place, len(summands(arithmetic))
    if place.quantity in EXACT:
        return 0
    if place.quantity == "probabilities":
        # As in test_network: the exponents are rounded like |z2|.
        spread = float(np.ptp(case.step.forward.z2[place.image]))
        return (14 + 2 * spread) * EPS * arithmetic.result + TINY
    return (2 + count**0.5) * EPS * magnitude(arithmetic) + (count + 2) * TINY


def assert_right(case: Case, arithmetic: Arithmetic) -> None:
    """Stored where it says; the terms come to it; every factor stands where it says."""
    assert arithmetic.stored == held(case.step, arithmetic.place)
    bound = float32_bound(case, arithmetic)
    assert abs(arithmetic.result - arithmetic.stored) <= bound, arithmetic.place
    terms = [*arithmetic.terms, *([arithmetic.bias] if arithmetic.bias else [])]
    for term in terms:
        assert_term_right(case, arithmetic, term)
    if arithmetic.operation:
        assert_factor_right(case, arithmetic, arithmetic.operation.operand)
    if arithmetic.blocked and arithmetic.blocked is not Blocked.NOT_TRAINED:
        assert arithmetic.stored == 0


def assert_term_right(case: Case, arithmetic: Arithmetic, term: Term) -> None:
    values = [factor.value for factor in term.factors]
    if term.form == "product":
        assert term.value == math.prod(values)
    elif term.form == "power":
        assert term.value == math.exp(values[0] - values[1])
    elif values[0] == 0:
        assert term.value == 0
    elif values[1] > TINY:  # what log p is where p has all its digits
        assert abs(term.value - values[0] * math.log(values[1])) <= 4 * EPS * (1 + term.value)
    else:
        assert math.isfinite(term.value)
    for factor in term.factors:
        assert_factor_right(case, arithmetic, factor)


def assert_factor_right(case: Case, arithmetic: Arithmetic, factor: Factor) -> None:
    """What lives on a map stands there, under the symbol's position; the rest is known."""
    step, place = case.step, factor.place
    if place is not None:
        assert factor.value == held(step, place), factor
        if place.image is not None and arithmetic.place.image is not None:
            assert place.image == arithmetic.place.image
        assert_symbol_names(case, factor.symbol, place)
    elif factor.symbol == "−η":
        assert factor.value == -step.learning_rate
    elif factor.symbol == "n":
        assert factor.value == len(step.labels)
    elif factor.symbol.startswith("−y"):
        label = step.labels[arithmetic.place.image]
        assert factor.value == -(factor.symbol == f"−y[{label}]")
    elif factor.symbol.startswith("pixel"):
        i, j = divmod(arithmetic.place.index, 28)
        assert factor == Factor(f"pixel[{i},{j}]", step.images[arithmetic.place.image, i, j])
    elif factor.symbol.startswith("e^"):
        assert factor.value == arithmetic.terms[arithmetic.place.index].value
        assert factor.symbol == f"e^(z2[{arithmetic.place.index}] − m)"
    elif factor.symbol in ("0", "255"):
        assert factor.value == float(factor.symbol)
    else:  # a parameter as the step found it
        assert arithmetic.place.quantity in PARAMETER_NAMES
        assert factor == Factor(arithmetic.symbol, arithmetic.stored)


COLUMNS = {"x": 28, "z": 26, "f": 26, "backfill": 26, "dz": 26, "P": 13, "δ0": 13, "k": 3, "dk": 3}


def assert_symbol_names(case: Case, symbol: str, place: Place) -> None:
    """``z[12,7]`` is row 12, column 7."""
    if symbol == "m":
        scores = case.step.forward.z2[place.image]
        assert (place.quantity, place.index) == ("z2", scores.argmax())
        return
    match = re.fullmatch(r"(?:new )?([^\[]+)(?:\[(\d+)(?:,(\d+))?\])?", symbol)
    assert match, symbol
    letter, first, second = match[1], match[2], match[3]
    h, inputs = case.step.before.hidden_weights.shape
    columns = {**COLUMNS, "W1": inputs, "dW1": inputs, "W2": h, "dW2": h}
    if letter == "a0":  # the list, lit on the map that it was written from
        s, filter = int(first), place.filter or 0
        on_the_list = place.quantity == "a0" and place.index == s
        assert on_the_list or (place.quantity, 169 * filter + place.index) == ("pooled", s)
    elif second is not None:
        assert int(first) * columns[letter] + int(second) == place.index
    else:
        assert place.index == int(first or 0)


# What is written on a page


def whole(value: float | Fraction, decimals: int, middle_up: bool) -> int:
    """How many units of the last decimal a number is written with."""
    scaled = Fraction(value) * Fraction(10) ** decimals
    if not middle_up:
        return round(scaled)  # a number in the middle goes to the even one, as in Python's format
    size = math.floor(abs(scaled) + Fraction(1, 2))  # and up in JavaScript's toFixed
    return size if scaled >= 0 else -size


def written_result(arithmetic: Arithmetic, decimals: Decimals, middle_up: bool) -> Fraction:
    """What a reader of the page gets who adds what stands there, writes it down and goes on."""
    terms, unit = decimals.terms, Fraction(10) ** -decimals.terms
    written = [whole(value, terms, middle_up) * unit for value in summands(arithmetic)]
    total = max(written) if arithmetic.combine == "max" else sum(written, start=Fraction(0))
    total = whole(total, decimals.total, middle_up) * Fraction(10) ** -decimals.total
    if arithmetic.operation is None:
        return total
    operand = Fraction(arithmetic.operation.operand.value)
    return {
        "at least": lambda: max(total, operand),
        "gate": lambda: total if operand > 0 else Fraction(0),
        "divide": lambda: total / operand,
        "share": lambda: whole(operand, terms, middle_up) * unit / total,
    }[arithmetic.operation.kind]()


def assert_adds_up_as_written(case: Case, arithmetic: Arithmetic, wanted: int) -> None:
    decimals = arithmetic.decimals(wanted)
    shown, terms, sum_ = decimals
    for middle_up in (False, True):
        total = written_result(arithmetic, decimals, middle_up)
        stored = whole(arithmetic.stored, shown, middle_up)
        assert whole(total, shown, middle_up) == stored, (arithmetic.place, decimals)
    several = len(summands(arithmetic)) > 1 and arithmetic.combine == "sum"
    assert terms >= shown + (2 if several else 0)
    kind = arithmetic.operation and arithmetic.operation.kind
    # Where the sum is the stored number, there is no digit more of it.
    assert sum_ == (terms if kind in ("divide", "share") else shown)
    if abs(arithmetic.result - arithmetic.stored) < 0.1 * 10.0 ** -(wanted + 1):
        assert shown in (wanted, wanted + 1), arithmetic.place
    for term in arithmetic.terms:
        assert_factors_give_the_term(term, terms)


def assert_factors_give_the_term(term: Term, shown: int) -> None:
    """The product of the factors as they are written, worked out with whole numbers."""
    decimals = term.decimals(shown)
    if decimals is None:
        assert term.form == "log"  # log p is kept beside p
        return
    if not all(map(math.isfinite, (term.value, *(factor.value for factor in term.factors)))):
        return
    written = [
        whole(factor.value, n, middle_up=False) * Fraction(10) ** -n
        for factor, n in zip(term.factors, decimals, strict=True)
    ]
    for factor, n in zip(term.factors, decimals, strict=True):
        if factor.place is None:  # η, a pixel, y: as it is, with no 0 at its end
            assert n == 0 or round(factor.value, n - 1) != factor.value == round(factor.value, n)
        else:
            assert n >= 4
    unit = Fraction(10) ** shown
    if term.form == "product":
        assert round(math.prod(written) * unit) == round(Fraction(term.value) * unit)
    elif term.form == "power":
        made = math.exp(float(written[0] - written[1]))
        assert abs(made - term.value) <= 1.001 * 10.0**-shown
    elif written[0]:
        made = float(written[0]) * math.log(written[1])
        assert abs(made - term.value) <= 1.001 * 10.0**-shown
