"""The arithmetic behind every number: its terms, and where they live.

Three roads lead to the same number and are compared: the stored one, which float32 took; the terms
that `explain` lists, added in float64; and the notes' loops in float64 from what the step holds one
stage earlier.
"""

import math
import re
from dataclasses import replace

import numpy as np
import oracle
import pytest
from cells import (
    EPS,
    GRADIENT_OF,
    OF_A_FILTER,
    Case,
    a_network,
    assert_adds_up_as_written,
    assert_right,
    assert_symbol_names,
    case_called,
    made,
    magnitude,
    size_of,
    some_cells,
    some_images,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from cnn.arithmetic import EXPLANATIONS, OUTCOMES, Blocked, Place, explain
from cnn.network import PARAMETER_NAMES
from data import Digits


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
        assert len(arithmetic.largest(5).decimals()) == 3
        assert all(term.decimals(4) for term in arithmetic.terms)


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
