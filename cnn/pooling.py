"""2×2 max pooling that remembers its winners, and the back-fill that returns to them."""

from functools import lru_cache

import numpy as np

from cnn.arrays import Array, Integers, read_only


def max_pool(feature_map: Array, row: int, out: Array | None = None) -> tuple[Array, Integers]:
    """Keep the largest value of every 2×2 window, and where it stood.

    ``P[i,j] = max(window)``, the window's top left at (2i, 2j), stride 2;
    ``winner[i,j] = (2i + m // 2, 2j + m % 2)`` with ``m = argmax(window)``: of equal values
    the first in row order wins, and only it (the notes, section 1).

    Args:
        feature_map: (f, n, X, Y), maps in any two leading axes; a last odd row or column
            belongs to no window.
        row: how many positions a row of the map counts.
        out: where to write the pooled maps; a new array unless given.

    Returns:
        pooled, (f, n, X//2, Y//2), and winner, the same shape: ``row·i + j`` of the position.
    """
    f, n, X, Y = feature_map.shape
    windows = feature_map[..., : X // 2 * 2, : Y // 2 * 2].reshape(f, n, X // 2, 2, Y // 2, 2)
    # The left and the right corners of every window, (top and bottom, f, n, X//2, Y//2) each.
    left, right = np.ascontiguousarray(windows.transpose(5, 3, 0, 1, 2, 4))
    top, bottom = np.maximum(left, right)  # (f, n, X//2, Y//2) each
    # Strictly greater, or the earlier one keeps the window: a tie goes to the first.
    top_right, bottom_right = right > left
    lower = bottom > top
    # The column, in the row that won; np.where says the same ten times as slowly.
    column = top_right ^ ((top_right ^ bottom_right) & lower)
    winner = lower * np.int32(row)
    winner += column
    winner += _top_left(X // 2, Y // 2, row)
    return np.maximum(top, bottom, out=out), winner


def backfill(values: Array, winner: Integers, out: Array) -> Array:
    """Put each pooled cell's value back where its winner stood, zeros elsewhere.

    ``backfill[winner[i,j]] = values[i,j]`` (the notes, section 2).

    Args:
        values: (f, n, X//2, Y//2).
        winner: the same shape, from `max_pool`.
        out: (f, n, X, row), contiguous: where to write.

    Returns:
        out.
    """
    f, n, X, row = out.shape
    out.fill(0)
    out.reshape(-1)[winner + _first_position(f, n, X * row)] = values
    return out


@lru_cache(maxsize=16)
def _top_left(rows: int, columns: int, row: int) -> Integers:
    """Position of the top left corner of every window, (rows, columns)."""
    position = 2 * row * np.arange(rows)[:, np.newaxis] + 2 * np.arange(columns)
    position = position.astype(np.int32)
    read_only(position)
    return position


@lru_cache(maxsize=16)
def _first_position(f: int, n: int, positions: int) -> Integers:
    """Position of every map's first cell in a stack of maps, (f, n, 1, 1)."""
    position = np.arange(0, f * n * positions, positions).reshape(f, n, 1, 1)
    read_only(position)
    return position
