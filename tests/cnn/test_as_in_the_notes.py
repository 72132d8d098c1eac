"""The loops that the page shows: equal to the network's functions on real steps, and by hand."""

import inspect

import numpy as np
import oracle
import pytest
from agreement import assert_same, assert_within, rounding

from cnn import Recipe, Run, Step, as_in_the_notes, updated
from cnn.network import MAP, pooled_size
from data import Digits

SIZE = pooled_size(1)


@pytest.fixture(scope="module", params=[(1, 1), (2, 300)], ids=["one filter", "three filters"])
def step(request: pytest.FixtureRequest, digits: Digits) -> Step:
    seed, number = request.param
    recipe = Recipe(seed=seed, filters=1 if seed == 1 else 3, learning_rate=0.02)
    run = Run(recipe, digits.images, digits.labels)
    run.advance(number)
    return run.at(number)


@pytest.fixture(params=[0, -1], ids=["first", "last"])
def filter(request: pytest.FixtureRequest, step: Step) -> int:
    return int(request.param) % len(step.before.filters)


def wide(*arrays: np.ndarray) -> list[np.ndarray]:
    """In float64, in which the loops are to compute."""
    return [array.astype(np.float64) for array in arrays]


def test_the_image(step: Step) -> None:
    x = as_in_the_notes.image(step.images[0])
    assert_within(step.forward.x[0], x, rounding(0, np.abs(x), np.float32), "x")
    assert x.max() == 1.0


def test_the_maps(step: Step, filter: int) -> None:
    there = step.forward
    x, k = wide(there.x[0], step.before.filters[filter])
    b = float(step.before.filter_bias[filter])
    z, f = wide(there.z[0, filter], there.feature_map[0, filter])
    size = as_in_the_notes.convolution(np.abs(x), np.abs(k), abs(b))
    allowed = rounding(10, size, np.float32)
    assert_within(z, as_in_the_notes.convolution(x, k, b), allowed, "z")
    assert_same(f, as_in_the_notes.relu(z), "f")
    P, indexes = as_in_the_notes.pooling(f)
    assert_same(there.pooled[0, filter], P, "P")
    winner = np.stack(np.divmod(there.winner[0, filter], MAP[1]), axis=-1)
    assert_same(winner, indexes, "winner")
    own = slice(filter * SIZE, (filter + 1) * SIZE)
    assert_same(there.a0[0, own], as_in_the_notes.flatten(P), "a0")


def test_the_dense_layers(step: Step) -> None:
    there, before = step.forward, step.before
    for z, *given in (
        (there.z1[0], before.hidden_weights, before.hidden_bias, there.a0[0]),
        (there.z2[0], before.output_weights, before.output_bias, there.a1[0]),
    ):
        W, b, a = wide(*given)
        size = as_in_the_notes.dense(np.abs(W), np.abs(a), np.abs(b))
        allowed = rounding(len(a) + 1, size, np.float32)
        assert_within(z, as_in_the_notes.dense(W, a, b), allowed, "z1 or z2")
    assert_same(there.a1[0], as_in_the_notes.relu(there.z1[0]), "a1")


def test_probabilities_loss_and_output_error(step: Step) -> None:
    (z2, p), label = wide(step.forward.z2[0], step.forward.probabilities[0]), int(step.labels[0])
    y = np.eye(10)[label]
    np.testing.assert_allclose(p, as_in_the_notes.softmax(z2), rtol=1e-5)
    loss = as_in_the_notes.cross_entropy(z2, y)
    np.testing.assert_allclose(step.backward.losses[0], loss, rtol=1e-5, atol=1e-6)
    assert loss == pytest.approx(oracle.cross_entropy(z2, label), rel=1e-12)
    error = as_in_the_notes.output_error(p, y)
    assert_within(step.backward.delta2[0], error, rounding(0, np.abs(error), np.float32), "δ2")


def test_the_loss_is_finite_where_a_probability_is_too_small() -> None:
    z2 = np.array([0.0, 2_000.0, *[0.0] * 8])
    assert as_in_the_notes.softmax(z2)[0] == 0
    assert as_in_the_notes.cross_entropy(z2, np.eye(10)[0]) == 2_000.0


