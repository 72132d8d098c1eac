"""The whole network on steps that are worked out by hand."""

import numpy as np
import numpy.typing as npt
from agreement import Floats, assert_same
from networks import Case, random_parameters, some_images

from cnn.network import PARAMETER_NAMES, Parameters, backward, draw_parameters, forward, updated


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
