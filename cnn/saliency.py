"""Which pixels speak for an answer: the gradient of one output with respect to the image."""

from dataclasses import dataclass

import numpy as np

from cnn.arrays import Array, Integers, read_only
from cnn.convolution import SIDE
from cnn.dense import dense_backward, relu_gradient
from cnn.network import MAP, Forward, Parameters


@dataclass(frozen=True, eq=False)
class Saliency:
    """How one output of each image comes about.

    The network is made of pieces that are linear, and an image lies within one of them. There
    an output's sum is exactly what every pixel adds to it and what the biases add.

    Attributes:
        gradient: (n, 28, 28), ``∂z2[c]/∂x``: what a little more ink in a pixel would add.
        pixels: (n, 28, 28), ``x · ∂z2[c]/∂x``: what each pixel adds.
        biases: (n,), what all biases together add; with the sum of `pixels` it makes z2[c].
    """

    gradient: Array
    pixels: Array
    biases: Array


def saliency(parameters: Parameters, forward: Forward, classes: Integers) -> Saliency:
    """Follow one output of each image back to its pixels.

    As in the backward pass (the notes, section 2), but it begins with 1 at the output c and 0
    at the others, in the place of ``p − y``, and it goes one layer further:
    ``∂z2[c]/∂x[a,b] = Σ_f Σ_u Σ_v k[u,v]·dz[a−u, b−v]``, with 0 for dz beyond its edges.

    Args:
        parameters: those that the forward pass used.
        forward: its values.
        classes: (n,), which output of each image.
    """
    delta1 = relu_gradient(parameters.output_weights[classes], forward.a1)  # (n, h)
    delta0 = dense_backward(delta1, parameters.hidden_weights)  # (n, f·169)
    dz = _at_winners(delta0, forward)  # (n, f, 26, 26)
    gradient = image_gradient(dz, parameters.filters)  # (n, 28, 28)
    biases = (
        parameters.output_bias[classes]
        + np.dot(delta1, parameters.hidden_bias)
        + np.dot(dz.sum(axis=(2, 3)), parameters.filter_bias)
    )  # (n,)
    found = Saliency(gradient, gradient * forward.x, biases)
    read_only(found.gradient, found.pixels, found.biases)
    return found


def _at_winners(delta0: Array, forward: Forward) -> Array:
    """Send δ0 back to the winners that are above 0: ``dz = backfill * ReLU'(f)``."""
    n, f = forward.pooled.shape[:2]
    passed = relu_gradient(delta0, forward.a0).reshape(n, f, -1)
    dz = np.zeros((n, f, MAP[0] * MAP[1]), delta0.dtype)
    np.put_along_axis(dz, forward.winner.reshape(n, f, -1), passed, axis=2)
    return dz.reshape(n, f, *MAP)


def image_gradient(dz: Array, filters: Array) -> Array:
    """Send the error of the convolution on to the image: a full correlation, turned round.

    Each ``z[i,j]`` was made of nine pixels and gives each its error times the weight that it met.

    Args:
        dz: (n, f, X, Y).
        filters: (f, 3, 3).

    Returns:
        (n, X+2, Y+2).
    """
    n, _, X, Y = dz.shape
    gradient = np.zeros((n, X + SIDE - 1, Y + SIDE - 1), dz.dtype)
    for u in range(SIDE):
        for v in range(SIDE):
            gradient[:, u : u + X, v : v + Y] += np.tensordot(dz, filters[:, u, v], axes=(1, 0))
    return gradient
