"""One training step, exactly as it was; or one that could not be taken."""

from dataclasses import dataclass

from cnn.arrays import Integers
from cnn.network import Backward, Forward, Parameters


@dataclass(frozen=True)
class Step:
    """One training step, exactly as it was.

    Attributes:
        number: t, counted from 1.
        epoch: the pass through the images that it belongs to, counted from 1.
        indices: (n,), where its images stand in the data.
        images: (n, 28, 28) uint8.
        labels: (n,).
        learning_rate: η.
        before: the parameters that the forward and backward pass used.
        after: the parameters that the update left.
        forward: every value on the way to the probabilities.
        backward: every value on the way back.
    """

    number: int
    epoch: int
    indices: Integers
    images: Integers
    labels: Integers
    learning_rate: float
    before: Parameters
    after: Parameters
    forward: Forward
    backward: Backward

    @property
    def loss(self) -> float:
        """The mean cross-entropy of the step's images before the step, in nats."""
        return self.backward.loss


@dataclass(frozen=True)
class Divergence:
    """A step that could not be taken, because a loss or a parameter would not be finite.

    Attributes:
        step: its number; the run stands one step before it.
        cause: the step whose update did it. Where not even the loss or the gradients of `step`
            are finite, that is the one before, and no other rate helps from where the run
            stands: a fork at ``cause - 1`` with a lower one goes on in either case.
        learning_rate: η of the cause.
    """

    step: int
    cause: int
    learning_rate: float

    def __str__(self) -> str:
        """One sentence."""
        if self.cause < self.step:
            return (
                f"Step {self.cause:,} with the learning rate {self.learning_rate:g} gave "
                "parameters whose loss or gradients are no longer finite, so the run stopped there."
            )
        return (
            f"Step {self.step:,} with the learning rate {self.learning_rate:g} would give values "
            f"that are no longer finite, so the run stopped at step {self.step - 1:,}."
        )
