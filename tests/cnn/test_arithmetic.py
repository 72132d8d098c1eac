"""The arithmetic behind every number: its terms, where they live, and that they add up.

Three roads lead to the same number and are compared: the stored one, which float32 took; the terms
that `explain` lists, added in float64; and the notes' loops in float64 from what the step holds one
stage earlier. Where a factor lives is looked up here by a table of its own, `held`, and what is
written on a page is rounded here with whole numbers.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import FrozenInstanceError, dataclass, replace
from fractions import Fraction
from functools import cache

import numpy as np
import oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnn import Parameters, Recipe, Run, Step, backward, forward, updated
from cnn.arithmetic import (
    EXPLANATIONS,
    OUTCOMES,
    Arithmetic,
    Blocked,
    Factor,
    Operation,
    Place,
    Term,
    explain,
    rounded,
)
from cnn.network import PARAMETER_NAMES, BiasRule
from data import Digits, load_bundled

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


@pytest.fixture(params=MAKERS)
def case(request: pytest.FixtureRequest, digits: Digits) -> Case:
    return case_called(request.param)


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


def test_every_number_is_its_terms(case: Case) -> None:
    for arithmetic in some_cells(case):
        assert_right(case, arithmetic)
        assert_symbol_names(case, arithmetic.symbol, arithmetic.place)


# What the notes' loops make of the stage before, in float64


def notes(case: Case, quantity: str, image: int, filter: int) -> np.ndarray:
    """A quantity of one image and one filter, by the oracle, from what the step holds."""
    step, values, errors = case.step, case.step.forward, case.step.backward
    theta = step.before
    label = int(step.labels[image])
    f = values.feature_map[image, filter]
    if quantity in PARAMETER_NAMES:
        kept = getattr(theta, quantity)
        return oracle.floats(kept[filter] if quantity in OF_A_FILTER else kept)
    if quantity.startswith("new_"):
        name = quantity.removeprefix("new_")
        old, gradient = getattr(theta, name), getattr(errors.gradients, name)
        if name in OF_A_FILTER:
            old, gradient = old[filter], gradient[filter]
        return oracle.update_vector(np.ravel(old), np.ravel(gradient), step.learning_rate)
    if quantity in GRADIENT_OF.values():
        return notes_of_gradient(case, quantity, filter)
    by_quantity = {
        "x": lambda: oracle.floats(step.images[image]) / 255,
        "z": lambda: oracle.convolution(
            values.x[image], theta.filters[filter], float(theta.filter_bias[filter])
        ),
        "feature_map": lambda: oracle.relu_of_map(values.z[image, filter]),
        "pooled": lambda: oracle.pooling(f)[0],
        "a0": lambda: oracle.flatten(values.pooled[image]),
        "z1": lambda: oracle.dense(theta.hidden_weights, values.a0[image], theta.hidden_bias),
        "a1": lambda: oracle.relu(values.z1[image]),
        "z2": lambda: oracle.dense(theta.output_weights, values.a1[image], theta.output_bias),
        "probabilities": lambda: oracle.softmax(values.z2[image]),
        "loss": lambda: oracle.cross_entropy(values.z2[image], label),
        "batch_loss": lambda: sum(map(float, errors.losses)) / len(errors.losses),
        "delta2": lambda: oracle.output_error(values.probabilities[image], label),
        "delta1": lambda: oracle.through_relu(
            oracle.through_weights(theta.output_weights, errors.delta2[image]), values.z1[image]
        ),
        "delta0": lambda: oracle.unflatten(
            oracle.through_weights(theta.hidden_weights, errors.delta1[image]),
            len(theta.filters), 13, 13,
        )[filter],
        "backfill": lambda: oracle.back_fill(
            errors.delta0[image, filter], oracle.pooling(f)[1], 26, 26
        ),
        "dz": lambda: oracle.through_relu_of_map(errors.backfill[image, filter], f),
    }  # fmt: skip
    return oracle.floats(by_quantity[quantity]())


def notes_of_gradient(case: Case, quantity: str, filter: int) -> np.ndarray:
    """The mean over the images; by the notes' bias rule, the sum of the stored dk."""
    values, errors = case.step.forward, case.step.backward
    images = range(len(case.step.labels))
    if quantity == "db" and case.rule == "notes":
        return oracle.floats(sum(map(float, errors.gradients.filters[filter].ravel())))
    by_quantity = {
        "dk": lambda n: oracle.filter_gradient(errors.dz[n, filter], values.x[n]),
        "db": lambda n: oracle.filter_bias_gradient(
            errors.dz[n, filter], np.zeros((3, 3)), "exact"
        ),
        "dW1": lambda n: oracle.weight_gradient(errors.delta1[n], values.a0[n]),
        "db1": lambda n: oracle.floats(errors.delta1[n]),
        "dW2": lambda n: oracle.weight_gradient(errors.delta2[n], values.a1[n]),
        "db2": lambda n: oracle.floats(errors.delta2[n]),
    }
    return oracle.floats(sum(by_quantity[quantity](n) for n in images) / len(images))


