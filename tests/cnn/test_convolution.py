"""The convolution and the gradient of its filters.

`cnn` keeps each filter with its bias in a row of ten, and maps flat, with rows as long as the
image's. `convolved` and `gradient` below translate from the notes' shapes and back, so that every
comparison is made in those.
"""

import os
import platform
import subprocess
import sys
from itertools import count
from pathlib import Path
from typing import NamedTuple

import numpy as np
import oracle
import pytest
from agreement import (
    DTYPES,
    HALVES,
    REALS,
    Floats,
    absolute,
    assert_same,
    assert_within,
    drawn,
    rounding,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.signal import correlate2d

from cnn import convolution
from cnn.convolution import convolve, kernel_gradient, patches
from data import Digits


class Case(NamedTuple):
    """What a convolution works on, and an error that comes back to it."""

    images: Floats  # (n, H, W)
    filters: Floats  # (f, 3, 3)
    bias: Floats  # (f,)
    dz: Floats  # (n, f, X, Y)


@st.composite
def cases(draw: st.DrawFn, values: st.SearchStrategy[float]) -> Case:
    dtype = draw(DTYPES)
    n, f = draw(st.integers(1, 3)), draw(st.integers(1, 8))
    height, width = draw(st.integers(3, 8)), draw(st.integers(3, 8))
    return Case(
        images=drawn(draw, (n, height, width), values, dtype),
        filters=drawn(draw, (f, 3, 3), values, dtype),
        bias=drawn(draw, (f,), values, dtype),
        dz=drawn(draw, (n, f, height - 2, width - 2), values, dtype),
    )


def kernels(filters: Floats, bias: Floats) -> Floats:
    """(f, 3, 3) and (f,) → (f, 10): each filter row by row, then its bias."""
    return np.column_stack([filters.reshape(len(filters), 9), bias])


def stored(dz: Floats, size: int) -> Floats:
    """(n, f, X, Y) → (n, f, size): what belongs to no position is 0."""
    long_rows = np.pad(dz, [(0, 0), (0, 0), (0, 0), (0, 2)]).reshape(*dz.shape[:2], -1)
    return np.pad(long_rows, [(0, 0), (0, 0), (0, size - long_rows.shape[2])])


def shown(z: Floats, images: Floats) -> Floats:
    """(n, f, size) → (n, f, X, Y), without what belongs to no position."""
    _, height, width = images.shape
    X, Y = height - 2, width - 2
    return z[..., : X * width].reshape(*z.shape[:2], X, width)[..., :Y]


def convolved(images: Floats, filters: Floats, bias: Floats) -> Floats:
    """(n, f, X, Y), from `convolve`."""
    return shown(convolve(patches(images), kernels(filters, bias)), images)


def gradient(dz: Floats, columns: Floats) -> tuple[Floats, Floats]:
    """(f, 3, 3) and (f,), from `kernel_gradient`."""
    both = kernel_gradient(stored(dz, columns.shape[2]), columns)
    assert both.shape == (dz.shape[1], 10)
    return both[:, :9].reshape(-1, 3, 3), both[:, 9]


def z_by_the_notes(case: Case) -> Floats:
    return np.array(
        [
            [oracle.convolution(x, k, b) for k, b in zip(case.filters, case.bias, strict=True)]
            for x in case.images
        ]
    )


def gradient_by_the_notes(case: Case) -> tuple[Floats, Floats]:
    """Each filter's gradient and its bias's, summed over the images."""
    dk, db = np.zeros((len(case.filters), 3, 3)), np.zeros(len(case.filters))
    for dz, x in zip(case.dz, case.images, strict=True):
        for number in range(len(case.filters)):
            one = oracle.filter_gradient(dz[number], x)
            dk[number] += one
            db[number] += oracle.filter_bias_gradient(dz[number], one, "exact")
    return dk, db


IMAGE = np.array(
    [
        [1.0, 2.0, 0.0, 1.0],
        [0.0, 3.0, 1.0, 2.0],
        [2.0, 1.0, 0.0, 4.0],
    ]
)


def test_worked_by_hand() -> None:
    filters = np.array(
        [
            [[1.0, 0.0, -1.0], [2.0, 0.0, -2.0], [1.0, 0.0, -1.0]],
            [[0.0, 1.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 3.0]],
        ]
    )
    bias = np.array([0.5, -1.0])
    first = [
        1 * 1 + 0 * 2 - 1 * 0 + 2 * 0 + 0 * 3 - 2 * 1 + 1 * 2 + 0 * 1 - 1 * 0 + 0.5,
        1 * 2 + 0 * 0 - 1 * 1 + 2 * 3 + 0 * 1 - 2 * 2 + 1 * 1 + 0 * 0 - 1 * 4 + 0.5,
    ]
    second = [1 * 2 + 3 * 0 - 1, 1 * 0 + 3 * 4 - 1]
    assert first == [1.5, 0.5]
    assert second == [1, 11]

    z = convolved(IMAGE[None], filters, bias)

    assert_same(z, [[[first], [second]]])


def test_gradient_worked_by_hand() -> None:
    dz = np.array([[2.0, -1.0]])
    # dk[u,v] = 2·x[u,v] − 1·x[u,v+1]
    expected = [
        [2 * 1 - 1 * 2, 2 * 2 - 1 * 0, 2 * 0 - 1 * 1],
        [2 * 0 - 1 * 3, 2 * 3 - 1 * 1, 2 * 1 - 1 * 2],
        [2 * 2 - 1 * 1, 2 * 1 - 1 * 0, 2 * 0 - 1 * 4],
    ]

    dk, db = gradient(dz[None, None], patches(IMAGE[None]))

    assert_same(dk, [expected])
    assert_same(db, [2 - 1])


@given(cases(HALVES))
def test_patches_hold_what_stands_under_each_position(case: Case) -> None:
    columns = patches(case.images)

    n, height, width = case.images.shape
    size = next(size for size in count(step=16) if size >= (height - 2) * width)
    assert columns.shape == (n, 10, size)
    assert columns.dtype == case.images.dtype
    for index, image in enumerate(case.images):
        for i in range(height - 2):
            for j in range(width - 2):
                under = [image[i + u, j + v] for u in range(3) for v in range(3)]
                assert list(columns[index, :, i * width + j]) == [*under, 1]
    # The positions beyond are multiplied by errors of 0, which only a finite number survives.
    assert np.isfinite(columns).all()


@given(cases(HALVES))
def test_exact_where_the_sums_are_exact(case: Case) -> None:
    z = convolved(case.images, case.filters, case.bias)
    dk, db = gradient(case.dz, patches(case.images))

    assert_same(z, z_by_the_notes(case))
    assert_same(dk, gradient_by_the_notes(case)[0])
    assert_same(db, gradient_by_the_notes(case)[1])
    assert z.dtype == dk.dtype == db.dtype == case.images.dtype


@given(cases(REALS))
def test_agrees_to_rounding_everywhere(case: Case) -> None:
    dtype, terms = case.images.dtype, case.dz[:, 0].size

    z = convolved(case.images, case.filters, case.bias)
    dk, db = gradient(case.dz, patches(case.images))

    unsigned = absolute(case)
    assert_within(z, z_by_the_notes(case), rounding(10, z_by_the_notes(unsigned), dtype), "z")
    expected, sizes = gradient_by_the_notes(case), gradient_by_the_notes(unsigned)
    assert_within(dk, expected[0], rounding(terms, sizes[0], dtype), "dk")
    assert_within(db, expected[1], rounding(terms, sizes[1], dtype), "db")


@given(cases(HALVES))
def test_memory_of_an_earlier_call_leaves_no_trace(case: Case) -> None:
    """Pixels as large as they come before, or NaN where an earlier result stood, reach nothing."""
    n, f, dtype = len(case.images), len(case.filters), case.images.dtype
    columns = patches(np.full_like(case.images, 1e30))
    z = np.full((n, f, columns.shape[2]), np.nan, dtype)
    both = np.full((f, 10), np.nan, dtype)

    patches(case.images, out=columns)
    convolve(columns, kernels(case.filters, case.bias), out=z)
    kernel_gradient(stored(case.dz, columns.shape[2]), columns, out=both)

    assert_same(shown(z, case.images), z_by_the_notes(case))
    dk, db = gradient_by_the_notes(case)
    assert_same(both, kernels(dk, db))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("f", [1, 3, 5, 8])
@pytest.mark.parametrize("n", [1, 2, 32])
def test_equal_patches_give_equal_bits(n: int, f: int, dtype: type) -> None:
    """Otherwise rounding, not the digit, would decide the tie in an even stroke.

    The value of a cell may not depend on where in the map or in the batch its patch stands.
    """
    generator = np.random.default_rng(n + f)
    filters = generator.normal(size=(f, 3, 3)).astype(dtype)
    bias = generator.normal(size=f).astype(dtype)
    images = np.full((n, 28, 28), 253 / 255, dtype)
    images[:, 14:] = 0

    z = convolved(images, filters, bias)

    assert z.dtype == dtype
    assert_same(z[:, :, :12], np.broadcast_to(z[:1, :, :1, :1], (n, f, 12, 26)))
    assert_same(z[:, :, 12:14], np.broadcast_to(z[:1, :, 12:14, :1], (n, f, 2, 26)))
    assert_same(z[:, :, 14:], np.broadcast_to(bias[None, :, None, None], (n, f, 12, 26)))


on_x86_64 = pytest.mark.skipif(
    platform.machine() != "x86_64", reason="OpenBLAS has these kernels for x86-64 alone"
)


@pytest.fixture
def uneven(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine whose BLAS rounds by the position."""
    monkeypatch.setattr(convolution, "blas_is_even", lambda *_: False)


@pytest.mark.usefixtures("uneven")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("f", [1, 3, 5, 8])
@pytest.mark.parametrize("n", [1, 32])
def test_equal_patches_give_equal_bits_whatever_blas_does(n: int, f: int, dtype: type) -> None:
    test_equal_patches_give_equal_bits(n, f, dtype)


@pytest.mark.usefixtures("uneven")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cases(HALVES))
def test_z_as_the_notes_whatever_blas_does(case: Case) -> None:
    assert_same(convolved(case.images, case.filters, case.bias), z_by_the_notes(case))


@on_x86_64
@pytest.mark.parametrize("kernels", ["Nehalem", "Haswell"])
def test_equal_patches_give_equal_bits_on_other_processors(kernels: str) -> None:
    """OpenBLAS takes the instructions of the processor that it is told to be on."""
    name = f"{__file__}::{test_equal_patches_give_equal_bits.__name__}"

    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", name],
        env={**os.environ, "OPENBLAS_CORETYPE": kernels},
        check=True,
    )


@on_x86_64
def test_a_blas_that_rounds_by_the_position_is_found_out() -> None:
    """With AVX2, OpenBLAS 0.3.31 does so for eight rows of float32, and not for four."""
    tried = subprocess.run(
        [
            sys.executable,
            "-c",
            "from cnn.convolution import blas_is_even;"
            "print([blas_is_even(f, 736, 'f') for f in (4, 8)])",
        ],
        env={**os.environ, "OPENBLAS_CORETYPE": "Haswell"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )

    assert tried.stdout == "[True, False]\n"


def test_scipy_agrees_on_real_digits(digits: Digits) -> None:
    """correlate2d slides without turning the filter, as the notes do (convolve2d turns it)."""
    generator = np.random.default_rng(5)
    images = digits.images[:40] / 255
    filters = generator.normal(size=(3, 3, 3))
    bias = generator.normal(size=3)
    expected, magnitude = (
        np.array([[correlate2d(x, k, mode="valid") for k in ks] for x in images])
        + bs[None, :, None, None]
        for ks, bs in [(filters, bias), (np.abs(filters), np.abs(bias))]
    )

    z = convolved(images, filters, bias)

    assert_within(z, expected, rounding(10, magnitude, np.float64), "z")
