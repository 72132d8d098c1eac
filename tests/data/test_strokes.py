"""Drawings: what a browser tells of them, and the digits that they make."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tally import tries

from data import DataError
from data.strokes import (
    MOST_POINTS,
    SIDE,
    WIDTHS,
    Stroke,
    digit_from_strokes,
    ink_of,
    read_strokes,
)

WIDTH = 80
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["width", "points", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)


def test_an_empty_square_is_no_digit() -> None:
    assert digit_from_strokes(()) is None


def test_a_stroke_is_as_wide_as_the_pen_and_round_at_its_ends() -> None:
    """From (200, 500) to (800, 500) with a pen of 100: a bar, and half a disc at each end."""
    ink = ink_of([Stroke(100, ((200, 500), (800, 500)))])

    unit = SIDE / len(ink)  # of the square in a pixel
    assert ink.sum() * unit**2 == pytest.approx(600 * 100 + np.pi * 50**2, rel=0.02)
    rows, columns = (np.flatnonzero(ink.any(axis=axis)) * unit for axis in (1, 0))
    np.testing.assert_allclose([rows.min(), rows.max()], [450, 550], atol=2 * unit)
    np.testing.assert_allclose([columns.min(), columns.max()], [150, 850], atol=2 * unit)


def test_a_drawing_is_made_as_mnist_was_wherever_and_however_large_it_is() -> None:
    """The same seven, small in a corner and large: the same digit, to the grain of the square."""
    seven = [(100, 100), (700, 100), (300, 900)]
    large = digit_from_strokes([Stroke(WIDTH, tuple(seven))])
    small = digit_from_strokes(
        [Stroke(WIDTH // 2, tuple((450 + x // 2, 30 + y // 2) for x, y in seven))]
    )

    assert large is not None
    assert small is not None
    assert np.abs(large.astype(float) - small).mean() < 3
    rows = np.flatnonzero(large.any(axis=1))
    assert np.ptp(rows) + 1 == 20
    share = large / large.sum()
    assert abs(share.sum(axis=1) @ np.arange(28) - 14) <= 0.5
    assert abs(share.sum(axis=0) @ np.arange(28) - 14) <= 0.5


def test_a_dot_is_a_digit_of_its_own() -> None:
    digit = digit_from_strokes([Stroke(WIDTH, ((500, 500),))])

    assert digit is not None
    # A disc that fills the box of 20, π·10² pixels.
    assert digit.sum() / 255 == pytest.approx(np.pi * 100, rel=0.05)


def test_what_was_told_is_read() -> None:
    told = [
        {"width": 70, "points": [[0, 1000], [12.4, 3]]},
        {"width": 80.0, "points": [[500, 500]]},
    ]

    assert read_strokes(told) == (
        Stroke(70, ((0, 1000), (12, 3))),
        Stroke(80, ((500, 500),)),
    )
    assert read_strokes([]) == ()


def test_a_pen_that_leaves_the_square_stays_at_its_edge() -> None:
    (stroke,) = read_strokes([{"width": 10_000, "points": [[-5, 1e300], [float("inf"), 2]]}])

    assert stroke == Stroke(WIDTHS[1], ((0, SIDE), (SIDE, 2)))


@pytest.mark.parametrize(
    "told",
    [
        None,
        {},
        "a drawing",
        [{"width": 70}],
        [{"width": 70, "points": []}],
        [{"points": [[1, 2]]}],
        [{"width": True, "points": [[1, 2]]}],
        [{"width": float("nan"), "points": [[1, 2]]}],
        [{"width": 70, "points": [[1, 2, 3]]}],
        [{"width": 70, "points": [[1, "2"]]}],
        [{"width": 70, "points": [[1, None]]}],
        [7],
    ],
)
def test_what_is_no_drawing_is_refused(told: object) -> None:
    with pytest.raises(DataError, match=r"^What arrived from the browser is no drawing: .*\.$"):
        read_strokes(told)


@given(JSON)
@tries("drawings")
def test_whatever_is_told_is_read_or_refused(told: object) -> None:
    try:
        strokes = read_strokes(told)
    except DataError:
        return
    assert all(0 <= at <= SIDE for stroke in strokes for point in stroke.points for at in point)


def test_an_endless_drawing_is_refused() -> None:
    points = [[1, 2]] * (MOST_POINTS // 2)
    stroke = {"width": 70, "points": points}

    assert len(read_strokes([stroke, stroke])) == 2
    with pytest.raises(DataError, match="too many strokes"):
        read_strokes([stroke, stroke, stroke])
