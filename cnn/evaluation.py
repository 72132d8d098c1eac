"""How well parameters do on digits that they were not trained on."""

from dataclasses import dataclass

import numpy as np

from cnn.arrays import Integers
from cnn.loss import cross_entropy, one_hot
from cnn.network import CLASSES, Forward, Parameters, forward

CHUNK = 100
"""Images judged at once: enough for speed, few enough to stay in the processor's cache."""


@dataclass(frozen=True)
class Evaluation:
    """A judgement of some images.

    Attributes:
        loss: mean cross-entropy, in nats.
        accuracy: share of images whose most probable class is their label, 0..1.
    """

    loss: float
    accuracy: float


def evaluate(parameters: Parameters, images: Integers, labels: Integers) -> Evaluation:
    """Judge images without training on them.

    Args:
        parameters: of the network.
        images: (n, 28, 28) uint8, at least one.
        labels: (n,), the true classes.

    Returns:
        Loss and accuracy over all of them.
    """
    loss, correct = 0.0, 0
    values = Forward(min(CHUNK, len(images)), parameters)
    for start in range(0, len(images), CHUNK):
        chunk, truth = images[start : start + CHUNK], labels[start : start + CHUNK]
        values = forward(parameters, chunk, out=values if len(chunk) == len(values.x) else None)
        y = one_hot(truth, CLASSES, values.z2.dtype)
        loss += float(cross_entropy(values.log_probabilities, y).sum(dtype=np.float64))
        correct += int(np.count_nonzero(values.z2.argmax(axis=1) == truth))
    return Evaluation(loss / len(images), correct / len(images))


def is_dead(parameters: Parameters, images: Integers) -> bool:
    """Whether no hidden unit is above 0 for any of the images.

    Then no error flows back through the hidden layer, and of all parameters only the output
    biases can still move: what too high a learning rate does to a network of ReLUs long before
    a value stops being finite.
    """
    return not any(
        forward(parameters, images[start : start + CHUNK]).a1.any()
        for start in range(0, len(images), CHUNK)
    )
