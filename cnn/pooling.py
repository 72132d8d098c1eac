"""2×2 max pooling that remembers its winners, and the back-fill that returns to them."""

from functools import lru_cache

import numpy as np

from cnn.arrays import Array, Integers, read_only


def max_pool(
    feature_map: Array, row: int, size: int, out: Array | None = None
) -> tuple[Array, Integers]:
    """Keep the largest value of every 2×2 window, and where it stood.

    ``P[i,j] = max(window)``, the window's top left at (2i, 2j), stride 2;
    ``winner[i,j] = (2i + m // 2, 2j + m % 2)`` with ``m = argmax(window)``: of equal values
    the first in row order wins, and only it (the notes, section 1).

    Args:
        feature_map: (n, f, X, Y); a last odd row or column belongs to no window.
        row: how long a row of the maps is where winners are counted, Y or more.
        size: how long a map is there, X·row or more.
        out: where to write the pooled maps; a new array unless given.

    Returns:
        pooled, (n, f, X//2, Y//2), and winner, the same shape: the flat position in an array
        (n, f, size).
    """
    n, f, X, Y = feature_map.shape
    windows = feature_map[..., : X // 2 * 2, : Y // 2 * 2].reshape(n, f, X // 2, 2, Y // 2, 2)
    # The left and the right corners of every window, (top and bottom, n, f, X//2, Y//2) each.
    left, right = np.ascontiguousarray(windows.transpose(5, 3, 0, 1, 2, 4))
    top, bottom = np.maximum(left, right)  # (n, f, X//2, Y//2) each
    # Strictly greater, or the earlier one keeps the window: a tie goes to the first.
    top_right, bottom_right = right > left
    lower = bottom > top
    # The column, in the row that won; np.where says the same ten times as slowly.
    column = top_right ^ ((top_right ^ bottom_right) & lower)
    winner = lower * np.int32(row)
    winner += column
    return np.maximum(top, bottom, out=out), _top_left(n, f, X, Y, row, size) + winner


def backfill(values: Array, winner: Integers, out: Array) -> Array:
    """Put each pooled cell's value back where its winner stood, zeros elsewhere.

    ``backfill[winner[i,j]] = values[i,j]`` (the notes, section 2).

    Args:
        values: (n, f, X//2, Y//2).
        winner: the same shape, from `max_pool`.
        out: as large as (n, f, size), contiguous: where to write.

    Returns:
        out.
    """
    out.fill(0)
    out.reshape(-1)[winner] = values
    return out


@lru_cache(maxsize=4)  # for 1,000 images and eight filters it is 11 MB
def _top_left(n: int, f: int, X: int, Y: int, row: int, size: int) -> Integers:
    """Flat position, in an array (n, f, size), of every window's top left corner."""
    corner = np.arange(0, X - 1, 2)[:, np.newaxis] * row + np.arange(0, Y - 1, 2)
    position = np.arange(0, n * f * size, size).reshape(n, f, 1, 1) + corner
    read_only(position)
    return position
