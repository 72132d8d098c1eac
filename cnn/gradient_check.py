"""Backpropagation against finite differences, parameter by parameter."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from cnn.arrays import Array, Integers, read_only
from cnn.loss import cross_entropy, one_hot
from cnn.network import (
    CLASSES,
    BiasRule,
    Forward,
    Parameters,
    backward,
    forward,
    judge,
    look,
)

TOLERANCE = 1e-6
"""Relative error up to which an analytic and a numeric gradient agree."""

PERTURBATION = 1e-5
"""ε of the central difference. The error of the difference falls with ε², that of rounding
rises with 1/ε; in float64 the two meet near here."""

SMALLEST = 1e-4
"""Gradients below this, times the loss where that is above 1, are compared to it and not to
themselves: a float64 loss L is rounded to 2⁻⁵³·L, and so the difference to some 10⁻¹¹·L."""


@dataclass(frozen=True)
class GradientCheck:
    """Every parameter's gradient in two ways, in the order of `Parameters.vector`.

    Attributes:
        analytic: what backpropagation says.
        numeric: the central difference ``(L(θ+ε) − L(θ−ε)) / 2ε``.
        relative_error: ``|analytic − numeric| / max(|analytic|, |numeric|, 1e-4·max(1, loss))``.
        kink: whether the perturbation switched a ReLU on or off or changed a winner: there
            the loss has no derivative and the two need not agree.
        loss: where the gradients are taken, in nats.
    """

    analytic: Parameters
    numeric: Parameters
    relative_error: Parameters
    kink: npt.NDArray[np.bool_]
    loss: float

    @property
    def failed(self) -> npt.NDArray[np.bool_]:
        """Which parameters disagree by more than 1e-6 and stand at no kink."""
        return ~self.kink & (self.relative_error.vector > TOLERANCE)

    def of(self, analytic: Parameters) -> "GradientCheck":
        """Return the same check of another analytic gradient.

        The numeric side, which is what takes time, does not depend on it.

        Args:
            analytic: in float64, at the same parameters and images.
        """
        error = _relative_error(analytic.vector, self.numeric.vector, self.loss)
        return replace(self, analytic=analytic, relative_error=analytic.replaced(error))


def check_gradients(
    parameters: Parameters,
    images: Integers | Array,
    labels: Integers,
    bias_rule: BiasRule = "exact",
) -> GradientCheck:
    """Compare backpropagation with central differences, in float64.

    For a step of a run: ``check_gradients(step.before, step.images, step.labels)``.

    Args:
        parameters: where to take the gradients.
        images: (n, 28, 28), as for `cnn.network.forward`.
        labels: (n,); the loss is the mean over the images.
        bias_rule: the rule of the analytic side; the numeric side knows no rule.

    Returns:
        Both gradients of every parameter, their relative error and the kinks.
    """
    parameters = parameters.astype(np.float64)
    values = forward(parameters, images)
    errors = backward(parameters, values, labels, bias_rule)
    numeric, kink = np.empty_like(parameters.vector), np.zeros(parameters.vector.size, np.bool_)

    trial = parameters.replaced(parameters.vector.copy())
    scratch = forward(trial, images, out=Forward(len(images), trial))
    seen, judged = _maps_pattern(values), _hidden_pattern(values)
    y = one_hot(labels, CLASSES, np.float64)
    filters = trial.kernels.size
    # The dense layers first: the pooled maps in the scratch pass do not depend on them.
    for i in (*range(filters, numeric.size), *range(filters)):
        theta, losses = trial.vector[i], []
        for changed in (theta + PERTURBATION, theta - PERTURBATION):
            trial.vector[i] = changed
            if i < filters:
                look(trial, scratch)
                kink[i] |= _maps_pattern(scratch) != seen
            judge(trial, scratch)
            kink[i] |= _hidden_pattern(scratch) != judged
            losses.append(float(cross_entropy(scratch.log_probabilities, y).mean()))
        trial.vector[i] = theta
        numeric[i] = (losses[0] - losses[1]) / (2 * PERTURBATION)

    analytic = errors.gradients
    error = _relative_error(analytic.vector, numeric, errors.loss)
    read_only(numeric, kink)
    return GradientCheck(
        analytic, parameters.replaced(numeric), parameters.replaced(error), kink, errors.loss
    )


def _relative_error(analytic: Array, numeric: Array, loss: float) -> Array:
    size = np.maximum(np.abs(analytic), np.abs(numeric))
    error: Array = np.abs(analytic - numeric) / np.maximum(size, SMALLEST * max(1.0, loss))
    read_only(error)
    return error


# Which ReLUs are on and who won: constant wherever the loss is smooth.


def _maps_pattern(values: Forward) -> tuple[bytes, bytes]:
    return (values.feature_map > 0).tobytes(), values.winner.tobytes()


def _hidden_pattern(values: Forward) -> bytes:
    return (values.a1 > 0).tobytes()
