"""The whole network: every value of the notes' tables, forward, backward and the update.

Two roads, because neither is enough alone.

- From end to end, in float64: the oracle starts from the same image and the same parameters, and
  every value must agree to 1e-12 of the largest of its kind. It would not hold in float32, where
  a rounding may move a winner or a ReLU, and all that follows with it.
- Stage by stage, in float32 and float64: the oracle is handed what the network's own previous stage
  gave, so that each choice (ReLU, winner) must be exactly the same, and each sum may differ by
  its own rounding and no more.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import oracle
import pytest
from agreement import DTYPES, Floats, assert_same, assert_within, rounding
from hypothesis import given, settings
from hypothesis import strategies as st

from cnn.network import (
    PARAMETER_NAMES,
    Backward,
    BiasRule,
    Forward,
    Parameters,
    backward,
    draw_parameters,
    forward,
    updated,
)
from data import Digits

RULES: tuple[BiasRule, ...] = ("exact", "notes")
FORWARD = ("x", "z", "feature_map", "pooled", "a0", "z1", "a1", "z2", "probabilities")
BACKWARD = ("delta2", "delta1", "delta0", "backfill", "dz")
# One image, forward and backward, costs the loops some 7 ms a filter: fewer examples than usual.
few = settings(max_examples=25)


def to_oracle(parameters: Parameters) -> oracle.Parameters:
    return oracle.Parameters(
        *(oracle.floats(getattr(parameters, name)) for name in PARAMETER_NAMES)
    )


def from_oracle(parameters: oracle.Parameters) -> Parameters:
    return Parameters.from_arrays(
        filters=parameters.k,
        filter_bias=parameters.b,
        hidden_weights=parameters.W1,
        hidden_bias=parameters.b1,
        output_weights=parameters.W2,
        output_bias=parameters.b2,
    )


def by_name(parameters: oracle.Parameters) -> dict[str, Floats]:
    """The oracle's six arrays under the names that the network keeps them by."""
    values = (getattr(parameters, name) for name in ("k", "b", "W1", "b1", "W2", "b2"))
    return dict(zip(PARAMETER_NAMES, values, strict=True))


def mean_of(gradients: Sequence[oracle.Parameters]) -> dict[str, Floats]:
    """The mean over the images, parameter by parameter."""
    named = [by_name(one) for one in gradients]
    return {name: sum(one[name] for one in named) / len(named) for name in PARAMETER_NAMES}


def some_images(generator: np.random.Generator, kind: str, n: int) -> np.ndarray:
    """Images (n, 28, 28) uint8 that look like a digit, or like nothing that a network hopes for."""
    images = np.zeros((n, 28, 28), np.uint8)
    if kind == "noise":
        images[:] = generator.integers(0, 256, images.shape)
    elif kind == "sparse":
        images[:, 6:22, 8:20] = generator.choice([0, 0, 0, 255], (n, 16, 12))
    elif kind == "stroke":
        images[:, 4:24, 11:17] = 253
        images[:, 4, 11:17] = generator.integers(0, 256, (n, 6))
    elif kind == "full":
        images[:] = 255
    return images  # "empty" is left at 0


KINDS = st.sampled_from(["noise", "sparse", "stroke", "full", "empty"])


def random_parameters(
    generator: np.random.Generator, filters: int, hidden: int, dtype: type
) -> Parameters:
    """Weights of the size of drawn ones, and biases that are not 0."""
    shapes = ((filters, 3, 3), (filters,), (hidden, filters * 169), (hidden,), (10, hidden), (10,))
    scales = (0.5, 0.2, (2 / (filters * 169)) ** 0.5, 0.2, (2 / hidden) ** 0.5, 0.2)
    arrays = [
        generator.normal(scale=scale, size=shape)
        for scale, shape in zip(scales, shapes, strict=True)
    ]
    return from_oracle(oracle.Parameters(*arrays)).astype(dtype)


