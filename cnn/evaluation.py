"""How well parameters do on digits that they were not trained on."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from cnn.arrays import Array, Integers, read_only
from cnn.loss import cross_entropy, one_hot
from cnn.network import CHUNK, CLASSES, Forward, Parameters, forward

DEATH_IMAGES = 500
"""Held-out digits by which it is judged whether a network has died."""


@dataclass(frozen=True)
class Evaluation:
    """A judgement of some images.

    Attributes:
        loss: mean cross-entropy, in nats.
        accuracy: share of images whose most probable class is their label, 0..1.
    """

    loss: float
    accuracy: float


@dataclass(frozen=True, eq=False)
class Judgement:
    """A judgement of some images, one by one.

    Attributes:
        labels: (n,), the true classes.
        said: (n,), the most probable ones, of equals the first.
        losses: (n,), each image's cross-entropy, in nats.
        probabilities: (n, c).
    """

    labels: Integers
    said: Integers
    losses: Array
    probabilities: Array

    @property
    def loss(self) -> float:
        """The mean of the losses, in nats."""
        return float(self.losses.mean(dtype=np.float64))

    @property
    def correct(self) -> int:
        """Images whose most probable class is their label."""
        return int(np.count_nonzero(self.said == self.labels))

    @property
    def confusion(self) -> Integers:
        """(c, c): how many images of the class of the row were taken for that of the column."""
        pairs = self.labels * CLASSES + self.said
        return np.bincount(pairs, minlength=CLASSES**2).reshape(CLASSES, CLASSES)

    @property
    def accuracy_by_class(self) -> Array:
        """(c,): the share of each class that was classified rightly; NaN where it has no image."""
        confusion = self.confusion
        counts = confusion.sum(axis=1)
        shares: Array = np.full(CLASSES, np.nan)
        np.divide(confusion.diagonal(), counts, out=shares, where=counts > 0)
        return shares

    def among(self, label: int, said: int) -> Integers:
        """Return where the images of one class stand that were taken for another, or for it.

        Args:
            label: their true class.
            said: what they were taken for.

        Returns:
            (m,), positions, the highest loss first.
        """
        return self._by_loss(np.flatnonzero((self.labels == label) & (self.said == said)))

    @property
    def mistakes(self) -> Integers:
        """(m,), where the images stand that were taken for another class, the worst first."""
        return self._by_loss(np.flatnonzero(self.said != self.labels))

    def _by_loss(self, positions: Integers) -> Integers:
        return positions[np.argsort(-self.losses[positions], kind="stable")]


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
    for chunk, values, losses in _chunks(parameters, images, labels):
        loss += float(losses.sum(dtype=np.float64))
        correct += int(np.count_nonzero(values.z2.argmax(axis=1) == labels[chunk]))
    return Evaluation(loss / len(images), correct / len(images))


def judge(parameters: Parameters, images: Integers, labels: Integers) -> Judgement:
    """Judge images one by one, without training on them.

    Args:
        parameters: of the network.
        images: (n, 28, 28) uint8, at least one.
        labels: (n,), the true classes.

    Returns:
        What each of them was taken for; in read-only arrays.
    """
    n, dtype = len(images), parameters.vector.dtype
    judged = Judgement(
        labels, np.empty(n, np.int64), np.empty(n, dtype), np.empty((n, CLASSES), dtype)
    )
    for chunk, values, losses in _chunks(parameters, images, labels):
        judged.said[chunk] = values.z2.argmax(axis=1)
        judged.losses[chunk] = losses
        judged.probabilities[chunk] = values.probabilities
    read_only(judged.said, judged.losses, judged.probabilities)
    return judged


def _chunks(
    parameters: Parameters, images: Integers, labels: Integers
) -> Iterator[tuple[slice, Forward, Array]]:
    """Go through the images: a chunk, its forward pass, which is written over, and its losses."""
    values = Forward(min(CHUNK, len(images)), parameters, in_place=True)
    for start in range(0, len(images), CHUNK):
        chunk = slice(start, start + CHUNK)
        some = images[chunk]
        values = forward(parameters, some, out=values if len(some) == len(values.x) else None)
        y = one_hot(labels[chunk], CLASSES, values.z2.dtype)
        yield chunk, values, cross_entropy(values.log_probabilities, y)


def is_dead(parameters: Parameters, images: Integers) -> bool:
    """Whether no pooled map, or no hidden unit, is above 0 for any of the images.

    Then no error flows back to the filters, or to any hidden unit either, and only biases can still
    move: what too high a learning rate does to a network of ReLUs long before a value stops being
    finite.
    """
    filters = hidden = False
    for start in range(0, len(images), CHUNK):
        values = forward(parameters, images[start : start + CHUNK])
        filters = filters or bool(values.pooled.any())
        hidden = hidden or bool(values.a1.any())
        if filters and hidden:
            return False
    return True