@pytest.mark.parametrize("quantity", EXPLANATIONS)
@pytest.mark.parametrize(
    "name", ["late", "notes' rule, batch", "ties and dead windows", "all units off", "huge"]
)
def test_the_terms_are_the_notes(digits: Digits, name: str, quantity: str) -> None:
    """To float64, which is a billion times sharper than float32: no term is missing or wrong."""
    case = case_called(name)
    image, filter = len(case.step.labels) - 1, len(case.step.before.filters) - 1
    expected = np.ravel(notes(case, quantity, image, filter))
    assert len(expected) == size_of(case, quantity)
    generator = np.random.default_rng(1)
    few = min(len(expected), 3 if quantity in ("dk", "db") else 25)
    for index in generator.choice(len(expected), few, replace=False).tolist():
        arithmetic = case.explain(quantity, index, image, filter)
        allowed = 1e-12 * magnitude(arithmetic)
        if quantity == "loss":  # its log p is the float32 one
            allowed = 8 * EPS * (1 + float(np.ptp(case.step.forward.z2[image])))
        assert abs(arithmetic.result - expected[index]) <= allowed, arithmetic.place


# What is written on a page


def whole(value: float | Fraction, decimals: int, middle_up: bool) -> int:
    """How many units of the last decimal a number is written with."""
    scaled = Fraction(value) * Fraction(10) ** decimals
    if not middle_up:
        return round(scaled)  # a number in the middle goes to the even one, as in Python's format
    size = math.floor(abs(scaled) + Fraction(1, 2))  # and up in JavaScript's toFixed
    return size if scaled >= 0 else -size


def written_result(arithmetic: Arithmetic, terms: int, middle_up: bool) -> Fraction:
    """What a reader of the page gets who adds what stands there."""
    unit = Fraction(10) ** -terms
    written = [whole(value, terms, middle_up) * unit for value in summands(arithmetic)]
    total = max(written) if arithmetic.combine == "max" else sum(written, start=Fraction(0))
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
    shown, terms = arithmetic.decimals(wanted)
    for middle_up in (False, True):
        total = written_result(arithmetic, terms, middle_up)
        stored = whole(arithmetic.stored, shown, middle_up)
        assert whole(total, shown, middle_up) == stored, (arithmetic.place, shown, terms)
    assert terms >= shown + 2
    if abs(arithmetic.result - arithmetic.stored) < 0.1 * 10.0 ** -(wanted + 1):
        assert shown in (wanted, wanted + 1), arithmetic.place


@pytest.mark.parametrize("wanted", [4, 6])
def test_what_is_written_adds_up_to_what_is_written(case: Case, wanted: int) -> None:
    shown = []
    for arithmetic in some_cells(case, count=3):
        assert_adds_up_as_written(case, arithmetic, wanted)
        assert_adds_up_as_written(case, arithmetic.largest(5), wanted)
        shown.append(arithmetic.decimals(wanted).result)
    if case is not case_called("huge"):
        assert shown.count(wanted) > 0.95 * len(shown)