@dataclass(frozen=True)
class Case:
    """A network and a batch for it."""

    parameters: Parameters
    images: np.ndarray  # (n, 28, 28) uint8
    labels: np.ndarray  # (n,)


@st.composite
def cases(draw: st.DrawFn, dtypes: st.SearchStrategy[type] = DTYPES) -> Case:
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, hidden = draw(st.integers(1, 3)), draw(st.sampled_from([1, 5, 40]))
    filters = draw(st.sampled_from([1, 1, 2, 3, 8]))
    return Case(
        random_parameters(generator, filters, hidden, draw(dtypes)),
        some_images(generator, draw(KINDS), n),
        generator.integers(0, 10, n),
    )


def assert_whole_agrees(case: Case, rule: BiasRule) -> None:
    """From end to end. The parameters are float64."""
    step = forward(case.parameters, case.images)
    back = backward(case.parameters, step, case.labels, bias_rule=rule)
    parameters = to_oracle(case.parameters)
    forwards = [oracle.forward(parameters, image / 255) for image in case.images]
    backwards = [
        oracle.backward(parameters, one, label, rule)
        for one, label in zip(forwards, case.labels, strict=True)
    ]

    f, Y = len(parameters.k), 26
    rows, columns = np.divmod(np.asarray(step.winner, dtype=np.int64), Y)
    assert_same(np.stack([rows, columns], axis=-1), [one.indexes for one in forwards], "winner")
    for name, symbol in zip(
        FORWARD, ("x", "z", "f", "P", "a0", "z1", "a1", "z2", "p"), strict=True
    ):
        expected = np.array([getattr(one, symbol) for one in forwards])
        assert_within(getattr(step, name), expected, 1e-12 * np.abs(expected).max(), name)
    for name in BACKWARD:
        expected = np.array([getattr(one, name) for one in backwards])
        assert_within(getattr(back, name), expected, 1e-12 * np.abs(expected).max(), name)
    for name, expected in mean_of([one.gradients for one in backwards]).items():
        # A filter's gradient is a sum over 676 cells that may cancel: measured by its parts.
        parts = np.abs([one.dz for one in backwards]).sum(axis=(2, 3)).mean(axis=0).max() * f
        size = max(np.abs(expected).max(), 9 * parts if name.startswith("filter") else 0)
        assert_within(getattr(back.gradients, name), expected, 1e-12 * size, name)
    losses = [
        oracle.cross_entropy(one.z2, label)
        for one, label in zip(forwards, case.labels, strict=True)
    ]
    np.testing.assert_allclose(back.losses, losses, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(back.loss, np.mean(losses), rtol=1e-12, atol=1e-12)


def assert_forward_stages_agree(case: Case, index: int) -> None:
    """One image of the batch, every stage from the stage before it."""
    parameters, dtype = to_oracle(case.parameters), case.parameters.filters.dtype
    absolute = to_oracle(
        from_oracle(oracle.Parameters(*(abs(array) for array in by_name(parameters).values())))
    )
    step = forward(case.parameters, case.images)
    x = step.x[index]
    assert_within(x, case.images[index] / 255, 2 * np.finfo(dtype).eps * x, "x")
    for number, (k, b) in enumerate(zip(parameters.k, parameters.b, strict=True)):
        z, f = step.z[index, number], step.feature_map[index, number]
        size = oracle.convolution(x, absolute.k[number], absolute.b[number])
        assert_within(z, oracle.convolution(x, k, b), rounding(10, size, dtype), "z")
        assert_same(f, oracle.relu_of_map(z), "feature_map")
        P, indexes = oracle.pooling(f)
        assert_same(step.pooled[index, number], P, "pooled")
        flat = indexes[..., 0] * 26 + indexes[..., 1]
        assert_same(step.winner[index, number], flat, "winner")
    a0, z1, a1, z2 = (getattr(step, name)[index] for name in ("a0", "z1", "a1", "z2"))
    assert_same(a0, oracle.flatten(step.pooled[index]), "a0")
    size = oracle.dense(absolute.W1, a0, absolute.b1)
    expected = oracle.dense(parameters.W1, a0, parameters.b1)
    assert_within(z1, expected, rounding(len(a0) + 1, size, dtype), "z1")
    assert_same(a1, oracle.relu(z1), "a1")
    size = oracle.dense(absolute.W2, a1, absolute.b2)
    expected = oracle.dense(parameters.W2, a1, parameters.b2)
    assert_within(z2, expected, rounding(len(a1) + 1, size, dtype), "z2")
    # The exponents are rounded like |z2|, whence the last term; 14 is ten classes and four steps.
    p = oracle.softmax(z2)
    allowed = (14 + 2 * np.ptp(z2)) * np.finfo(dtype).eps * p
    assert_within(step.probabilities[index], p, allowed + np.finfo(dtype).tiny, "p")


def assert_backward_stages_agree(case: Case, rule: BiasRule) -> None:
    """Each image's own errors from the errors above them, then the means over the batch."""
    parameters, dtype = to_oracle(case.parameters), case.parameters.filters.dtype
    eps = float(np.finfo(dtype).eps)
    step = forward(case.parameters, case.images)
    back = backward(case.parameters, step, case.labels, bias_rule=rule)
    filters = len(parameters.k)
    gradients, sizes = [], []
    for index, label in enumerate(case.labels):
        delta2, delta1 = back.delta2[index], back.delta1[index]
        delta0, z1 = back.delta0[index], step.z1[index]
        assert_within(delta2, oracle.output_error(step.probabilities[index], label), eps, "delta2")
        error = oracle.through_weights(parameters.W2, delta2)
        size = oracle.through_weights(abs(parameters.W2), abs(delta2))
        assert_within(
            delta1, oracle.through_relu(error, z1), rounding(10, size, dtype) * (z1 > 0), "delta1"
        )
        error = oracle.through_weights(parameters.W1, delta1)
        size = oracle.through_weights(abs(parameters.W1), abs(delta1))
        assert_within(
            delta0,
            oracle.unflatten(error, filters, 13, 13),
            rounding(len(delta1), size, dtype).reshape(filters, 13, 13),
            "delta0",
        )
        dk, db, dk_size, db_size = [], [], [], []
        for number in range(filters):
            f = step.feature_map[index, number]
            indexes = oracle.pooling(f)[1]
            filled = oracle.back_fill(delta0[number], indexes, 26, 26)
            assert_same(back.backfill[index, number], filled, "backfill")
            dz = oracle.through_relu_of_map(filled, f)
            assert_same(back.dz[index, number], dz, "dz")
            dk.append(oracle.filter_gradient(dz, step.x[index]))
            dk_size.append(oracle.filter_gradient(abs(dz), step.x[index]))
            db.append(oracle.filter_bias_gradient(dz, dk[-1], rule))
            db_size.append(oracle.filter_bias_gradient(abs(dz), dk_size[-1], rule))
        dW2 = oracle.weight_gradient(delta2, step.a1[index])
        dW1 = oracle.weight_gradient(delta1, step.a0[index])
        one = (oracle.floats(dk), oracle.floats(db), dW1, delta1, dW2, delta2)
        gradients.append(oracle.Parameters(*one))
        size_of_one = (oracle.floats(dk_size), oracle.floats(db_size), dW1, delta1, dW2, delta2)
        sizes.append(oracle.Parameters(*(abs(array) for array in size_of_one)))
    # Every gradient is a sum over the images of at most 169 winners each (9 times that by the
    # notes' rule), divided by n.
    n = len(case.labels)
    terms = {"filters": n * 169, "filter_bias": n * 169 * 9}
    size = mean_of(sizes)
    for name, expected in mean_of(gradients).items():
        allowed = rounding(terms.get(name, n) + 1, size[name], dtype)
        assert_within(getattr(back.gradients, name), expected, allowed, name)
    np.testing.assert_allclose(back.loss, np.mean(back.losses), rtol=(n + 1) * eps)


@few
@given(cases(st.just(np.float64)), st.sampled_from(RULES))
def test_the_whole_agrees_with_the_notes(case: Case, rule: BiasRule) -> None:
    assert_whole_agrees(case, rule)


@few
@given(cases(), st.sampled_from(RULES))
def test_every_stage_agrees_with_the_notes(case: Case, rule: BiasRule) -> None:
    assert_forward_stages_agree(case, len(case.images) - 1)
    assert_backward_stages_agree(case, rule)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("filters", [1, 8])
def test_real_digits_agree_with_the_notes(digits: Digits, filters: int, rule: BiasRule) -> None:
    """As they are trained: drawn parameters with biases at 0, ties and dead windows included."""
    parameters = draw_parameters(np.random.default_rng(filters), filters=filters)
    chosen = slice(0, 4000, 400)
    case = Case(parameters, digits.images[chosen], digits.labels[chosen])

    assert_whole_agrees(Case(parameters.astype(np.float64), case.images, case.labels), rule)
    assert_forward_stages_agree(case, 0)
    assert_backward_stages_agree(case, rule)


@few
@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 2, 8]), DTYPES)
def test_exact_where_the_sums_are_exact(seed: int, filters: int, dtype: type) -> None:
    """Pixels in quarters and weights in halves: up to the logits every value is exact.

    No sum passes 2^24 quarters, so that float32 holds each as it is, in whatever order.
    """
    generator = np.random.default_rng(seed)
    halves = [-1.0, -0.5, 0.0, 0.0, 0.5, 1.0]
    shapes = ((filters, 3, 3), (filters,), (5, filters * 169), (5,), (10, 5), (10,))
    notes = oracle.Parameters(*(generator.choice(halves, shape) for shape in shapes))
    parameters = from_oracle(notes).astype(dtype)
    image = generator.choice([0, 0, 0.25, 0.5, 1.0], (28, 28))

    step = forward(parameters, image[None].astype(dtype))

    expected = oracle.forward(notes, image)
    names = ("x", "z", "f", "P", "a0", "z1", "a1", "z2")
    for name, symbol in zip(FORWARD[:-1], names, strict=True):
        assert_same(getattr(step, name)[0], getattr(expected, symbol), name)
    rows, columns = expected.indexes[..., 0], expected.indexes[..., 1]
    assert_same(step.winner[0], rows * 26 + columns, "winner")
    # The biases' gradients are errors themselves: nothing to sum, so nothing to round.
    back = backward(parameters, step, np.array([3]))
    assert_same(back.gradients.output_bias, back.delta2[0])
    assert_same(back.gradients.hidden_bias, back.delta1[0])


