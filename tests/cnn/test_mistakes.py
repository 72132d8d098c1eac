"""The mistakes that the app shows on purpose: that they are the ones that they claim to be."""

import numpy as np
import oracle
import pytest
from agreement import Floats, assert_same
from translation import to_oracle

from cnn import Recipe, Run
from cnn.gradient_check import check_gradients
from cnn.mistakes import gradients_copied_to_ties, largest_of_their_window, tied_windows
from cnn.network import PARAMETER_NAMES, Parameters, backward, draw_parameters, forward
from data import Digits


def parameters_with(kernel: Floats, bias: float, hidden: int = 3) -> Parameters:
    """One filter as given, and hidden units that are on for any map that is not negative."""
    generator = np.random.default_rng(5)
    return Parameters.from_arrays(
        filters=np.array([kernel], dtype=np.float64),
        filter_bias=np.array([bias]),
        hidden_weights=generator.uniform(0.1, 0.5, (hidden, 169)),
        hidden_bias=np.full(hidden, 0.5),
        output_weights=generator.uniform(-1, 1, (10, hidden)),
        output_bias=np.zeros(10),
    )


def copied_by_loops(parameters: Parameters, image: Floats, label: int) -> tuple[Floats, Floats]:
    """Return dk and db of the notes' loops, but for the back-fill, which looks for equal values."""
    notes = to_oracle(parameters)
    there = oracle.forward(notes, image)
    back = oracle.backward(notes, there, label)
    dk, db = [], []
    for number in range(len(notes.k)):
        filled = np.zeros((26, 26))
        for i in range(13):
            for j in range(13):
                for u in range(2):
                    for v in range(2):
                        if there.f[number, 2 * i + u, 2 * j + v] == there.P[number, i, j]:
                            filled[2 * i + u, 2 * j + v] = back.delta0[number, i, j]
        dz = oracle.through_relu_of_map(filled, there.f[number])
        dk.append(oracle.filter_gradient(dz, image))
        db.append(oracle.filter_bias_gradient(dz, dk[-1], "exact"))
    return oracle.floats(dk), oracle.floats(db)


def test_a_tie_of_two_by_hand() -> None:
    """One pixel that two cells of a window see alike: each gets the whole of δ0."""
    image = np.zeros((1, 28, 28))
    image[0, 4, 5] = 1.0
    # z[3,4] = k[1,1]·x[4,5] − 0.25 and z[3,5] = k[1,0]·x[4,5] − 0.25 are both 0.75: one window,
    # that of P[1,2]. Every other cell is −0.25 and off.
    parameters = parameters_with(np.array([[0, 0, 0], [1, 1, 0], [0, 0, 0]]), -0.25)
    values = forward(parameters, image)
    labels = np.array([7])
    delta0 = backward(parameters, values, labels).delta0[0, 0, 1, 2]
    assert abs(delta0) > 0.01

    wrong = gradients_copied_to_ties(parameters, values, labels)

    right = backward(parameters, values, labels).gradients
    expected = np.zeros((3, 3))
    expected[1, 1] = delta0
    np.testing.assert_allclose(right.filters[0], expected, rtol=1e-12)
    np.testing.assert_allclose(right.filter_bias[0], delta0, rtol=1e-12)
    expected[1, 0] = delta0
    np.testing.assert_allclose(wrong.filters[0], expected, rtol=1e-12)
    np.testing.assert_allclose(wrong.filter_bias[0], 2 * delta0, rtol=1e-12)
    expected_ties = np.zeros((1, 1, 13, 13), bool)
    expected_ties[0, 0, 1, 2] = True
    assert_same(tied_windows(values), expected_ties)


def test_what_is_copied_to_dead_windows_is_blocked() -> None:
    """With a bias below 0, empty paper is one dead window beside the other."""
    image = np.zeros((1, 28, 28))
    parameters = parameters_with(np.ones((3, 3)), -0.25)
    values = forward(parameters, image)

    wrong = gradients_copied_to_ties(parameters, values, np.array([2]))

    assert largest_of_their_window(values).all()
    assert not tied_windows(values).any()
    assert not wrong.filters.any()
    assert not wrong.filter_bias.any()


def test_above_0_empty_paper_is_one_living_tie() -> None:
    """Every window then sends its error back four times; the pixels, all 0, save the filter."""
    image = np.zeros((1, 28, 28))
    parameters = parameters_with(np.ones((3, 3)), 0.25)
    values, labels = forward(parameters, image), np.array([2])
    errors = backward(parameters, values, labels)

    wrong = gradients_copied_to_ties(parameters, values, labels)

    assert tied_windows(values).all()
    assert abs(errors.delta0.sum()) > 0.01
    np.testing.assert_allclose(wrong.filter_bias, 4 * errors.delta0.sum(), rtol=1e-12)
    np.testing.assert_allclose(errors.gradients.filter_bias, errors.delta0.sum(), rtol=1e-12)
    assert not wrong.filters.any()