def test_text_adds_up(digits: Digits) -> None:
    """The same once more the way a page does it: with Python's own format, read back."""
    case = case_called("late")
    for quantity in ("z", "z1", "z2", "delta0", "dk", "db", "new_filters", "new_hidden_weights"):
        for index in range(min(size_of(case, quantity), 9)):
            arithmetic = case.explain(quantity, index).largest(10)
            shown, terms = arithmetic.decimals(5)
            texts = [f"{value:.{terms}f}" for value in summands(arithmetic)]
            total = sum(map(Fraction, texts), start=Fraction(0))
            assert round(total, shown) == Fraction(f"{arithmetic.stored:.{shown}f}")


def one_term(term: float, stored: float) -> Arithmetic:
    terms = (Term((Factor("a", term),), term),)
    return Arithmetic(Place("z", 0), "z[0,0]", "z = a", stored, terms)


@pytest.mark.parametrize(
    ("exact", "stored", "expected"),
    [
        (0.1234, 0.1234, (4, 6)),
        (0.12345 - 1e-9, 0.12345 + 1e-9, (5, 7)),  # 0.1234 and 0.1235, but both 0.12345
        (0.1234499999, 0.1234499999, (4, 10)),  # nine decimals: 0.123450000
        (0.5 - 1e-9, 0.5 + 1e-9, (4, 6)),
        (123456.78, 123456.75, (1, 3)),  # a float32 of this size knows no second decimal
        (987654321.0, 987654336.0, (-2, 0)),
        (1e30, 1.0000000150474662e30, (-23, -21)),
        (-1e-9, 0.0, (4, 6)),
        (math.nan, math.nan, (4, 4)),
        (math.inf, math.inf, (4, 4)),
    ],
)
def test_decimals_worked_by_hand(exact: float, stored: float, expected: tuple[int, int]) -> None:
    assert one_term(exact, stored).decimals(4) == expected


def test_a_share_is_taken_of_numbers_as_they_are_written() -> None:
    """0.33334 / 1.33334 is above a quarter; 0.333 / 1.333 and 0.3333 / 1.3333 are below."""
    power = 0.33334
    terms = tuple(Term((Factor("a", value),), value) for value in (1.0, power))
    share = Operation("share", Factor("a", power))
    p = Arithmetic(Place("z", 0), "p", "p", power / (1 + power), terms, operation=share)

    assert p.decimals(1) == (1, 5)


def test_rounded_writes_any_number() -> None:
    assert f"{rounded(0.125, 2):f}" == "0.12"
    assert f"{rounded(-0.00001, 4):f}" == "0.0000"
    assert f"{rounded(1234567.0, -3):f}" == "1235000"
    assert f"{rounded(-2.5, 4):f}" == "-2.5000"


def test_the_largest_terms_and_the_rest(digits: Digits) -> None:
    for quantity, count in (("z1", 8 * 169), ("delta0", 40), ("z2", 40)):
        whole_sum = case_called("8 filters, batch").explain(quantity, 3, image=5, filter=2)
        folded = whole_sum.largest(10)

        assert len(whole_sum.terms) == count
        sizes = sorted((abs(term.value) for term in whole_sum.terms), reverse=True)
        assert [abs(term.value) for term in whole_sum.terms] == sizes
        assert [abs(term.value) for term in folded.terms] == sizes[:10]
        assert folded.rest
        assert folded.rest.count == count - 10
        assert folded.rest.value == pytest.approx(
            math.fsum(term.value for term in whole_sum.terms[10:]), abs=1e-12
        )
        assert folded.result == pytest.approx(whole_sum.result, abs=1e-12)
        assert replace(folded, terms=whole_sum.terms, rest=None) == whole_sum


def test_short_sums_keep_their_terms(digits: Digits) -> None:
    case = case_called("late")
    z = case.explain("z", 300)
    assert len(z.largest(8).terms) == 9  # one other term is not a rest
    assert {term.value for term in z.largest(3).terms} <= {term.value for term in z.terms}
    assert (
        min(abs(term.value) for term in z.largest(3).terms)
        >= sorted((abs(term.value) for term in z.terms), reverse=True)[2]
    )
    assert case.explain("pooled", 80).largest(1) == case.explain("pooled", 80)


