"""What would have been: a step with other rates, parameters with one other weight."""

import warnings

import numpy as np
import oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st
from translation import to_oracle

from cnn import Recipe, Run, Step, forward
from cnn.network import PARAMETER_NAMES, draw_parameters
from cnn.whatif import losses_along_gradient, with_parameter
from data import Digits


def a_step(digits: Digits, filters: int = 1, batch: int = 1, number: int = 30) -> Step:
    recipe = Recipe(filters=filters, batch=batch, learning_rate=0.05)
    run = Run(recipe, digits.images, digits.labels)
    run.advance(number)
    return run.at(number)


@pytest.mark.parametrize(("filters", "batch"), [(1, 1), (2, 3)])
def test_losses_are_those_of_the_notes(digits: Digits, filters: int, batch: int) -> None:
    """Gradients as the step has them; update, forward pass and loss by the loops, in float64."""
    step = a_step(digits, filters, batch)
    rates = [0.0, 1e-4, 0.05, 0.3]
    expected = []
    for rate in rates:
        theta = oracle.update(to_oracle(step.before), to_oracle(step.backward.gradients), rate)
        scores = [oracle.forward(theta, image / 255).z2 for image in step.images]
        losses = map(oracle.cross_entropy, scores, step.labels.tolist())
        expected.append(sum(losses) / batch)

    # float32 against float64: three digits more than a curve can show.
    np.testing.assert_allclose(losses_along_gradient(step, rates), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("filters", "batch"), [(1, 1), (8, 32)])
def test_the_rates_that_were_taken_give_the_steps_own_losses(
    digits: Digits, filters: int, batch: int
) -> None:
    """Not one bit off: it is the same forward pass."""
    step = a_step(digits, filters, batch)
    after = forward(step.after, step.images).log_probabilities
    chosen = after[np.arange(batch), step.labels]

    at_zero, at_own = losses_along_gradient(step, [0.0, step.learning_rate])

    assert at_zero == step.loss
    assert at_own == float((-chosen).mean())
    assert at_own < at_zero


def test_a_small_rate_goes_down_as_steep_as_the_gradient_says(digits: Digits) -> None:
    step = a_step(digits, batch=32)
    rates = np.geomspace(1e-4, 10, 60)
    losses = losses_along_gradient(step, rates)
    slope = float(np.square(step.backward.gradients.vector, dtype=np.float64).sum())

    assert losses.shape == (60,)
    fall = step.loss - losses[30]  # at a rate of 0.03, where float32 can still tell the two apart
    assert fall / rates[30] == pytest.approx(slope, rel=0.2)
    assert not losses.flags.writeable


def test_rates_beyond_all_reason_say_so_without_a_warning(digits: Digits) -> None:
    step = a_step(digits)
    before = step.before.vector.copy()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        losses = losses_along_gradient(step, [0.01, 1e12, 1e30, 1e38, 1e300, np.inf])

    assert np.isfinite(losses[0])
    assert not np.isfinite(losses[3:]).any()
    np.testing.assert_array_equal(step.before.vector, before)


def test_no_rates_give_no_losses(digits: Digits) -> None:
    assert losses_along_gradient(a_step(digits), []).shape == (0,)


SIZES = {
    "filters": 9, "filter_bias": 1, "hidden_weights": 5 * 3 * 169, "hidden_bias": 5,
    "output_weights": 50, "output_bias": 10,
}  # fmt: skip
THETA = draw_parameters(np.random.default_rng(1), filters=3, hidden=5)


@given(
    st.sampled_from(PARAMETER_NAMES),
    st.integers(0, 2**16),
    st.integers(0, 2),
    st.floats(-1e6, 1e6, width=32),
)
def test_one_parameter_changes_and_no_other(
    name: str, drawn: int, filter: int, value: float
) -> None:
    index = drawn % SIZES[name]
    before = THETA.vector.copy()

    changed = with_parameter(THETA, name, index, value, filter)

    expected = {other: np.array(getattr(THETA, other)) for other in PARAMETER_NAMES}
    one = expected[name][filter : filter + 1] if name.startswith("filter") else expected[name]
    one.reshape(-1)[index] = value  # of a contiguous copy, so a view
    for other in PARAMETER_NAMES:
        np.testing.assert_array_equal(getattr(changed, other), expected[other], err_msg=other)
        assert not getattr(changed, other).flags.writeable
    assert changed.vector.dtype == np.float32
    assert not changed.vector.flags.writeable
    np.testing.assert_array_equal(THETA.vector, before)


def test_what_does_not_exist_is_refused_in_a_sentence() -> None:
    with pytest.raises(ValueError, match="There are no parameters 'dk'; there are filters, filter"):
        with_parameter(THETA, "dk", 0, 1.0)
    for name, size in SIZES.items():
        for index in (-1, size):
            sentence = (
                f"^There is no position {index} of {name}: the first is 0, the last {size - 1}"
            )
            with pytest.raises(ValueError, match=sentence):
                with_parameter(THETA, name, index, 1.0)
    with pytest.raises(ValueError, match=r"^There is no filter 3: the first is 0, the last 2\.$"):
        with_parameter(THETA, "filters", 0, 1.0, filter=3)
    for value in (float("nan"), float("inf"), -1e39):
        with pytest.raises(ValueError, match="is a finite number, not"):
            with_parameter(THETA, "filters", 0, value)
