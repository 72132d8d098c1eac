"""A filter's ten numbers in two states side by side, and their difference."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cnn.convolution import SIDE
from pages.parts.numbers import decimals_for, decimals_of_states, in_decimals
from pages.parts.sheet import shade

STYLE = Path(__file__).parents[2] / "static" / "kernels.css"


def kernel_tables(
    before: NDArray[np.floating],
    after: NDArray[np.floating],
    titles: tuple[str, str] = ("before", "after"),
) -> str:
    """Write a filter's numbers before and after something, and their difference, in HTML.

    The difference follows from the numbers as they are written.

    Args:
        before: (10,), nine weights row by row, then the bias.
        after: (10,), likewise.
        titles: what the two are.
    """
    end = float(np.abs([before, after]).max())
    change = after.astype(np.float64) - before
    decimals = decimals_for(*change.tolist())
    of_states = decimals_of_states(before.tolist(), after.tolist(), decimals)
    tables = (
        _table(titles[0], before, end, of_states),
        _table(titles[1], after, end, of_states),
        _table("difference", change, float(np.abs(change).max()), decimals),
    )
    return f'<div class="kernels">{"".join(tables)}</div>'


def _table(title: str, kernel: NDArray[np.floating], end: float, decimals: int) -> str:
    """Nine weights row by row, and the bias below them; coloured up to ±end."""
    *weights, bias = kernel.tolist()
    cells = [_cell(weight, end, decimals) for weight in weights]
    rows = "".join(f"<tr>{''.join(cells[SIDE * u : SIDE * u + SIDE])}</tr>" for u in range(SIDE))
    return (
        f"<table><caption>{title}</caption>{rows}"
        f'<tr><th scope="row" colspan="2">bias b</th>{_cell(bias, end, decimals)}</tr></table>'
    )


def _cell(value: float, end: float, decimals: int) -> str:
    return f'<td style="{shade(value / (end or 1.0))}">{in_decimals(value, decimals)}</td>'