# By hand


def by_hand() -> Case:
    """Two pixels, one filter, two hidden units: small enough to do on paper."""
    images = np.zeros((1, 28, 28), np.uint8)
    images[0, 12, 7], images[0, 14, 8] = 255, 51  # 1 and 0.2
    hidden_weights = np.zeros((2, 169))
    hidden_weights[0, 6 * 13 + 3], hidden_weights[1, 6 * 13 + 3] = 2, -2
    output_weights = np.zeros((10, 2))
    output_weights[4] = 0.5, 1
    filters = np.zeros((1, 3, 3))
    filters[0, 0, 0], filters[0, 2, 1] = 0.5, -1
    parameters = Parameters.from_arrays(
        filters=filters,
        filter_bias=np.array([0.25]),
        hidden_weights=hidden_weights,
        hidden_bias=np.array([0.1, 0]),
        output_weights=output_weights,
        output_bias=np.zeros(10),
    )
    return made(parameters.astype(np.float32), images, [4], rate=0.5)


def test_forward_worked_by_hand() -> None:
    case = by_hand()
    z = case.explain("z", 12 * 26 + 7)

    assert z.symbol == "z[12,7]"
    assert z.rule == "z[i,j] = Σ_u Σ_v k[u,v]·x[i+u, j+v] + b"
    assert [term.symbol for term in z.terms] == [
        "k[0,0]·x[12,7]", "k[0,1]·x[12,8]", "k[0,2]·x[12,9]",
        "k[1,0]·x[13,7]", "k[1,1]·x[13,8]", "k[1,2]·x[13,9]",
        "k[2,0]·x[14,7]", "k[2,1]·x[14,8]", "k[2,2]·x[14,9]",
    ]  # fmt: skip
    assert [term.value for term in z.terms] == pytest.approx([0.5, 0, 0, 0, 0, 0, 0, -0.2, 0])
    assert z.terms[7].factors[1].place == Place("x", 14 * 28 + 8, image=0)
    assert z.bias
    assert (z.bias.symbol, z.bias.value) == ("b", 0.25)
    assert z.stored == pytest.approx(0.5 - 0.2 + 0.25)

    x = case.explain("x", 14 * 28 + 8)
    assert (x.terms[0].value, x.result) == (51, 0.2)

    # Its window: z[12,6] = 0.25, z[12,7] = 0.55, z[13,6] = 0.25, z[13,7] = 0.25.
    pooled = case.explain("pooled", 6 * 13 + 3)
    assert [term.symbol for term in pooled.terms] == ["f[12,6]", "f[12,7]", "f[13,6]", "f[13,7]"]
    assert [term.value for term in pooled.terms] == pytest.approx([0.25, 0.55, 0.25, 0.25])
    assert pooled.result == pytest.approx(0.55)
    assert pooled.routing
    assert pooled.routing.winner == Place("feature_map", 12 * 26 + 7, 0, 0)
    assert pooled.routing.outcome == "unique"

    first, second = case.explain("z1", 0), case.explain("z1", 1)
    assert first.terms[0].symbol == f"W1[0,{6 * 13 + 3}]·a0[{6 * 13 + 3}]"
    assert first.terms[0].factors[1].place == Place("pooled", 6 * 13 + 3, 0, 0)
    assert first.result == pytest.approx(2 * 0.55 + 0.1)
    assert second.result == pytest.approx(-2 * 0.55)
    assert case.explain("a1", 1).result == 0

    # The scores are 0.6 for the digit 4 and 0 for the nine others.
    share = math.exp(0) / (math.exp(0) + 9 * math.exp(-0.6))
    probability = case.explain("probabilities", 4)
    assert probability.terms[3].symbol == "e^(z2[3] − m)"
    assert [probability.terms[c].value for c in (3, 4)] == pytest.approx([math.exp(-0.6), 1])
    assert probability.result == pytest.approx(share)
    loss = case.explain("loss", 0)
    assert loss.terms[4].symbol == "−y[4]·log p[4]"
    assert loss.result == pytest.approx(-math.log(share))
    assert case.explain("batch_loss", 0).operation is None  # one image is its own mean