def one_filter(filters: list[list[float]], bias: float, hidden_weights: Floats) -> Parameters:
    """Two hidden units; unit 0 votes for class 0 and unit 1 for class 1."""
    output_weights = np.zeros((10, 2))
    output_weights[0, 0] = output_weights[1, 1] = 1
    return Parameters.from_arrays(
        filters=np.array([filters]),
        filter_bias=np.array([bias]),
        hidden_weights=hidden_weights,
        hidden_bias=np.zeros(2),
        output_weights=output_weights,
        output_bias=np.zeros(10),
    )


def test_one_step_worked_by_hand() -> None:
    """One pixel, one cell, one winner: the whole way there and back with pencil and paper."""
    image = np.zeros((1, 28, 28))
    image[0, 4, 4] = 1.0
    image[0, 4, 5] = 0.5
    # k keeps the pixel in its middle, doubled: z[i,j] = 2·x[i+1,j+1] − 0.25.
    # z[3,3] = 2·1 − 0.25 = 1.75, z[3,4] = 2·0.5 − 0.25 = 0.75, all others −0.25.
    # The window of rows 2, 3 and columns 2, 3 holds 1.75 in its last cell: P[1,1] = 1.75,
    # winner (3, 3). The window to its right holds 0.75 below left: P[1,2] = 0.75, winner (3, 4).
    hidden_weights = np.zeros((2, 169))
    hidden_weights[0, 1 * 13 + 1] = 2  # z1[0] = 2·P[1,1] − 2·P[1,2] = 3.5 − 1.5 = 2
    hidden_weights[0, 1 * 13 + 2] = -2
    hidden_weights[1, 1 * 13 + 1] = -4  # z1[1] = −4·P[1,1] = −7, stopped by its ReLU
    parameters = one_filter([[0, 0, 0], [0, 2, 0], [0, 0, 0]], -0.25, hidden_weights)

    step = forward(parameters, image)
    back = backward(parameters, step, np.array([1]))

    assert step.z[0, 0, 3, 3] == 1.75
    assert step.z[0, 0, 3, 4] == 0.75
    assert np.count_nonzero(step.z == -0.25) == 26 * 26 - 2
    assert step.pooled[0, 0, 1, 1] == 1.75
    assert step.pooled[0, 0, 1, 2] == 0.75
    assert np.count_nonzero(step.pooled) == 2
    assert step.winner[0, 0, 1, 1] == 3 * 26 + 3
    assert step.winner[0, 0, 1, 2] == 3 * 26 + 4
    assert step.winner[0, 0, 0, 0] == 0  # dead: the first of four zeros
    assert_same(step.z1, [[2, -7]])
    assert_same(step.a1, [[2, 0]])
    assert_same(step.z2, [[2, 0, 0, 0, 0, 0, 0, 0, 0, 0]])
    # p[0] = e²/(e² + 9), the other nine 1/(e² + 9) each.
    e2 = np.exp(2.0)
    p0, rest = e2 / (e2 + 9), 1 / (e2 + 9)

    def close(actual: npt.ArrayLike, expected: npt.ArrayLike) -> None:
        np.testing.assert_allclose(actual, expected, rtol=1e-14)  # a handful of roundings

    close(step.probabilities, [[p0] + 9 * [rest]])
    close(back.loss, -np.log(rest))
    # δ2 = p − y, with y = 1 at class 1.
    close(back.delta2, [[p0, rest - 1] + 8 * [rest]])
    # δ1 = W2ᵀδ2 * ReLU'(z1) = (1·p0, 1·(rest − 1)) * (1, 0).
    close(back.delta1, [[p0, 0]])
    # δ0 = W1ᵀδ1: 2·p0 at (1, 1) and −2·p0 at (1, 2).
    close(back.delta0[0, 0, 1, 1:3], [2 * p0, -2 * p0])
    assert np.count_nonzero(back.delta0) == 2
    # Both winners are above 0, so dz is the back-fill.
    close(back.dz[0, 0, 3, 3:5], [2 * p0, -2 * p0])
    assert np.count_nonzero(back.backfill) == np.count_nonzero(back.dz) == 2
    # dk[u,v] = 2p0·x[3+u,3+v] − 2p0·x[3+u,4+v], where x has 1 at (4,4) and 0.5 at (4,5):
    # dk[1,0] = 2p0·x[4,3] − 2p0·x[4,4] = −2p0, dk[1,1] = 2p0·1 − 2p0·0.5 = p0,
    # dk[1,2] = 2p0·x[4,5] − 2p0·x[4,6] = p0.
    dk = [[0, 0, 0], [-2 * p0, p0, p0], [0, 0, 0]]
    close(back.gradients.filters, [dk])
    # The rule as meant: Σ dz = 2p0 − 2p0 = 0. As the notes wrote it: Σ dk = −2p0 + p0 + p0 = 0.
    np.testing.assert_allclose(back.gradients.filter_bias, [0], atol=1e-15)
    np.testing.assert_allclose(back.gradients.output_weights[:2, 0], [2 * p0, 2 * (rest - 1)])
    np.testing.assert_allclose(back.gradients.hidden_weights[0, 14:16], [1.75 * p0, 0.75 * p0])
    # k[1,1] ← 2 − 0.1·p0.
    after = updated(parameters, back.gradients, 0.1)
    close(after.filters[0, 1, 1], 2 - 0.1 * p0)


