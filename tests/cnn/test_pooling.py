"""Max pooling with its winners, and the back-fill.

The leading two axes of a stack of maps are any two here: pooling looks at one map at a time.
"""

import numpy as np
import oracle
from agreement import DTYPES, HALVES, REALS, Floats, assert_same, drawn
from hypothesis import given
from hypothesis import strategies as st

from cnn.pooling import backfill, max_pool
from data import Digits

# Two values, one of them 0: most windows hold a tie, and many are dead.
TIES = st.sampled_from([0.0, 1.0])
NEGATIVE = st.sampled_from([-0.5, -1.0, -3.0])


@st.composite
def maps(draw: st.DrawFn) -> Floats:
    """Return maps (n, f, X, Y) of even and odd sizes."""
    shape = tuple(draw(st.integers(low, high)) for low, high in [(1, 3), (1, 8), (2, 9), (2, 9)])
    values = draw(st.sampled_from([HALVES, REALS, TIES, NEGATIVE]))
    return drawn(draw, shape, values, draw(DTYPES))


def assert_pools_as_the_notes(feature_map: Floats, row: int, more: int = 0) -> None:
    """P and winners equal, without a tolerance: pooling only chooses.

    `row` is the length that a row of the maps has where winners are counted, Y or more; a map
    has so many values `more` there.
    """
    n, f, X, Y = feature_map.shape
    size = X * row + more
    pooled, winner = max_pool(feature_map, row, size)
    assert pooled.shape == winner.shape == (n, f, X // 2, Y // 2)
    assert pooled.dtype == feature_map.dtype
    assert np.issubdtype(winner.dtype, np.integer)
    for image in range(n):
        for number in range(f):
            P, indexes = oracle.pooling(feature_map[image, number])
            assert_same(pooled[image, number], P, "P")
            before = (image * f + number) * size  # values of the maps before this one
            rows, columns = np.divmod(winner[image, number].astype(np.int64) - before, row)
            assert_same(rows, indexes[..., 0], "the winner's row")
            assert_same(columns, indexes[..., 1], "the winner's column")


def test_worked_by_hand() -> None:
    feature_map = np.array(
        [
            [0.0, 1.0, 3.0, 3.0, 9.0],
            [2.0, 1.0, 3.0, 1.0, 9.0],
            [0.0, 0.0, 0.0, 4.0, 9.0],
            [0.0, 0.0, 5.0, 5.0, 9.0],
            [9.0, 9.0, 9.0, 9.0, 9.0],
        ]
    )
    # 0 1 | 3 3 |    The largest of 0, 1, 2, 1 is the 2, at row 1, column 0: 1·5 + 0.
    # 2 1 | 3 1 |    3, 3, 3, 1 is a tie; the first in row order is at row 0, column 2: 0·5 + 2.
    # ----+-----+    0, 0, 0, 0 is a tie; the first is at row 2, column 0: 2·5 + 0.
    # 0 0 | 0 4 |    0, 4, 5, 5 is a tie of the 5s; the first is at row 3, column 2: 3·5 + 2.
    # 0 0 | 5 5 |    The row and the column of 9s belong to no window.
    pooled, winner = max_pool(feature_map[None, None], 5, 25)

    assert_same(pooled, [[[[2, 3], [0, 5]]]])
    assert_same(winner, [[[[1 * 5 + 0, 0 * 5 + 2], [2 * 5 + 0, 3 * 5 + 2]]]])


def test_backfill_worked_by_hand() -> None:
    winner = np.array([[[[1 * 5 + 0, 0 * 5 + 2], [2 * 5 + 0, 3 * 5 + 2]]]])
    delta0 = np.array([[[[0.1, 0.2], [0.3, -0.4]]]])

    filled = backfill(delta0, winner, np.empty((1, 1, 5, 5)))

    assert_same(
        filled,
        [
            [
                [
                    [0.0, 0.0, 0.2, 0.0, 0.0],
                    [0.1, 0.0, 0.0, 0.0, 0.0],
                    [0.3, 0.0, 0.0, 0.0, 0.0],
                    [0.0, 0.0, -0.4, 0.0, 0.0],
                    [0.0, 0.0, 0.0, 0.0, 0.0],
                ]
            ]
        ],
    )


@given(maps(), st.sampled_from([0, 2]), st.sampled_from([0, 8]))
def test_pools_as_the_notes(feature_map: Floats, longer: int, more: int) -> None:
    assert_pools_as_the_notes(feature_map, feature_map.shape[3] + longer, more)


@given(maps())
def test_memory_in_any_order_is_read_the_same(feature_map: Floats) -> None:
    turned = feature_map.transpose(1, 0, 3, 2)[:, :, ::-1]
    turned.flags.writeable = False

    assert_pools_as_the_notes(turned, turned.shape[3])


@given(maps())
def test_columns_beyond_the_map_belong_to_no_window(feature_map: Floats) -> None:
    """Maps are stored with longer rows; what stands at their ends, NaN at worst, is not seen."""
    Y = feature_map.shape[3]
    long_rows = np.pad(feature_map, [(0, 0)] * 3 + [(0, 2)], constant_values=np.nan)

    assert_pools_as_the_notes(long_rows[..., :Y], Y + 2)


def test_every_pattern_of_ties_in_a_window() -> None:
    """All 4⁴ orders of four cells, dead windows and negative ones among them, side by side."""
    levels = np.array([-1.0, 0.0, 0.5, 2.0])
    patterns = levels[np.indices((4, 4, 4, 4)).reshape(4, -1)]  # (4 cells, 256 windows)
    feature_map = patterns.reshape(2, 2, 16, 16).transpose(2, 0, 3, 1).reshape(1, 1, 32, 32)

    assert_pools_as_the_notes(feature_map, 32)


def test_pools_real_digits_as_the_notes(digits: Digits) -> None:
    """Feature maps of two edge filters: strokes, ties along them, and much that is dead."""
    upright = np.array([[1, 0, -1], [2, 0, -2], [1, 0, -1]])
    feature_map = [
        [oracle.relu_of_map(oracle.convolution(image, k, 0.0)) for k in (upright, upright.T)]
        for image in digits.images[:10]
    ]

    assert_pools_as_the_notes(np.array(feature_map, dtype=np.float32), 26)


@given(maps(), st.sampled_from([0, 2]), st.sampled_from([0, 8]), st.data())
def test_backfills_as_the_notes(
    feature_map: Floats, longer: int, more: int, data: st.DataObject
) -> None:
    """Also into memory that holds something from before, and that is larger than the map."""
    n, f, X, Y = feature_map.shape
    values = data.draw(st.sampled_from([HALVES, REALS]))
    delta0 = drawn(data.draw, (n, f, X // 2, Y // 2), values, data.draw(DTYPES))
    row = Y + longer
    _, winner = max_pool(feature_map, row, X * row + more)
    memory = np.full((n, f, X * row + more), np.nan, delta0.dtype)

    filled = backfill(delta0, winner, memory)

    assert filled.shape == memory.shape
    assert filled.dtype == delta0.dtype
    assert np.shares_memory(filled, memory)
    assert_same(filled[..., X * row :], np.zeros((n, f, more)))
    rows = filled[..., : X * row].reshape(n, f, X, row)
    assert_same(rows[..., Y:], np.zeros((n, f, X, longer)))
    for image in range(n):
        for number in range(f):
            indexes = oracle.pooling(feature_map[image, number])[1]
            expected = oracle.back_fill(delta0[image, number], indexes, X, Y)
            assert_same(rows[image, number, :, :Y], expected)


@given(maps())
def test_backfill_puts_each_value_in_one_cell_of_its_window(feature_map: Floats) -> None:
    """A tie passes its error to one cell, never to all of them."""
    X, Y = feature_map.shape[2:]
    pooled, winner = max_pool(feature_map, Y, X * Y)

    filled = backfill(np.ones_like(pooled), winner, np.empty_like(feature_map))

    rows, columns = X // 2, Y // 2
    windows = filled[:, :, : 2 * rows, : 2 * columns].reshape(
        *pooled.shape[:2], rows, 2, columns, 2
    )
    assert_same(windows.sum(axis=(3, 5)), np.ones(pooled.shape))
    assert filled.sum() == pooled.size