def test_backward_worked_by_hand() -> None:
    case = by_hand()
    share = 1 / (1 + 9 * math.exp(-0.6))
    delta2 = case.explain("delta2", 4)
    assert [term.symbol for term in delta2.terms] == ["p[4]", "−y[4]"]
    assert delta2.result == pytest.approx(share - 1)

    on, off = case.explain("delta1", 0), case.explain("delta1", 1)
    assert on.terms[4].symbol == "W2[4,0]·δ2[4]"
    assert on.result == pytest.approx(0.5 * (share - 1))
    assert on.blocked is None
    assert off.total == pytest.approx(share - 1)  # what would have come in
    assert (off.result, off.blocked) == (0, Blocked.RELU_OFF)

    error = 2 * 0.5 * (share - 1)
    assert case.explain("delta0", 6 * 13 + 3).result == pytest.approx(error)
    assert case.explain("backfill", 12 * 26 + 7).terms[0].symbol == "δ0[6,3]"
    assert case.explain("backfill", 12 * 26 + 6).blocked is Blocked.NOT_THE_WINNER
    dz = case.explain("dz", 12 * 26 + 7)
    assert (dz.terms[0].symbol, dz.blocked) == ("backfill[12,7]", None)

    # Only this window is weighed by W1, so only its winner is active.
    dk = case.explain("dk", 2 * 3 + 1)
    assert [term.symbol for term in dk.terms] == ["dz[12,7]·x[14,8]"]
    assert [factor.place for factor in dk.terms[0].factors] == [
        Place("dz", 12 * 26 + 7, 0, 0),
        Place("x", 14 * 28 + 8, 0),
    ]
    assert dk.result == pytest.approx(error * 0.2)
    assert case.explain("db", 0).result == pytest.approx(error)
    new = case.explain("new_filters", 2 * 3 + 1)
    assert (new.symbol, new.rule) == ("new k[2,1]", "new k[u,v] = k[u,v] − η·dk[u,v]")
    assert [term.symbol for term in new.terms] == ["k[2,1]", "−η·dk[2,1]"]
    assert new.result == pytest.approx(-1 - 0.5 * error * 0.2)
    assert case.explain("dW1", 169 + 6 * 13 + 3).result == 0
    assert case.explain("dW2", 4 * 2).result == pytest.approx((share - 1) * 1.2)


# Batches and rules