def test_the_two_bias_rules_worked_by_hand() -> None:
    """One winner above two lit pixels: dz has one entry d, and dk has two, d·1 and d·0.5."""
    image = np.zeros((1, 28, 28))
    image[0, 4, 4], image[0, 4, 5] = 1.0, 0.5
    hidden_weights = np.zeros((2, 169))
    hidden_weights[0, 1 * 13 + 1] = 1
    parameters = one_filter([[0, 0, 0], [0, 1, 0], [0, 0, 0]], 0.0, hidden_weights)
    step = forward(parameters, image)

    exact = backward(parameters, step, np.array([1]), bias_rule="exact")
    notes = backward(parameters, step, np.array([1]), bias_rule="notes")

    # z1[0] = P[1,1] = 1, so p[0] = e/(e + 9), and d = δ0[1,1] = 1·p[0].
    d = np.e / (np.e + 9)
    np.testing.assert_allclose(exact.gradients.filter_bias, [d], rtol=1e-14)
    np.testing.assert_allclose(notes.gradients.filter_bias, [d * 1 + d * 0.5], rtol=1e-14)
    for name in PARAMETER_NAMES:
        if name != "filter_bias":
            assert_same(getattr(exact.gradients, name), getattr(notes.gradients, name), name)


def test_exact_is_the_rule_unless_asked() -> None:
    case = Case(
        random_parameters(np.random.default_rng(1), 2, 5, np.float32),
        some_images(np.random.default_rng(2), "noise", 2),
        np.array([3, 4]),
    )
    step = forward(case.parameters, case.images)
    assert_same(
        backward(case.parameters, step, case.labels).gradients.vector,
        backward(case.parameters, step, case.labels, bias_rule="exact").gradients.vector,
    )


