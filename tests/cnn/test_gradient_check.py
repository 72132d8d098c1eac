"""Backpropagation against finite differences, and the finite differences against the oracle's."""

from dataclasses import replace

import numpy as np
import oracle
import pytest
from agreement import Floats, assert_same
from translation import SYMBOLS, to_oracle

from cnn.arrays import Integers
from cnn.gradient_check import PERTURBATION, TOLERANCE, GradientCheck, check_gradients
from cnn.network import (
    PARAMETER_NAMES,
    BiasRule,
    Parameters,
    backward,
    draw_parameters,
    forward,
    updated,
)
from data import Digits


def trained(digits: Digits, filters: int, hidden: int, steps: int = 50) -> Parameters:
    """Parameters a little way into training: no bias stands at 0 any more."""
    parameters = draw_parameters(np.random.default_rng(filters), filters, hidden)
    for start in range(0, 4 * steps, 4):
        batch = slice(start, start + 4)
        step = forward(parameters, digits.images[batch])
        gradients = backward(parameters, step, digits.labels[batch]).gradients
        parameters = updated(parameters, gradients, 0.05)
    return parameters


def places(like: Parameters) -> Parameters:
    """For each parameter, where it stands in the vector."""
    return like.replaced(np.arange(like.vector.size, dtype=np.float64))


def place(where: Floats) -> int:
    return int(where)


def failed_by_name(check: GradientCheck) -> dict[str, int]:
    where = places(check.analytic)
    return {
        name: int(check.failed[getattr(where, name).astype(int)].sum()) for name in PARAMETER_NAMES
    }


def loss_by_the_notes(parameters: oracle.Parameters, images: Floats, labels: Integers) -> float:
    """The mean cross-entropy of the images, from the oracle's loops."""
    losses = [
        oracle.cross_entropy(oracle.forward(parameters, image).z2, int(label))
        for image, label in zip(images, labels, strict=True)
    ]
    return sum(losses) / len(losses)


def moved(parameters: oracle.Parameters, symbol: str, index: int, by: float) -> oracle.Parameters:
    values = getattr(parameters, symbol).copy()
    values.flat[index] += by
    return replace(parameters, **{symbol: values})


@pytest.mark.parametrize(("filters", "n"), [(1, 1), (1, 4), (3, 2), (8, 1)])
def test_the_exact_rule_agrees_in_every_parameter(digits: Digits, filters: int, n: int) -> None:
    hidden = 40 if filters == 1 else 6
    chosen = slice(1000, 1000 + n)
    parameters = trained(digits, filters, hidden)

    check = check_gradients(parameters, digits.images[chosen], digits.labels[chosen])

    assert check.analytic.vector.size == parameters.vector.size
    assert not check.failed.any()
    # A step has a kink here and there, not everywhere: else the mark would prove nothing.
    assert np.count_nonzero(check.kink) < 0.02 * check.kink.size
    assert np.abs(check.analytic.vector).max() > 0.01
    np.testing.assert_array_less(check.relative_error.vector[~check.kink], 1e-6)


@pytest.mark.parametrize("filters", [1, 3])
def test_the_rule_of_the_notes_fails_in_the_filter_bias_alone(digits: Digits, filters: int) -> None:
    """Section 5, last row: every other parameter agrees, this one does not."""
    parameters = trained(digits, filters, 10)

    check = check_gradients(
        parameters, digits.images[1000:1001], digits.labels[1000:1001], bias_rule="notes"
    )

    wrong = dict.fromkeys(PARAMETER_NAMES, 0) | {"filter_bias": filters}
    assert failed_by_name(check) == wrong
    # Wrong by far, not by rounding.
    assert np.all(check.relative_error.filter_bias > 0.01)


def test_the_verdict_follows_from_the_two_gradients(digits: Digits) -> None:
    """Worked out again, where a gradient is large enough for a plain relative error."""
    parameters = trained(digits, 1, 10)
    check = check_gradients(
        parameters, digits.images[1000:1002], digits.labels[1000:1002], bias_rule="notes"
    )

    assert TOLERANCE == 1e-6
    assert_same(check.failed, (check.relative_error.vector > TOLERANCE) & ~check.kink)
    assert check.failed.any()
    size = np.maximum(np.abs(check.analytic.vector), np.abs(check.numeric.vector))
    large = size > 0.01
    assert large.any()
    difference = np.abs(check.analytic.vector - check.numeric.vector)
    np.testing.assert_allclose(
        check.relative_error.vector[large], difference[large] / size[large], rtol=1e-12
    )