def test_the_way_back(step: Step, filter: int) -> None:
    there, back, gradients = step.forward, step.backward, step.backward.gradients
    delta2, delta1, a0, a1 = wide(back.delta2[0], back.delta1[0], there.a0[0], there.a1[0])
    W1, W2 = wide(step.before.hidden_weights, step.before.output_weights)
    product = as_in_the_notes.weight_gradient(delta2, a1)
    allowed = rounding(0, np.abs(product), np.float32)
    assert_within(gradients.output_weights, product, allowed, "dW2")
    product = as_in_the_notes.weight_gradient(delta1, a0)
    allowed = rounding(0, np.abs(product), np.float32)
    assert_within(gradients.hidden_weights, product, allowed, "dW1")

    error = as_in_the_notes.through_weights(W2, delta2)
    size = as_in_the_notes.through_weights(np.abs(W2), np.abs(delta2))
    passed = as_in_the_notes.through_relu(error, there.z1[0])
    assert_within(delta1, passed, rounding(10, size, np.float32), "δ1")
    assert (passed == 0).any()

    own = slice(filter * SIZE, (filter + 1) * SIZE)
    error = as_in_the_notes.through_weights(W1, delta1)[own]
    size = as_in_the_notes.through_weights(np.abs(W1), np.abs(delta1))[own]
    allowed = rounding(len(delta1), as_in_the_notes.to_grid(size), np.float32)
    assert_within(back.delta0[0, filter], as_in_the_notes.to_grid(error), allowed, "δ0")


def test_the_way_back_to_the_filter(step: Step, filter: int) -> None:
    there, back = step.forward, step.backward
    x, f, dz = wide(there.x[0], there.feature_map[0, filter], back.dz[0, filter])
    _, indexes = as_in_the_notes.pooling(f)
    filled = as_in_the_notes.back_fill(back.delta0[0, filter], indexes)
    assert_same(back.backfill[0, filter], filled, "backfill")
    assert_same(dz, as_in_the_notes.through_relu(filled, f), "dz")
    dk, size = (as_in_the_notes.filter_gradient(part, x) for part in (dz, np.abs(dz)))
    allowed = rounding(676, size, np.float32)
    assert_within(back.gradients.filters[filter], dk, allowed, "dk")
    db, size = (as_in_the_notes.filter_bias_gradient(part) for part in (dz, np.abs(dz)))
    allowed = rounding(676, size, np.float32)
    assert_within(back.gradients.filter_bias[filter], db, allowed, "db")


@pytest.mark.parametrize("name", ["filters", "filter_bias", "hidden_weights", "output_bias"])
def test_the_update(step: Step, name: str) -> None:
    theta, gradient = wide(getattr(step.before, name), getattr(step.backward.gradients, name))
    rate = float(np.float32(step.learning_rate))
    new = as_in_the_notes.update(theta, gradient, rate)
    size = np.abs(theta) + rate * np.abs(gradient)
    code = updated(step.before, step.backward.gradients, step.learning_rate)
    assert_within(getattr(code, name), new, rounding(1, size, np.float32), name)
    assert_same(getattr(step.after, name), getattr(code, name), name)


def test_a_tie_goes_to_the_first_in_row_order() -> None:
    f = np.zeros((26, 26))
    f[4, 7] = f[5, 6] = 3.0  # the window of (2, 3): top right and bottom left
    P, indexes = as_in_the_notes.pooling(f)
    assert P[2, 3] == 3.0
    assert indexes[2, 3].tolist() == [4, 7]
    assert indexes[12, 12].tolist() == [24, 24]  # dead: the first of four zeros


def test_they_share_nothing_with_the_code_or_with_the_oracle() -> None:
    """Two independent writings: neither may be taken from the other, or from what trains."""
    written = inspect.getsource(as_in_the_notes)
    assert "oracle" not in written
    assert [line for line in written.splitlines() if line.startswith(("from cnn", "import"))] == [
        "import math",
        "import numpy as np",
        "from cnn.arrays import Array, Integers",
    ]
    assert "as_in_the_notes" not in inspect.getsource(oracle)
