"""ReLU and the matrix layers.

`cnn` keeps a layer's bias as the last column of its weights, and a last 1 in what it is given.
`weighed` and `gradients` below translate from the notes' shapes and back.
"""

from typing import NamedTuple

import numpy as np
import oracle
from agreement import (
    DTYPES,
    HALVES,
    REALS,
    Floats,
    absolute,
    assert_same,
    assert_within,
    drawn,
    rounding,
)
from hypothesis import given
from hypothesis import strategies as st

from cnn.dense import dense, dense_backward, dense_gradient, relu, relu_gradient


class Case(NamedTuple):
    """A matrix layer with what goes in, and an error that comes back to it."""

    a: Floats  # (n, in)
    weights: Floats  # (out, in)
    bias: Floats  # (out,)
    delta: Floats  # (n, out)


@st.composite
def cases(draw: st.DrawFn, values: st.SearchStrategy[float]) -> Case:
    dtype = draw(DTYPES)
    n, inputs, outputs = (draw(st.integers(1, high)) for high in (5, 12, 9))
    return Case(
        a=drawn(draw, (n, inputs), values, dtype),
        weights=drawn(draw, (outputs, inputs), values, dtype),
        bias=drawn(draw, (outputs,), values, dtype),
        delta=drawn(draw, (n, outputs), values, dtype),
    )


def with_one(a: Floats) -> Floats:
    """(n, in) → (n, in + 1)."""
    return np.column_stack([a, np.ones(len(a), a.dtype)])


def weighed(a: Floats, weights: Floats, bias: Floats) -> Floats:
    """(n, out), from `dense`."""
    return dense(with_one(a), np.column_stack([weights, bias]))


def gradients(delta: Floats, a: Floats) -> tuple[Floats, Floats]:
    """(out, in) and (out,), from `dense_gradient`."""
    both = dense_gradient(delta, with_one(a))
    return both[:, :-1], both[:, -1]


def z_by_the_notes(case: Case) -> Floats:
    return np.array([oracle.dense(case.weights, a, case.bias) for a in case.a])


def dW_by_the_notes(case: Case) -> Floats:
    """Each weight's gradient, summed over the images."""
    return sum(oracle.weight_gradient(d, a) for d, a in zip(case.delta, case.a, strict=True))


def db_by_the_notes(case: Case) -> Floats:
    """Each bias's gradient is the error of its row, summed over the images."""
    total = np.zeros(len(case.bias))
    for delta in case.delta:
        total += delta
    return total


def error_by_the_notes(case: Case) -> Floats:
    return np.array([oracle.through_weights(case.weights, delta) for delta in case.delta])


def test_relu_worked_by_hand() -> None:
    z = np.array([[-2.0, 0.0, 3.0, -0.5]])
    delta = np.array([[10.0, 20.0, 30.0, 40.0]])

    assert_same(relu(z), [[0, 0, 3, 0]])
    # Only 3 is above 0. At 0 itself nothing passes.
    assert_same(relu_gradient(delta, relu(z)), [[0, 0, 30, 0]])


def test_dense_worked_by_hand() -> None:
    a = np.array([[1.0, 2.0, 0.0]])
    weights = np.array([[2.0, -1.0, 5.0], [0.5, 3.0, -4.0]])
    bias = np.array([1.0, -2.0])
    delta = np.array([[3.0, -1.0]])

    z = weighed(a, weights, bias)
    weight_gradient, bias_gradient = gradients(delta, a)
    error = dense_backward(delta, weights)

    assert_same(z, [[2 * 1 - 1 * 2 + 5 * 0 + 1, 0.5 * 1 + 3 * 2 - 4 * 0 - 2]])
    assert_same(weight_gradient, [[3 * 1, 3 * 2, 3 * 0], [-1 * 1, -1 * 2, -1 * 0]])
    assert_same(bias_gradient, [3, -1])
    assert_same(error, [[3 * 2 - 1 * 0.5, 3 * -1 - 1 * 3, 3 * 5 - 1 * -4]])


