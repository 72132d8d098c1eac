"""Backpropagation against finite differences, parameter by parameter."""

from dataclasses import dataclass

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
    """

    analytic: Parameters
    numeric: Parameters
    relative_error: Parameters
    kink: npt.NDArray[np.bool_]

    @property
    def failed(self) -> npt.NDArray[np.bool_]:
        """Which parameters disagree by more than 1e-6 and stand at no kink."""
        return ~self.kink & (self.relative_error.vector > TOLERANCE)


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
    analytic = errors.gradients.vector
    numeric, kink = np.empty_like(analytic), np.zeros(analytic.size, np.bool_)

    trial = parameters.replaced(parameters.vector.copy())
    scratch = forward(trial, images, out=Forward(len(images), trial))
    pattern = _pattern(values)
    y = one_hot(labels, CLASSES, np.float64)
    filters = trial.kernels.size
    # The dense layers first: the pooled maps in the scratch pass do not depend on them.
    for i in (*range(filters, analytic.size), *range(filters)):
        theta, losses = trial.vector[i], []
        for changed in (theta + PERTURBATION, theta - PERTURBATION):
            trial.vector[i] = changed
            if i < filters:
                look(trial, scratch)
            judge(trial, scratch)
            losses.append(float(cross_entropy(scratch.log_probabilities, y).mean()))
            kink[i] |= _pattern(scratch) != pattern
        trial.vector[i] = theta
        numeric[i] = (losses[0] - losses[1]) / (2 * PERTURBATION)

    smallest = SMALLEST * max(1.0, errors.loss)
    size = np.maximum(np.abs(analytic), np.abs(numeric))
    error = np.abs(analytic - numeric) / np.maximum(size, smallest)
    read_only(numeric, error, kink)
    return GradientCheck(
        parameters.replaced(analytic),
        parameters.replaced(numeric),
        parameters.replaced(error),
        kink,
    )


def _pattern(values: Forward) -> tuple[bytes, ...]:
    """Which ReLUs are on and who won: constant wherever the loss is smooth."""
    return (
        (values.feature_map > 0).tobytes(),
        values.winner.tobytes(),
        (values.a1 > 0).tobytes(),
    )
