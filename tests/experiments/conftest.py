"""Small sweeps for the tests in this folder."""

from collections.abc import Iterator

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from data import Digits
from experiments import Sweep


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """As in the workers: the number of threads changes the bits of a sum."""
    with threadpool_limits(limits=1, user_api="blas"):
        yield


@pytest.fixture(scope="session")
def few(digits: Digits) -> Digits:
    """Four hundred digits to learn from, two hundred held out."""
    return Digits(
        "bundled",
        digits.images[:400],
        digits.labels[:400],
        digits.held_out_images[:200],
        digits.held_out_labels[:200],
    )


@pytest.fixture(scope="session")
def small() -> Sweep:
    """Four runs of three hundred steps of ten: one rate learns, one kills."""
    return Sweep((0.01, 1e6), batch=(10,), seeds=(0, 1), epochs=None, steps=300)


@pytest.fixture(scope="session")
def large() -> Digits:
    """Forty megabytes of noise, so that one journey more would be seen."""
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (50_000, 28, 28), np.uint8)
    labels = generator.integers(0, 10, 50_000)
    return Digits("noise", images, labels, images[:100], labels[:100])
