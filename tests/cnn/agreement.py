"""How the tests of the network say that two numbers agree, and what they draw to compare.

Two kinds of values are drawn. HALVES are multiples of 1/2 no larger than 2: few of them, so that
ties are common, and every product and sum of them is a multiple of 1/4 that float32 holds exactly,
so that results must be *equal*, whatever the order of the sums. REALS are any numbers; there the
order of a sum matters, and the difference allowed is the known bound on the rounding of a sum.
"""

from typing import TypeVar

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

HALVES = st.sampled_from([0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 1.5, -1.5, 2.0, -2.0])
REALS = st.floats(-8, 8, width=32)
DTYPES = st.sampled_from([np.float32, np.float64])

Floats = npt.NDArray[np.floating]
Arrays = TypeVar("Arrays", bound=tuple[Floats, ...])


def drawn(
    draw: st.DrawFn, shape: tuple[int, ...], values: st.SearchStrategy[float], dtype: type
) -> Floats:
    """Return one array of that shape."""
    return draw(arrays(dtype, shape, elements=values.map(dtype)))


def absolute(case: Arrays) -> Arrays:
    """The same arrays without signs: what comes of them bounds the rounding."""
    return type(case)(*(np.abs(array) for array in case))


def rounding(terms: int, magnitude: npt.ArrayLike, dtype: npt.DTypeLike) -> npt.NDArray[np.float64]:
    """Return how far two sums of so many products may lie apart when only their order differs.

    A floating-point sum of n products, in any order, with or without fused operations, lies
    within n·(eps/2)·Σ|product| of the exact one, to first order (Higham, Accuracy and Stability of
    Numerical Algorithms, section 3.1). Both sides round, hence eps; two terms more pay for the
    second order and a last operation. `magnitude` is Σ|product|. The smallest normal number
    is for products that underflow.
    """
    information = np.finfo(dtype)
    scale = np.asarray(magnitude, dtype=np.float64) * float(information.eps)
    return (terms + 2) * (scale + float(information.tiny))


def assert_within(
    actual: npt.ArrayLike, expected: npt.ArrayLike, allowed: npt.ArrayLike, name: str = ""
) -> None:
    """Demand the same shape and |actual − expected| ≤ allowed, cell by cell."""
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape, f"{name}: {actual.shape}, not {expected.shape}"
    difference = np.abs(actual.astype(np.float64) - expected.astype(np.float64))
    excess = difference - allowed
    assert np.all(excess <= 0), (
        f"{name}: {np.count_nonzero(excess > 0)} of {difference.size} cells differ by more than"
        f" rounding; the worst by {difference.flat[np.argmax(excess)]:.3g}"
    )


def assert_same(actual: npt.ArrayLike, expected: npt.ArrayLike, name: str = "") -> None:
    """Demand the same shape and equal values; 0 and −0 are equal."""
    np.testing.assert_array_equal(actual, expected, err_msg=name, strict=False)
    assert np.shape(actual) == np.shape(expected), name
