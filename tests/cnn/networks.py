"""Networks and images to compare the network with the notes' loops on."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import oracle
from agreement import DTYPES, Floats
from hypothesis import settings
from hypothesis import strategies as st
from translation import by_name, from_oracle

from cnn.network import PARAMETER_NAMES, BiasRule, Parameters

RULES: tuple[BiasRule, ...] = ("exact", "notes")


FORWARD = ("x", "z", "feature_map", "pooled", "a0", "z1", "a1", "z2", "probabilities")


BACKWARD = ("delta2", "delta1", "delta0", "backfill", "dz")


# One image, forward and backward, costs the loops some 7 ms a filter: fewer examples than usual.
few = settings(max_examples=25)


def mean_of(gradients: Sequence[oracle.Parameters]) -> dict[str, Floats]:
    """The mean over the images, parameter by parameter."""
    named = [by_name(one) for one in gradients]
    return {name: sum(one[name] for one in named) / len(named) for name in PARAMETER_NAMES}


def some_images(generator: np.random.Generator, kind: str, n: int) -> np.ndarray:
    """Images (n, 28, 28) uint8 that look like a digit, or like nothing that a network hopes for."""
    images = np.zeros((n, 28, 28), np.uint8)
    if kind == "noise":
        images[:] = generator.integers(0, 256, images.shape)
    elif kind == "sparse":
        images[:, 6:22, 8:20] = generator.choice([0, 0, 0, 255], (n, 16, 12))
    elif kind == "stroke":
        images[:, 4:24, 11:17] = 253
        images[:, 4, 11:17] = generator.integers(0, 256, (n, 6))
    elif kind == "full":
        images[:] = 255
    return images  # "empty" is left at 0


KINDS = st.sampled_from(["noise", "sparse", "stroke", "full", "empty"])


def random_parameters(
    generator: np.random.Generator, filters: int, hidden: int, dtype: type
) -> Parameters:
    """Weights of the size of drawn ones, and biases that are not 0."""
    shapes = ((filters, 3, 3), (filters,), (hidden, filters * 169), (hidden,), (10, hidden), (10,))
    scales = (0.5, 0.2, (2 / (filters * 169)) ** 0.5, 0.2, (2 / hidden) ** 0.5, 0.2)
    arrays = [
        generator.normal(scale=scale, size=shape)
        for scale, shape in zip(scales, shapes, strict=True)
    ]
    return from_oracle(oracle.Parameters(*arrays)).astype(dtype)


@dataclass(frozen=True)
class Case:
    """A network and a batch for it."""

    parameters: Parameters
    images: np.ndarray  # (n, 28, 28) uint8
    labels: np.ndarray  # (n,)


@st.composite
def cases(draw: st.DrawFn, dtypes: st.SearchStrategy[type] = DTYPES) -> Case:
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, hidden = draw(st.integers(1, 3)), draw(st.sampled_from([1, 5, 40]))
    filters = draw(st.sampled_from([1, 1, 2, 3, 8]))
    return Case(
        random_parameters(generator, filters, hidden, draw(dtypes)),
        some_images(generator, draw(KINDS), n),
        generator.integers(0, 10, n),
    )


def a_network() -> Parameters:
    return random_parameters(np.random.default_rng(4), 2, 5, np.float64)
