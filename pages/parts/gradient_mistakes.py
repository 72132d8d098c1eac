"""What two mistakes in a gradient do in a step, in a sentence each."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from cnn import GradientCheck, Parameters, forward
from cnn.arrays import Integers
from cnn.mistakes import tied_windows
from pages.parts.numbers import in_decimals
from pages.parts.parameter_names import places_of
from pages.parts.wording import counted, symbol


def mistakes(
    check: GradientCheck,
    judged: GradientCheck,
    parameters: Parameters,
    images: Integers,
    notes: bool,
    copied: bool,
) -> Iterator[str]:
    """Say in a sentence what each mistake that is switched on does in this step."""
    right, wrong = check.analytic, judged.analytic
    if notes:
        f = int(np.abs(wrong.filter_bias - right.filter_bias).argmax())
        name = symbol(parameters, "filter_bias", 0, f)
        said = (
            f"**The notes' bias rule** takes the sum of the nine filter gradients for the gradient "
            f"of {name}: {in_decimals(wrong.filter_bias[f], 6)}, while the finite difference is "
            f"{in_decimals(check.numeric.filter_bias[f], 6)}. "
        )
        (places,) = (places for group, places in places_of(right) if group == "filter_bias")
        if check.kink[places[f]]:
            said += (
                f"Here {name} stands at a kink, so the check passes over it; look at other steps."
            )
        else:
            said += _off(wrong.filter_bias[f], right.filter_bias[f])
        if not copied:
            said += " Everything else still agrees, because the rule touches nothing else."
        yield said
    if copied:
        yield _copied(check, judged, parameters, images, notes)


def _copied(
    check: GradientCheck,
    judged: GradientCheck,
    parameters: Parameters,
    images: Integers,
    notes: bool,
) -> str:
    """Say what copying the gradient to tied winners does in this step."""
    values = forward(parameters.astype(np.float64), images)
    tied, dead = tied_windows(values), values.pooled == 0
    empty = tied & ~_ink_under_windows(values.x)[:, np.newaxis]
    windows, ties = f"{tied.size:,} windows", int(tied.sum())
    text = "**Copying to every tied winner**: "
    ignored = (
        f" {counted(int(dead.sum()), 'dead window is a tie', 'dead windows are ties')} of four "
        "zeros as well, but there the ReLU blocks all four copies."
    )
    if not ties:
        return (
            f"{text}none of the {windows} of this step has a tie above 0, so the mistake changes "
            f"nothing here.{ignored} It shows where the largest cells of a window see the same "
            "pixels and come out above 0: on an even stroke, and all over the empty paper as soon "
            "as the filter's bias is above 0."
        )
    text += f"{ties:,} of the {windows} of this step {'has' if ties == 1 else 'have'} a tie above 0"
    if empty.any():
        text += (
            f", {empty.sum():,} of them over empty paper, where z is the filter's bias alone and "
            "that is above 0"
        )
    text += f"; {'it' if ties == 1 else 'each'} sends its δ0 back two to four times.{ignored}"
    right, wrong = check.analytic, judged.analytic
    change = np.abs(wrong.filters - right.filters)
    f, u, v = np.unravel_index(change.argmax(), change.shape)
    if change[f, u, v] > 0:
        text += (
            f" Most wrong is d{symbol(parameters, 'filters', int(3 * u + v), int(f))}: "
            f"{in_decimals(wrong.filters[f, u, v], 6)} instead of "
            f"{in_decimals(right.filters[f, u, v], 6)}. "
            f"The filter gradient as a whole is off by {_share(wrong.filters, right.filters)} of "
            "its length."
        )
    else:
        text += " The nine filter gradients stay right, because the pixels there are 0."
    bias = int(np.abs(wrong.filter_bias - right.filter_bias).argmax())
    if notes or wrong.filter_bias[bias] == right.filter_bias[bias]:
        return text
    return text + (
        f" The gradient of {symbol(parameters, 'filter_bias', 0, bias)} comes out as "
        f"{in_decimals(wrong.filter_bias[bias], 6)}; the finite difference is "
        f"{in_decimals(check.numeric.filter_bias[bias], 6)}."
    )


def _ink_under_windows(x: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Whether any pixel that a pooling window depends on is not 0; (n, 28, 28) → (n, 13, 13)."""
    patches = np.lib.stride_tricks.sliding_window_view(x, (4, 4), axis=(1, 2))[:, ::2, ::2]
    return np.asarray((patches > 0).any(axis=(-2, -1)))


def _off(wrong: float, right: float) -> str:
    if abs(right) < 1e-12:
        return "" if abs(wrong) < 1e-12 else "It should be 0."
    if wrong * right < 0:
        return "It even has the wrong sign: a step moves the bias the wrong way."
    return f"It is off by {abs(wrong - right) / abs(right):.0%}."


def _share(wrong: NDArray[np.floating], right: NDArray[np.floating]) -> str:
    length = float(np.linalg.norm(right))
    return f"{np.linalg.norm(wrong - right) / length:.0%}" if length else "more than the whole"