@pytest.mark.parametrize("rule", ["exact", "notes"])
def test_the_oracle_finds_the_same_slopes(digits: Digits, rule: BiasRule) -> None:
    """The notes' loops, differentiated numerically: a sample of each kind of parameter.

    The filter's bias is in it, where the notes' rule is in error and the slope is not.
    """
    parameters = trained(digits, 2, 6).astype(np.float64)
    images, labels = digits.images[1000:1002], digits.labels[1000:1002]
    notes = to_oracle(parameters)
    generator = np.random.default_rng(0)

    check = check_gradients(parameters, images, labels, bias_rule=rule)

    backwards = [
        oracle.backward(notes, oracle.forward(notes, image / 255), int(label), rule)
        for image, label in zip(images, labels, strict=True)
    ]
    where = places(parameters)
    for name, symbol in SYMBOLS.items():
        size = getattr(notes, symbol).size
        for index in generator.permutation(size)[:6]:
            if check.kink[place(getattr(where, name).flat[index])]:
                continue
            h = 1e-5
            up, down = (
                loss_by_the_notes(moved(notes, symbol, index, by), images / 255, labels)
                for by in (h, -h)
            )
            numeric = getattr(check.numeric, name).flat[index]
            # Either difference is good to about eps·loss/h, some 1e-10.
            np.testing.assert_allclose(numeric, (up - down) / (2 * h), rtol=1e-7, atol=1e-9)
            analytic = np.mean([getattr(one.gradients, symbol).flat[index] for one in backwards])
            np.testing.assert_allclose(
                getattr(check.analytic, name).flat[index], analytic, rtol=1e-10, atol=1e-14
            )


@pytest.mark.parametrize("sharper", [1, 3, 10, 30])
def test_a_digit_that_the_network_gets_badly_wrong_is_no_error(
    digits: Digits, sharper: int
) -> None:
    """The larger the loss, the coarser its last digit, and with it the difference of two of them.

    That is the arithmetic's doing, not the gradient's.
    """
    parameters = trained(digits, 1, 10)
    parameters = Parameters.from_arrays(
        **{name: getattr(parameters, name) for name in PARAMETER_NAMES if name != "output_weights"},
        output_weights=parameters.output_weights * sharper,
    )
    step = forward(parameters, digits.images)
    worst = int(np.argmax(backward(parameters, step, digits.labels).losses))
    chosen = slice(worst, worst + 1)

    check = check_gradients(parameters, digits.images[chosen], digits.labels[chosen])

    assert failed_by_name(check) == dict.fromkeys(PARAMETER_NAMES, 0)


def one_pixel_network(kernel: list[list[float]], second_bias: float) -> Parameters:
    """One filter with the bias −0.25, and three hidden units: one on, one to choose, one off."""
    hidden_weights = np.zeros((3, 169))
    hidden_weights[0] = 0.5
    hidden_weights[2] = 0.25
    output_weights = np.zeros((10, 3))
    output_weights[0], output_weights[1], output_weights[2] = (1, 2, 0.5), (0, -1, 1), (0.5, 1, 0)
    return Parameters.from_arrays(
        filters=np.array([kernel]),
        filter_bias=np.array([-0.25]),
        hidden_weights=hidden_weights,
        hidden_bias=np.array([0.5, second_bias, -2.0]),
        output_weights=output_weights,
        output_bias=np.zeros(10),
    )


def assert_kinks(check: GradientCheck, expected: set[int]) -> None:
    """These kinks and no others; and no kink counts as a failure."""
    assert set(np.flatnonzero(check.kink).tolist()) == expected
    assert not check.failed.any()


def test_a_relu_at_zero_is_a_kink() -> None:
    """z1[1] = 0: what moves it up switches it on, and half of the slope appears."""
    image = np.zeros((1, 28, 28))
    image[0, 4, 4] = 1.0
    # z[3,3] = 1 − 0.25 and all others −0.25: P[1,1] = 0.75 and no other pooled value.
    parameters = one_pixel_network([[0, 0, 0], [0, 1, 0], [0, 0, 0]], second_bias=0)
    # z1[0] = 0.5·0.75 + 0.5 is above 0; z1[2] = 0.25·0.75 − 2 is below.
    where = places(parameters)

    check = check_gradients(parameters, image, np.array([1]))

    # Its bias moves z1[1], and so does its weight of the one pooled value that is not 0.
    bias = place(where.hidden_bias[1])
    weight = place(where.hidden_weights[1, 1 * 13 + 1])
    assert_kinks(check, {bias, weight})
    # Above 0 the loss has the slope (W2ᵀδ2)[1], below it none: the difference finds half of it.
    notes = to_oracle(parameters)
    delta2 = oracle.output_error(oracle.forward(notes, image[0]).p, 1)
    slope = oracle.through_weights(notes.W2, delta2)[1]
    assert abs(slope) > 0.1
    assert check.analytic.vector[bias] == 0
    np.testing.assert_allclose(check.numeric.vector[bias], slope / 2, rtol=1e-4)
    assert check.relative_error.vector[bias] > TOLERANCE