def test_a_dead_window_passes_nothing_and_a_tie_passes_to_the_first_alone() -> None:
    image = np.zeros((1, 28, 28), np.uint8)
    image[0, 10:20, 10:20] = 255
    parameters = one_filter(
        [[0, 0, 0], [0, 1, 0], [0, 0, 0]], 0.0, np.array([np.full(169, 0.01), np.full(169, -0.01)])
    )

    step = forward(parameters, image)
    back = backward(parameters, step, np.array([1]))

    dead = step.pooled[0, 0] == 0
    assert 0 < np.count_nonzero(dead) < 169
    assert np.all(back.delta0 != 0)  # an error does arrive at every window
    passed = back.dz[0, 0].reshape(13, 2, 13, 2).transpose(0, 2, 1, 3).reshape(13, 13, 4)
    assert np.all(passed[dead] == 0)
    # f is 1 in rows and columns 9 to 18: of the windows there, from (10, 10), all four cells tie.
    f = step.feature_map[0, 0].reshape(13, 2, 13, 2).transpose(0, 2, 1, 3).reshape(13, 13, 4)
    tied = np.all(f == 1, axis=2)
    assert np.count_nonzero(tied) == 16
    assert np.all(passed[tied][:, 0] != 0)
    assert np.all(passed[tied][:, 1:] == 0)


