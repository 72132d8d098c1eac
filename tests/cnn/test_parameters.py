"""The parameters: how they are laid out, drawn and updated."""

import numpy as np
import oracle
import pytest
from agreement import DTYPES, assert_same, assert_within, rounding
from hypothesis import given
from hypothesis import strategies as st
from networks import RULES, a_network, few, random_parameters
from translation import by_name, to_oracle

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


def test_the_vector_holds_each_layer_with_its_bias_beside_its_weights() -> None:
    """One number a place, each seen under the notes' name and under the layer's."""
    f, h = 2, 4
    kernels = np.arange(f * 10.0).reshape(f, 10)
    hidden = np.arange(h * (f * 169 + 1.0)).reshape(h, f * 169 + 1)
    output = np.arange(10 * (h + 1.0)).reshape(10, h + 1)

    parameters = Parameters.from_arrays(
        filters=kernels[:, :9].reshape(f, 3, 3),
        filter_bias=kernels[:, 9],
        hidden_weights=hidden[:, :-1],
        hidden_bias=hidden[:, -1],
        output_weights=output[:, :-1],
        output_bias=output[:, -1],
    )

    assert PARAMETER_NAMES == (
        "filters",
        "filter_bias",
        "hidden_weights",
        "hidden_bias",
        "output_weights",
        "output_bias",
    )
    flat = np.concatenate([kernels.ravel(), hidden.ravel(), output.ravel()])
    for held in (parameters, Parameters(flat, f, h), parameters.replaced(flat)):
        assert_same(held.vector, flat)
        assert_same(held.kernels, kernels)
        assert_same(held.hidden, hidden)
        assert_same(held.output, output)
        assert_same(held.filters[1, 2, 1], kernels[1, 3 * 2 + 1])
        assert_same(held.filter_bias, kernels[:, 9])
        assert_same(held.hidden_weights, hidden[:, :-1])
        assert_same(held.hidden_bias, hidden[:, -1])
        assert_same(held.output_weights, output[:, :-1])
        assert_same(held.output_bias, output[:, -1])
        for name in (*PARAMETER_NAMES, "kernels", "hidden", "output"):
            assert np.shares_memory(getattr(held, name), held.vector), name


def test_parameters_are_nobody_elses() -> None:
    """An array handed in and changed afterwards changes nothing that is being looked at."""
    arrays = {name: np.array(array) for name, array in by_name(to_oracle(a_network())).items()}
    parameters = Parameters.from_arrays(**arrays)
    before = parameters.vector.copy()
    for array in arrays.values():
        array[...] = 99

    assert_same(parameters.vector, before)


def test_update_worked_by_hand() -> None:
    parameters, gradients = a_network(), a_network()
    ones = Parameters.from_arrays(
        **{name: np.full_like(getattr(parameters, name), 3.0) for name in PARAMETER_NAMES}
    )
    twos = Parameters.from_arrays(
        **{name: np.full_like(getattr(gradients, name), -2.0) for name in PARAMETER_NAMES}
    )

    after = updated(ones, twos, 0.25)

    assert_same(after.vector, np.full(ones.vector.shape, 3 - 0.25 * -2))
    assert_same(ones.vector, np.full(ones.vector.shape, 3))  # replaced, not changed in place


@few
@given(st.integers(0, 2**32 - 1), st.floats(1e-4, 1), DTYPES)
def test_update_agrees_with_the_notes(seed: int, learning_rate: float, dtype: type) -> None:
    generator = np.random.default_rng(seed)
    parameters = random_parameters(generator, 1, 3, dtype)
    gradients = random_parameters(generator, 1, 3, dtype)

    after = updated(parameters, gradients, learning_rate)

    expected = by_name(oracle.update(to_oracle(parameters), to_oracle(gradients), learning_rate))
    for name in PARAMETER_NAMES:
        theta, dtheta = np.abs(getattr(parameters, name)), np.abs(getattr(gradients, name))
        # The rate, the product and the difference round once each.
        allowed = rounding(1, theta + 2 * learning_rate * dtheta, dtype)
        assert_within(getattr(after, name), expected[name], allowed, name)


@pytest.mark.parametrize("rule", RULES)
def test_training_agrees_with_the_notes(digits: Digits, rule: BiasRule) -> None:
    """Twenty steps on real digits: errors of the update would add up, and show."""
    parameters = draw_parameters(np.random.default_rng(7)).astype(np.float64)
    notes = to_oracle(parameters)
    for image, label in zip(digits.images[:20], digits.labels[:20], strict=True):
        step = forward(parameters, image[None])
        back = backward(parameters, step, np.array([label]), bias_rule=rule)
        parameters = updated(parameters, back.gradients, 0.01)
        notes = oracle.train_step(notes, image / 255, int(label), 0.01, rule)

    for name, expected in by_name(notes).items():
        # 1e-12 a step for twenty steps, of the largest of its kind.
        allowed = 20 * 1e-12 * np.abs(expected).max()
        assert_within(getattr(parameters, name), expected, allowed, name)


def test_the_weights_are_drawn_as_he_says() -> None:
    """Mean 0 and variance 2 / inputs where a ReLU follows, 1 / inputs before the softmax."""
    drawn = [draw_parameters(np.random.default_rng(seed), filters=8) for seed in range(20)]
    for name, variance in [
        ("filters", 2 / 9),
        ("hidden_weights", 2 / (8 * 169)),
        ("output_weights", 1 / 40),
    ]:
        weights = np.concatenate([getattr(one, name).ravel() for one in drawn]).astype(np.float64)
        # For independent draws the relative error of a variance is about √(2/n), that of the mean
        # σ/√n. Five times that: about one in two million for a fair draw, and the seeds are fixed.
        n = len(weights)
        assert abs(weights.mean()) < 5 * np.sqrt(variance / n), name
        assert abs(weights.var() / variance - 1) < 5 * np.sqrt(2 / n), name
    for one in drawn:
        assert not one.filter_bias.any()
        assert not one.hidden_bias.any()
        assert not one.output_bias.any()
        assert one.vector.dtype == np.float32


def test_the_draw_depends_on_the_generator_alone() -> None:
    first, again, other = (draw_parameters(np.random.default_rng(s), hidden=9) for s in (1, 1, 2))

    assert first.vector.tobytes() == again.vector.tobytes()
    assert not np.array_equal(first.filters, other.filters)
    assert first.hidden_weights.shape == (9, 169)  # one filter unless asked, and 40 hidden units
    assert draw_parameters(np.random.default_rng(1)).hidden_weights.shape == (40, 169)
