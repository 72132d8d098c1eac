"""A small convolutional network in NumPy, every step of whose training can be looked at."""

from cnn.gradient_check import GradientCheck, check_gradients
from cnn.network import Backward, Forward, Parameters, backward, forward, updated
from cnn.recipe import Recipe, RecipeError
from cnn.run import Run
from cnn.step import Step

__all__ = [
    "Backward",
    "Forward",
    "GradientCheck",
    "Parameters",
    "Recipe",
    "RecipeError",
    "Run",
    "Step",
    "backward",
    "check_gradients",
    "forward",
    "updated",
]