def test_a_blank_image_moves_no_filter() -> None:
    """Bias 0 and no ink: f is 0 everywhere, and ReLU'(0) = 0 lets nothing through."""
    parameters = draw_parameters(np.random.default_rng(0), filters=3)
    step = forward(parameters, np.zeros((2, 28, 28), np.uint8))
    back = backward(parameters, step, np.array([7, 1]))

    assert not step.feature_map.any()
    assert not back.dz.any()
    assert not back.gradients.filters.any()
    assert not back.gradients.filter_bias.any()
    np.testing.assert_allclose(step.probabilities, 0.1, rtol=1e-6)
    np.testing.assert_allclose(back.losses, np.log(10), rtol=1e-6)


@few
@given(cases())
def test_a_batch_gives_each_image_its_own_and_the_mean_of_the_gradients(case: Case) -> None:
    """Against the same network on one image at a time, to float rounding of a different order."""
    dtype = case.parameters.filters.dtype
    step = forward(case.parameters, case.images)
    back = backward(case.parameters, step, case.labels)
    vectors = []
    for index in range(len(case.labels)):
        one = slice(index, index + 1)
        alone = forward(case.parameters, case.images[one])
        back_alone = backward(case.parameters, alone, case.labels[one])
        assert_same(step.winner[one], alone.winner, "winner")
        for name in FORWARD:
            size = np.abs(getattr(alone, name)).max(initial=0)
            # Sums of up to 1352 products; the logits are sums of such sums.
            allowed = rounding(3000, size, dtype)
            assert_within(getattr(step, name)[one], getattr(alone, name), allowed, name)
        vectors.append(back_alone.gradients.vector)
    mean = np.mean(vectors, axis=0, dtype=np.float64)
    size = np.abs(vectors).max()
    assert_within(back.gradients.vector, mean, rounding(3000, size, dtype), "gradients")
    np.testing.assert_allclose(back.loss, np.mean(back.losses), rtol=1e-6)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [1, 4])