def test_gradients_of_a_batch_are_the_mean_over_all_images(digits: Digits) -> None:
    case = case_called("8 filters, batch")
    for quantity in ("dW1", "db1", "dW2", "db2"):
        one = case.explain(quantity, 3, image=0)
        assert one == case.explain(quantity, 3, image=7)  # it belongs to no image
        assert one.rule.endswith(", the mean over the 32 images")
        assert one.operation
        assert (one.operation.kind, one.operation.operand.value) == ("divide", 32)
        images = [term.factors[0].place.image for term in one.terms]
        assert sorted(images) == list(range(32))
    dk = case.explain("dk", 4, filter=1)
    active = {
        (n, index)
        for n in range(32)
        for index in np.flatnonzero(case.step.backward.dz[n, 1]).tolist()
    }
    places = [term.factors[0].place for term in dk.terms]
    assert len(places) == len(active)
    assert {(place.image, place.index) for place in places} == active
    for term in dk.terms:
        dz, x = (factor.place for factor in term.factors)
        assert dz.image == x.image
        assert x.index == (dz.index // 26 + 1) * 28 + dz.index % 26 + 1
    losses = case.explain("batch_loss", 0)
    assert sorted(term.factors[0].place.image for term in losses.terms) == list(range(32))


def test_the_bias_follows_the_rule_of_the_run(digits: Digits) -> None:
    exact, by_notes = case_called("late"), case_called("notes' rule, 8 filters")
    assert {term.factors[0].place.quantity for term in exact.explain("db", 0).terms} == {"dz"}
    nine = by_notes.explain("db", 0, filter=3)
    assert [term.factors[0].place for term in nine.terms] == [
        Place("dk", index, filter=3) for index in range(9)
    ]
    assert nine.rule == "db = Σ_u Σ_v dk[u,v]"
    for case, wrong in ((exact, "notes"), (by_notes, "exact")):
        with pytest.raises(ValueError, match=f"did not take db by the rule '{wrong}'"):
            explain(case.step, "db", 0, bias_rule=wrong)


# Windows, and what blocks an error


@pytest.mark.parametrize("name", ["ties and dead windows", "late", "empty paper"])
def test_routing_and_what_blocks(digits: Digits, name: str) -> None:
    """Every window, against the notes' own pooling."""
    case = case_called(name)
    image, outcomes = len(case.step.labels) - 1, set()
    for filter in range(len(case.step.before.filters)):
        feature_map = case.step.forward.feature_map[image, filter]
        P, indexes = oracle.pooling(feature_map)
        for pooled in range(169):
            i, j = divmod(pooled, 13)
            row, column = indexes[i, j]
            winner = int(row * 26 + column)
            four = [(2 * i + m // 2) * 26 + 2 * j + m % 2 for m in range(4)]
            largest = [cell for cell in four if feature_map.flat[cell] == P[i, j]]
            outcome = "dead" if P[i, j] == 0 else "tie" if len(largest) > 1 else "unique"
            outcomes.add(outcome)

            routing = case.explain("pooled", pooled, image, filter).routing
            assert routing
            assert routing.pooled == Place("pooled", pooled, image, filter)
            assert [place.index for place in routing.window] == four
            assert routing.winner == Place("feature_map", winner, image, filter)
            assert routing.outcome == outcome
            assert case.explain("delta0", pooled, image, filter).routing == routing
            for cell in four if pooled % 5 == 0 else four[:1]:
                for quantity in ("z", "feature_map", "backfill", "dz"):
                    assert case.explain(quantity, cell, image, filter).routing == routing
                loses = None if cell == winner else Blocked.NOT_THE_WINNER
                dead = Blocked.DEAD_WINDOW if outcome == "dead" else loses
                assert case.explain("backfill", cell, image, filter).blocked is loses
                assert case.explain("dz", cell, image, filter).blocked is dead
    expected = {"late": {"unique", "tie", "dead"}, "empty paper": {"tie", "dead"}}
    assert outcomes <= expected.get(name, {"unique", "tie", "dead"})
    if name == "ties and dead windows":
        assert outcomes == {"unique", "tie", "dead"} == set(OUTCOMES)


def test_units_that_are_off_let_nothing_pass(digits: Digits) -> None:
    case = case_called("all units off")
    for unit in range(40):
        arithmetic = case.explain("delta1", unit, image=1)
        assert arithmetic.blocked is Blocked.RELU_OFF
        assert (arithmetic.result, arithmetic.stored) == (0, 0)
        assert math.copysign(1, arithmetic.stored) == 1  # not −0
        assert arithmetic.total != 0
    dk = case.explain("dk", 4)
    assert (dk.terms, dk.result, dk.blocked) == ((), 0, Blocked.NO_ERROR)


def test_a_digit_that_is_only_looked_at_changes_nothing(digits: Digits) -> None:
    trained_step = case_called("late").step
    looked_at = replace(trained_step, after=trained_step.before)
    new = explain(looked_at, "new_hidden_weights", 77)
    assert new.blocked is Blocked.NOT_TRAINED
    assert [term.symbol for term in new.terms] == ["W1[0,77]"]
    assert new.result == new.stored == trained_step.before.hidden_weights[0, 77]


# Anything at all


@st.composite
def drawn_cases(draw: st.DrawFn) -> Case:
    seed = draw(st.integers(0, 2**32 - 1))
    n, filters = draw(st.integers(1, 3)), draw(st.sampled_from([1, 2, 8]))
    parameters = a_network(
        seed,
        filters,
        hidden=draw(st.sampled_from([1, 5, 40])),
        scale=draw(st.sampled_from([0.01, 1, 1, 1, 10])),
    )
    images = some_images(seed, n, draw(st.sampled_from(["noise", "stroke", "empty"])))
    labels = draw(st.lists(st.integers(0, 9), min_size=n, max_size=n))
    rate = draw(st.sampled_from([1e-4, 0.01, 1.0]))
    return made(parameters, images, labels, draw(st.sampled_from(["exact", "notes"])), rate)


@settings(max_examples=60)
@given(drawn_cases(), st.data())
def test_from_any_cell_down_to_pixels_and_parameters(case: Case, data: st.DataObject) -> None:
    """Explain a number, then one of its factors, and so on: right at each, and it ends."""
    quantity = data.draw(st.sampled_from(sorted(EXPLANATIONS)))
    index = data.draw(st.integers(0, size_of(case, quantity) - 1))
    image = data.draw(st.integers(0, len(case.step.labels) - 1))
    filter = data.draw(st.integers(0, len(case.step.before.filters) - 1))
    arithmetic = case.explain(quantity, index, image, filter)
    for _ in range(25):
        assert_right(case, arithmetic)
        assert_adds_up_as_written(case, arithmetic.largest(8), data.draw(st.integers(2, 6)))
        places = [factor.place for term in arithmetic.terms[:12] for factor in term.factors]
        known = [place for place in places if place]
        if not known:
            break
        place = data.draw(st.sampled_from(known))
        image, filter = place.image or 0, place.filter or 0
        arithmetic = case.explain(place.quantity, place.index, image, filter)
    else:
        pytest.fail("no end")
    # Nothing further: a pixel, a parameter, or a cell that nothing flowed into.
    leaf = arithmetic.place.quantity
    assert leaf in ("x", *PARAMETER_NAMES) or arithmetic.blocked


def test_a_value_that_is_not_finite_can_be_looked_at() -> None:
    """The newest parameters of a run that is about to diverge, shown on a pinned digit."""
    parameters = a_network(3, 1, scale=1e15)
    with np.errstate(all="ignore"):
        case = made(parameters, some_images(0, 1, "noise"), [3])
    assert not np.isfinite(case.step.forward.z2).all()
    for quantity in EXPLANATIONS:
        arithmetic = case.explain(quantity, 0)
        assert len(arithmetic.largest(5).decimals()) == 2


# What is refused, and what is said


def test_what_does_not_exist_is_refused_in_a_sentence(digits: Digits) -> None:
    case = case_called("late")
    with pytest.raises(ValueError, match=r"There is no quantity 'q'; there are x, z, feature_map,"):
        case.explain("q", 0)
    for quantity in EXPLANATIONS:
        size = size_of(case, quantity)
        for index in (-1, size, 10**9):
            with pytest.raises(
                ValueError,
                match=f"^There is no position {index} of {quantity}: "
                f"the first is 0, the last {size - 1}\\.$",
            ):
                case.explain(quantity, index)
    with pytest.raises(ValueError, match=r"^There is no image 1: the first is 0, the last 0\.$"):
        case.explain("z", 0, image=1)
    with pytest.raises(ValueError, match=r"^There is no filter -1: the first is 0, the last 0\.$"):
        case.explain("z", 0, filter=-1)


def test_every_quantity_is_explained_in_words(digits: Digits) -> None:
    case = case_called("late")
    for quantity, explanation in EXPLANATIONS.items():
        sentences = re.findall(r"[.](?:\s|$)", explanation.words)
        assert 1 <= len(sentences) <= 3, quantity
        letter = re.split(r"[\[ ]", case.explain(quantity, 0).symbol.removeprefix("new "))[0]
        assert letter in explanation.equation, quantity
        assert explanation.name
    assert len({explanation.words for explanation in EXPLANATIONS.values()}) >= 28
    for sentence in (*OUTCOMES.values(), *(reason.value for reason in Blocked)):
        assert sentence.endswith(".")


def test_nothing_can_be_changed() -> None:
    arithmetic = by_hand().explain("z", 0)
    for frozen, name in ((arithmetic, "stored"), (arithmetic.terms[0], "value")):
        with pytest.raises(FrozenInstanceError):
            setattr(frozen, name, 1.0)
    with pytest.raises(TypeError):
        EXPLANATIONS["z"] = EXPLANATIONS["x"]