@pytest.mark.parametrize("seed", range(4))
def test_it_is_the_notes_loops_with_that_one_mistake(digits: Digits, seed: int) -> None:
    """On coarse pixels and weights, which make ties of two, three and four, alive and dead."""
    generator = np.random.default_rng(seed)
    drawn = draw_parameters(generator, filters=2, hidden=6)
    vector = np.round(drawn.vector.astype(np.float64) * 4) / 4
    parameters = drawn.replaced(vector)
    parameters.filter_bias[:] = 0.25, -0.25
    images = np.round(digits.images[seed : seed + 2] / 255 * 2) / 2
    labels = digits.labels[seed : seed + 2]
    values = forward(parameters, images)

    wrong = gradients_copied_to_ties(parameters, values, labels)

    loops = [copied_by_loops(parameters, images[n], int(labels[n])) for n in range(2)]
    assert tied_windows(values).any()
    assert not tied_windows(values).all()
    np.testing.assert_allclose(wrong.filters, np.mean([dk for dk, _ in loops], axis=0), atol=1e-12)
    np.testing.assert_allclose(
        wrong.filter_bias, np.mean([db for _, db in loops], axis=0), atol=1e-12
    )
    right = backward(parameters, values, labels).gradients
    assert np.abs(wrong.filters - right.filters).max() > 1e-3


def test_without_a_tie_nothing_is_wrong(digits: Digits) -> None:
    """Noise has no two equal patches."""
    image = np.random.default_rng(0).uniform(0.1, 1, (1, 28, 28))
    parameters = draw_parameters(np.random.default_rng(1), 2, 5).astype(np.float64)
    values, labels = forward(parameters, image), np.array([4])

    wrong = gradients_copied_to_ties(parameters, values, labels)

    assert not tied_windows(values).any()
    right = backward(parameters, values, labels).gradients
    assert np.abs(right.filters).max() > 1e-3
    np.testing.assert_allclose(wrong.vector, right.vector, rtol=1e-12, atol=1e-15)


def test_on_a_real_digit_the_check_finds_it_in_the_filter_alone(digits: Digits) -> None:
    """And by how much: with this digit more than half of the filter gradient is wrong."""
    run = Run(Recipe(learning_rate=0.02), digits.images, digits.labels)
    run.advance(57)
    step = run.at(57)
    check = check_gradients(step.before, step.images, step.labels)
    parameters = step.before.astype(np.float64)
    values = forward(parameters, step.images)

    broken = check.of(gradients_copied_to_ties(parameters, values, step.labels))

    assert not check.failed.any()
    failed = np.flatnonzero(broken.failed)
    assert failed.size
    assert failed.max() < 10  # the nine weights and the bias of the one filter
    assert_same(broken.numeric.vector, check.numeric.vector)
    assert_same(broken.kink, check.kink)
    off = np.linalg.norm(broken.analytic.filters - check.numeric.filters)
    assert off > 0.5 * np.linalg.norm(check.numeric.filters)
    assert broken.relative_error.filter_bias[0] > 0.1


def test_a_check_of_the_same_gradient_says_the_same(digits: Digits) -> None:
    parameters = draw_parameters(np.random.default_rng(0), hidden=4)
    images, labels = digits.images[:2], digits.labels[:2]
    exact = check_gradients(parameters, images, labels)
    notes = check_gradients(parameters, images, labels, "notes")

    assert_same(exact.of(exact.analytic).relative_error.vector, exact.relative_error.vector)
    assert_same(exact.of(notes.analytic).relative_error.vector, notes.relative_error.vector)
    assert_same(exact.of(notes.analytic).failed, notes.failed)


def test_both_mistakes_at_once(digits: Digits) -> None:
    parameters = draw_parameters(np.random.default_rng(0), hidden=4)
    parameters = Parameters.from_arrays(
        **{name: getattr(parameters, name) for name in PARAMETER_NAMES if name != "filter_bias"},
        filter_bias=np.array([0.1], np.float32),
    )
    values = forward(parameters, digits.images[:1])

    copied = gradients_copied_to_ties(parameters, values, digits.labels[:1])
    both = gradients_copied_to_ties(parameters, values, digits.labels[:1], "notes")

    assert_same(both.filters, copied.filters)
    np.testing.assert_allclose(both.filter_bias[0], copied.filters.sum(), rtol=1e-5)
    assert abs(both.filter_bias[0] - copied.filter_bias[0]) > 1e-3
    assert not both.vector.flags.writeable
    assert both.vector.dtype == np.float32