def test_the_dtype_of_the_parameters_is_kept(n: int, dtype: type, rule: BiasRule) -> None:
    """Whatever comes in: float64 pixels, uint8 labels, a float64 scalar for the rate."""
    generator = np.random.default_rng(0)
    parameters = random_parameters(generator, 2, 5, dtype)
    pictures = some_images(generator, "noise", n)
    for images in (pictures, pictures / 255, (pictures / 255).astype(np.float32)):
        for labels in (np.zeros(n, np.uint8), np.zeros(n, np.int64)):
            step = forward(parameters, images)
            back = backward(parameters, step, labels, bias_rule=rule)
            after = updated(parameters, back.gradients, np.float64(0.01))
            for name in FORWARD:
                assert getattr(step, name).dtype == dtype, name
            for name in BACKWARD:
                assert getattr(back, name).dtype == dtype, name
            for held in (parameters, back.gradients, after):
                assert held.vector.dtype == dtype
                for name in PARAMETER_NAMES:
                    assert getattr(held, name).dtype == dtype, name


def arrays_of(holder: object) -> dict[str, np.ndarray]:
    """Every array that a value shows under a public name."""
    shown = {name: getattr(holder, name) for name in dir(holder) if not name.startswith("_")}
    return {name: value for name, value in shown.items() if isinstance(value, np.ndarray)}


@pytest.mark.parametrize("ready", [False, True], ids=["pixels", "scaled before"])
@pytest.mark.parametrize("n", [1, 4])
def test_what_leaves_is_read_only(n: int, ready: bool) -> None:
    """Every array that can be reached, and none of the caller's own."""
    generator = np.random.default_rng(0)
    parameters = random_parameters(generator, 2, 5, np.float32)
    images = some_images(generator, "noise", n)
    if ready:
        images = (images / 255).astype(np.float32)
    labels = np.zeros(n, np.int64)

    step = forward(parameters, images)
    back = backward(parameters, step, labels)

    arrays = arrays_of(step) | arrays_of(back)
    assert arrays.keys() >= {*FORWARD, "winner", *BACKWARD, "losses"}
    for kind, held in {
        "joined": parameters,
        "in another precision": parameters.astype(np.float64),
        "drawn": draw_parameters(generator),
        "gradient": back.gradients,
        "updated": updated(parameters, back.gradients, 0.1),
    }.items():
        found = arrays_of(held)
        assert found.keys() >= {*PARAMETER_NAMES, "vector"}
        arrays |= {f"{kind}: {name}": array for name, array in found.items()}
    assert [name for name, array in arrays.items() if array.flags.writeable] == []
    assert images.flags.writeable
    assert labels.flags.writeable


