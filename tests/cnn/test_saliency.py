"""Which pixels speak for an answer: against finite differences and by hand."""

import numpy as np
import pytest

from cnn import Parameters, Recipe, Run, forward
from cnn.saliency import image_gradient, saliency
from data import Digits

STEP = 1e-6


def trained(digits: Digits, filters: int) -> Parameters:
    run = Run(Recipe(filters=filters, learning_rate=0.02), digits.images, digits.labels)
    run.advance(400)
    return run.parameters.astype(np.float64)  # so that a difference of 10⁻⁶ can be seen


def test_one_cell_by_hand() -> None:
    """z[0,1] met the pixels from (0,1) on, z[2,0] those from (2,0) on; they share (2,1), (2,2)."""
    filters = np.arange(1.0, 10.0).reshape(1, 3, 3)
    dz = np.zeros((1, 1, 3, 2))
    dz[0, 0, 0, 1], dz[0, 0, 2, 0] = 2, 10

    expected = [
        [0, 2, 4, 6],
        [0, 8, 10, 12],
        [10, 14 + 20, 16 + 30, 18],
        [40, 50, 60, 0],
        [70, 80, 90, 0],
    ]
    np.testing.assert_array_equal(image_gradient(dz, filters)[0], expected)


@pytest.mark.parametrize("filters", [1, 3])
def test_the_gradient_is_the_difference_that_each_pixel_makes(digits: Digits, filters: int) -> None:
    """All 784 pixels of three digits, moved both ways by 10⁻⁶; a kink shows in one way only."""
    parameters = trained(digits, filters)
    images = digits.held_out_images[:3] / 255
    # Away from 0, or every empty patch would sit on the kink of a tie.
    images = images + np.random.default_rng(0).uniform(0, 1e-3, images.shape)
    classes = np.array([4, 0, 9])
    found = saliency(parameters, forward(parameters, images), classes)

    for image, c, gradient in zip(images, classes, found.gradient, strict=True):
        moves = STEP * np.eye(784).reshape(-1, 28, 28)
        up = forward(parameters, image + moves).z2[:, c]
        down = forward(parameters, image - moves).z2[:, c]
        numeric = ((up - down) / (2 * STEP)).reshape(28, 28)
        np.testing.assert_allclose(gradient, numeric, atol=1e-7)
    assert np.abs(found.gradient).max(axis=(1, 2)).min() > 0.01


@pytest.mark.parametrize("filters", [1, 3])
def test_pixels_and_biases_make_the_whole_score(digits: Digits, filters: int) -> None:
    parameters = trained(digits, filters)
    values = forward(parameters, digits.held_out_images[:200])
    classes = values.probabilities.argmax(axis=1)

    found = saliency(parameters, values, classes)

    together = found.pixels.sum(axis=(1, 2)) + found.biases
    np.testing.assert_allclose(together, values.z2[np.arange(200), classes], rtol=1e-10)
    np.testing.assert_array_equal(found.pixels[values.x == 0], 0)
    assert np.abs(found.biases).max() > 0.01  # they do count


def test_nobody_writes_into_it(digits: Digits) -> None:
    parameters = trained(digits, 1)
    found = saliency(parameters, forward(parameters, digits.images[:1]), digits.labels[:1])

    for array in (found.gradient, found.pixels, found.biases):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
