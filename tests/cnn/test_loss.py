"""Softmax, the cross-entropy, and its gradient."""

import math

import numpy as np
import oracle
import pytest
from agreement import DTYPES, HALVES, REALS, Floats, assert_same, assert_within, drawn
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from cnn.loss import cross_entropy, cross_entropy_gradient, log_softmax, one_hot, softmax

LARGE = st.floats(-1e4, 1e4, width=32)


@st.composite
def logits(draw: st.DrawFn) -> tuple[Floats, np.ndarray]:
    """Return logits (n, c) and labels (n,), as the integers that data sets come in."""
    n, c = draw(st.integers(1, 5)), draw(st.integers(2, 10))
    values = draw(st.sampled_from([HALVES, REALS, LARGE]))
    kind = draw(st.sampled_from([np.uint8, np.int32, np.int64]))
    labels = draw(st.lists(st.integers(0, c - 1), min_size=n, max_size=n))
    return drawn(draw, (n, c), values, draw(DTYPES)), np.array(labels, dtype=kind)


def relative_rounding(z: Floats) -> np.ndarray:
    """Return how far a softmax may be off, relative to its value, one number for each image.

    e^(z − max) inherits the rounding of the exponent, |z − max|·eps, and adds an eps of its own;
    the sum of c such terms and the division add c + 1 more.
    """
    eps = float(np.finfo(z.dtype).eps)
    spread = z.max(axis=1).astype(np.float64) - z.min(axis=1)
    return eps * (z.shape[1] + 4 + 2 * spread)


def losses_of(z: Floats, labels: np.ndarray) -> Floats:
    """From logits to losses, the way that the network goes."""
    return cross_entropy(log_softmax(z), one_hot(labels, z.shape[1], z.dtype))


def test_softmax_worked_by_hand() -> None:
    z = np.log(np.array([[1.0, 2.0, 5.0]]))
    # e^log 1 = 1, e^log 2 = 2, e^log 5 = 5, and 1 + 2 + 5 = 8.
    expected = [[1 / 8, 2 / 8, 5 / 8]]

    # Three numbers of about 1, a handful of operations: 1e-15 is a few eps.
    np.testing.assert_allclose(softmax(z), expected, rtol=1e-15)


def test_cross_entropy_worked_by_hand() -> None:
    log_probabilities = np.array([[-3.0, -1.0, -0.5], [-2.0, -2.0, -0.25]])
    y = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    expected = [-(0 * -3 + 1 * -1 + 0 * -0.5), -(0 * -2 + 0 * -2 + 1 * -0.25)]
    assert expected == [1, 0.25]

    assert_same(cross_entropy(log_probabilities, y), expected)


def test_log_softmax_worked_by_hand() -> None:
    z = np.log(np.array([[1.0, 2.0, 5.0]]))

    expected = [[math.log(1 / 8), math.log(2 / 8), math.log(5 / 8)]]
    np.testing.assert_allclose(log_softmax(z), expected, rtol=1e-15)


def test_one_hot_worked_by_hand() -> None:
    y = one_hot(np.array([2, 0], dtype=np.uint8), 4, np.float32)

    assert_same(y, [[0, 0, 1, 0], [1, 0, 0, 0]])
    assert y.dtype == np.float32


def test_gradient_worked_by_hand() -> None:
    p = np.array([[0.125, 0.25, 0.625], [0.5, 0.5, 0.0]])
    y = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])

    assert_same(
        cross_entropy_gradient(p, y),
        [[0.125 - 0, 0.25 - 1, 0.625 - 0], [0.5 - 1, 0.5 - 0, 0.0 - 0]],
    )


@given(logits())
def test_agrees_with_the_notes(case: tuple[Floats, np.ndarray]) -> None:
    z, labels = case
    allowed = relative_rounding(z)
    tiny = float(np.finfo(z.dtype).tiny)  # below this a probability is 0 or nearly
    z.flags.writeable = False

    p = softmax(z)
    losses = losses_of(z, labels)
    delta2 = cross_entropy_gradient(p, one_hot(labels, z.shape[1], z.dtype))

    expected = np.array([oracle.softmax(row) for row in z])
    assert_within(p, expected, allowed[:, None] * expected + tiny, "p")
    by_the_notes = [oracle.cross_entropy(row, y) for row, y in zip(z, labels, strict=True)]
    assert_within(losses, by_the_notes, allowed, "loss")
    # The gradient starts from the same p: a subtraction of 1 rounds once, one of 0 not at all.
    errors = np.array([oracle.output_error(row, y) for row, y in zip(p, labels, strict=True)])
    assert_within(delta2, errors, float(np.finfo(z.dtype).eps), "δ2")
    assert p.dtype == losses.dtype == delta2.dtype == z.dtype


@given(logits())
def test_scipy_agrees(case: tuple[Floats, np.ndarray]) -> None:
    z, labels = case
    allowed = relative_rounding(z)
    wide = z.astype(np.float64)
    logs = special.log_softmax(wide, axis=1)

    expected = special.softmax(wide, axis=1)
    tiny = float(np.finfo(z.dtype).tiny)
    assert_within(softmax(z), expected, allowed[:, None] * expected + tiny, "p")
    assert_within(log_softmax(z), logs, allowed[:, None], "log p")
    assert_within(losses_of(z, labels), -logs[np.arange(len(z)), labels], allowed, "loss")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_largest_logits_do_not_overflow(dtype: type) -> None:
    """A warning of an overflow, or of log 0, would be an error here."""
    z = np.array([[1e4, -1e4, 0.0], [1e4, 1e4, -1e4], [-1e4, -1e4, -1e4]], dtype=dtype)

    p = softmax(z)
    losses = losses_of(z, np.array([1, 0, 2]))

    third, half = dtype(1) / dtype(3), dtype(0.5)
    np.testing.assert_allclose(
        p, [[1, 0, 0], [half, half, 0], [third, third, third]], rtol=2 * np.finfo(dtype).eps
    )
    # −log p of the first is 10,000 − (−10,000); its p is 0, and its loss all the same finite.
    np.testing.assert_allclose(
        losses, [20_000, math.log(2), math.log(3)], rtol=4 * np.finfo(dtype).eps
    )


@given(logits())
def test_probabilities_are_positive_and_sum_to_one(case: tuple[Floats, np.ndarray]) -> None:
    p = softmax(case[0])

    assert np.all(p >= 0)
    # c roundings of numbers below 1.
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=0, atol=12 * np.finfo(p.dtype).eps)


def test_the_gradient_is_the_slope_of_the_loss() -> None:
    generator = np.random.default_rng(0)
    z, labels = generator.normal(size=(4, 10)), np.array([3, 0, 9, 3])
    h = 1e-5
    slopes = np.empty_like(z)
    for c in range(10):
        up, down = z.copy(), z.copy()
        up[:, c] += h
        down[:, c] -= h
        slopes[:, c] = (losses_of(up, labels) - losses_of(down, labels)) / (2 * h)

    # The difference itself is good to h² and to eps/h, both about 1e-10.
    gradient = cross_entropy_gradient(softmax(z), one_hot(labels, 10, np.float64))
    np.testing.assert_allclose(gradient, slopes, atol=1e-9)