def test_shapes() -> None:
    parameters = draw_parameters(np.random.default_rng(0), filters=3, hidden=7)
    step = forward(parameters, np.zeros((2, 28, 28), np.uint8))
    back = backward(parameters, step, np.array([0, 1]))

    assert {name: getattr(parameters, name).shape for name in PARAMETER_NAMES} == {
        "filters": (3, 3, 3),
        "filter_bias": (3,),
        "hidden_weights": (7, 3 * 169),
        "hidden_bias": (7,),
        "output_weights": (10, 7),
        "output_bias": (10,),
    }
    assert parameters.vector.shape == (3 * 9 + 3 + 7 * 3 * 169 + 7 + 10 * 7 + 10,)
    assert {name: getattr(step, name).shape for name in (*FORWARD, "winner")} == {
        "x": (2, 28, 28),
        "z": (2, 3, 26, 26),
        "feature_map": (2, 3, 26, 26),
        "pooled": (2, 3, 13, 13),
        "winner": (2, 3, 13, 13),
        "a0": (2, 3 * 169),
        "z1": (2, 7),
        "a1": (2, 7),
        "z2": (2, 10),
        "probabilities": (2, 10),
    }
    assert {name: getattr(back, name).shape for name in (*BACKWARD, "losses")} == {
        "delta2": (2, 10),
        "delta1": (2, 7),
        "delta0": (2, 3, 13, 13),
        "backfill": (2, 3, 26, 26),
        "dz": (2, 3, 26, 26),
        "losses": (2,),
    }
    assert np.ndim(back.loss) == 0


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


def a_network() -> Parameters:
    return random_parameters(np.random.default_rng(4), 2, 5, np.float64)


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


@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize("filters", [1, 3])
def test_memory_of_an_earlier_step_leaves_no_trace(filters: int, n: int) -> None:
    """Training writes every step into the arrays of the last one: the same bits as new arrays.

    The pictures are as different as can be, ink where there was none and none where there was,
    and the two rules take turns.
    """
    generator = np.random.default_rng(filters)
    parameters = random_parameters(generator, filters, 5, np.float32)
    step, back = Forward(n, parameters), Backward(n, parameters)
    memory = parameters.copied(), updated(parameters, parameters, 0.0)
    for held in memory:
        assert held.vector.tobytes() == parameters.vector.tobytes()
    after = Parameters(np.full_like(parameters.vector, np.nan), filters, 5)
    for number, kind in enumerate(["full", "noise", "empty", "sparse", "stroke", "full", "empty"]):
        images, labels = some_images(generator, kind, n), generator.integers(0, 10, n)
        rule = RULES[number % 2]

        forward(parameters, images, out=step)
        backward(parameters, step, labels, bias_rule=rule, out=back)
        updated(parameters, back.gradients, 0.1, out=after)

        new_step = forward(parameters, images)
        new_back = backward(parameters, new_step, labels, bias_rule=rule)
        for name in (*FORWARD, "winner"):
            assert_same(getattr(step, name), getattr(new_step, name), f"{kind}: {name}")
        for name in (*BACKWARD, "losses"):
            assert_same(getattr(back, name), getattr(new_back, name), f"{kind}: {name}")
        assert back.loss == new_back.loss
        assert_same(back.gradients.vector, new_back.gradients.vector, f"{kind}: gradients")
        expected = updated(parameters, new_back.gradients, 0.1)
        assert_same(after.vector, expected.vector, f"{kind}: after")
        parameters = expected


def test_whole_numbers_are_pixels_and_fractions_are_already_scaled() -> None:
    generator = np.random.default_rng(0)
    parameters = a_network()
    pictures = some_images(generator, "noise", 2)

    assert_within(forward(parameters, pictures).x, pictures / 255, 1e-15)
    assert_same(forward(parameters, pictures / 255).x, pictures / 255)


def test_images_in_any_order_of_memory_are_read_the_same() -> None:
    parameters = a_network()
    pictures = some_images(np.random.default_rng(0), "noise", 3)
    turned = pictures.transpose(0, 2, 1)[::-1]

    assert_same(forward(parameters, turned).z2, forward(parameters, turned.copy()).z2)


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