def test_gradients_of_two_images_are_summed() -> None:
    a = np.array([[1.0, 2.0], [4.0, 0.0]])
    delta = np.array([[3.0], [-1.0]])

    weight_gradient, bias_gradient = gradients(delta, a)

    assert_same(weight_gradient, [[3 * 1 - 1 * 4, 3 * 2 - 1 * 0]])
    assert_same(bias_gradient, [3 - 1])


@given(st.data(), DTYPES, st.sampled_from([HALVES, REALS]))
def test_relu_is_the_notes(
    data: st.DataObject, dtype: type, values: st.SearchStrategy[float]
) -> None:
    """In any number of dimensions, without a tolerance: it only chooses."""
    shape = data.draw(st.sampled_from([(1, 1), (3, 7), (2, 3, 4, 5)]))
    z = drawn(data.draw, shape, values, dtype)
    delta = drawn(data.draw, shape, values, dtype)
    z.flags.writeable = delta.flags.writeable = False

    activation = relu(z)
    passed = relu_gradient(delta, activation)

    assert activation.dtype == passed.dtype == dtype
    assert_same(activation, oracle.relu(z.ravel()).reshape(shape))
    assert_same(passed, oracle.through_relu(delta.ravel(), z.ravel()).reshape(shape))
    for memory in (np.full(shape, np.nan, dtype), z.copy()):  # also over its own input
        start = z if np.isnan(memory).any() else memory
        assert_same(relu(start, out=memory), activation)
        assert_same(memory, activation)
    memory = np.full(shape, np.nan, dtype)
    assert_same(relu_gradient(delta, activation, out=memory), passed)
    assert_same(memory, passed)


@given(cases(HALVES))
def test_exact_where_the_sums_are_exact(case: Case) -> None:
    z = weighed(case.a, case.weights, case.bias)
    weight_gradient, bias_gradient = gradients(case.delta, case.a)
    error = dense_backward(case.delta, case.weights)

    assert_same(z, z_by_the_notes(case))
    assert_same(weight_gradient, dW_by_the_notes(case))
    assert_same(bias_gradient, db_by_the_notes(case))
    assert_same(error, error_by_the_notes(case))
    dtypes = {array.dtype for array in (z, weight_gradient, bias_gradient, error)}
    assert dtypes == {case.a.dtype}


@given(cases(REALS))
def test_agrees_to_rounding_everywhere(case: Case) -> None:
    dtype, unsigned = case.a.dtype, absolute(case)
    (n, inputs), outputs = case.a.shape, len(case.bias)

    z = weighed(case.a, case.weights, case.bias)
    weight_gradient, bias_gradient = gradients(case.delta, case.a)
    error = dense_backward(case.delta, case.weights)

    for name, actual, rule, terms in [
        ("z", z, z_by_the_notes, inputs + 1),
        ("dW", weight_gradient, dW_by_the_notes, n),
        ("db", bias_gradient, db_by_the_notes, n),
        ("Wᵀδ", error, error_by_the_notes, outputs),
    ]:
        assert_within(actual, rule(case), rounding(terms, rule(unsigned), dtype), name)


@given(cases(HALVES))
def test_memory_in_any_order_is_read_the_same(case: Case) -> None:
    """And what stood in `out` before, NaN at the worst, reaches nothing."""
    a = np.asfortranarray(with_one(case.a))
    weights = np.column_stack([case.weights[:, ::-1], case.bias])[::-1]
    delta = case.delta[:, ::-1]
    for array in (a, weights, delta):
        array.flags.writeable = False
    turned = Case(case.a, weights[:, :-1], weights[:, -1], delta)
    (n, inputs), outputs, dtype = case.a.shape, len(case.bias), case.a.dtype
    z = np.full((n, outputs), np.nan, dtype)
    both = np.full((outputs, inputs + 1), np.nan, dtype)
    error = np.full((n, inputs), np.nan, dtype)

    dense(a, weights, out=z)
    dense_gradient(delta, a, out=both)
    dense_backward(delta, weights[:, :-1], out=error)

    assert_same(z, z_by_the_notes(turned))
    assert_same(both[:, :-1], dW_by_the_notes(turned))
    assert_same(both[:, -1], db_by_the_notes(turned))
    assert_same(error, error_by_the_notes(turned))