def test_a_tie_that_the_perturbation_breaks_is_a_kink() -> None:
    """Two cells of a window see the same pixel through different weights of the same size."""
    image = np.zeros((1, 28, 28))
    image[0, 4, 5] = 1.0
    # z[3,4] = k[1,1]·x[4,5] − 0.25 and z[3,5] = k[1,0]·x[4,5] − 0.25 are both 0.75, in one window:
    # rows 2 and 3, columns 4 and 5. The first, (3, 4), wins.
    parameters = one_pixel_network([[0, 0, 0], [1, 1, 0], [0, 0, 0]], second_bias=1)
    where = places(parameters)

    check = check_gradients(parameters, image, np.array([1]))

    # More of k[1,0], or less of k[1,1], and (3, 5) wins. The bias moves both alike.
    assert_kinks(check, {place(where.filters[0, 1, 0]), place(where.filters[0, 1, 1])})
    assert check.analytic.filters[0, 1, 0] == 0
    assert abs(check.numeric.filters[0, 1, 0]) > 0.01
    np.testing.assert_allclose(
        check.analytic.filter_bias, check.numeric.filter_bias, rtol=TOLERANCE
    )


def test_a_tie_that_stays_a_tie_is_no_kink(digits: Digits) -> None:
    """In an even stroke all four cells see the same: whatever moves one moves all of them."""
    image = np.zeros((1, 28, 28))
    image[0, 4:24, 8:20] = 1.0
    parameters = trained(digits, 2, 6)

    check = check_gradients(parameters, image, np.array([3]))

    assert forward(parameters, image).feature_map.any()
    assert not check.failed.any()
    assert not check.kink.any()


def test_a_bias_of_zero_on_an_empty_background_is_a_kink(digits: Digits) -> None:
    """Before the first step the bias is 0, and so is f, and the loss is not smooth there.

    A bias of +ε would wake up every cell of the background at once.
    """
    parameters = draw_parameters(np.random.default_rng(0), hidden=6)

    check = check_gradients(parameters, digits.images[:1], digits.labels[:1])

    assert check.kink[place(places(parameters).filter_bias[0])]
    assert not check.failed.any()


@pytest.mark.parametrize("seed", range(3))
def test_a_kink_is_marked_where_the_oracle_sees_one(digits: Digits, seed: int) -> None:
    """On a real digit, for all weights and biases of the filters and a sample of the others."""
    generator = np.random.default_rng(seed)
    # Weights in quarters make ties and zeros that no digit would make by chance.
    drawn = draw_parameters(generator, filters=2, hidden=4)
    parameters = drawn.replaced(np.round(drawn.vector.astype(np.float64) * 4) / 4)
    image = np.round(digits.images[seed : seed + 1] / 255 * 2) / 2
    notes = to_oracle(parameters)
    where = places(parameters)

    check = check_gradients(parameters, image, digits.labels[seed : seed + 1])

    def pattern(parameters: oracle.Parameters) -> tuple[bytes, ...]:
        """Which ReLUs are on, and where the winners stand that are on."""
        step = oracle.forward(parameters, image[0])
        alive = step.P > 0
        on = (step.z1 > 0).tobytes(), alive.tobytes()
        return *on, step.indexes[alive].tobytes(), (step.z > 0).tobytes()

    still = pattern(notes)
    seen = 0
    for name, symbol in SYMBOLS.items():
        size = getattr(notes, symbol).size
        for index in generator.permutation(size)[:18]:
            crossed = any(
                pattern(moved(notes, symbol, index, by)) != still
                for by in (PERTURBATION, -PERTURBATION)
            )
            assert check.kink[place(getattr(where, name).flat[index])] == crossed, (name, index)
            seen += crossed
    assert seen > 0
    assert not check.failed.any()


def test_what_leaves_is_read_only_and_float64(digits: Digits) -> None:
    parameters = draw_parameters(np.random.default_rng(0), hidden=2)
    before = parameters.vector.copy()

    check = check_gradients(parameters, digits.images[:1], digits.labels[:1])

    for held in (check.analytic, check.numeric, check.relative_error):
        assert held.vector.dtype == np.float64
        assert not held.vector.flags.writeable
    assert not check.kink.flags.writeable
    assert_same(parameters.vector, before)
