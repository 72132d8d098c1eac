"""The whole network: every value of the notes' tables, forward and backward.

Two roads, because neither is enough alone.

- From end to end, in float64: the oracle starts from the same image and the same parameters, and
  every value must agree to 1e-12 of the largest of its kind. It would not hold in float32, where
  a rounding may move a winner or a ReLU, and all that follows with it.
- Stage by stage, in float32 and float64: the oracle is handed what the network's own previous stage
  gave, so that each choice (ReLU, winner) must be exactly the same, and each sum may differ by
  its own rounding and no more.
"""

import numpy as np
import oracle
import pytest
from agreement import DTYPES, assert_same, assert_within, rounding
from hypothesis import given
from hypothesis import strategies as st
from networks import (
    BACKWARD,
    FORWARD,
    RULES,
    Case,
    a_network,
    cases,
    few,
    mean_of,
    random_parameters,
    some_images,
)
from translation import by_name, from_oracle, to_oracle

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
