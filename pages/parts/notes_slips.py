"""What comes of each slip of the notes on a real step: results of both forms, and a sentence."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from html import escape

import numpy as np
from numpy.typing import NDArray

from cnn.by_difference import Difference, bias_by_difference, scores_by_difference
from cnn.gradient_check import PERTURBATION, TOLERANCE
from cnn.slips import SLIPS, Rule, outcome, values
from pages.parts.notes_live import Moment, Written
from pages.parts.numbers import in_decimals, readable
from pages.parts.sheet import cell_name
from pages.parts.wording import before_log, counted, significant

NO_BREAK = "\N{NO-BREAK SPACE}−\N{NO-BREAK SPACE}"

LISTED = 10
"""Numbers of a result that are written one by one; of a longer one its shape is."""


def result(rule: Rule) -> Written:
    """Return what writes the result of one form on a step, or the error that it runs into."""

    def written(moment: Moment) -> str:
        found = outcome(rule, moment.values)
        if isinstance(found, Exception):
            kind, words = type(found).__name__, escape(str(found).strip())
            return f'<p class="outcome raised">→ <b>{kind}</b>: {words}</p>'
        array = np.asarray(found)
        if array.size <= LISTED:
            numbers = ", ".join(readable(float(value)) for value in array.reshape(-1))
            return f'<p class="outcome">→ {numbers}</p>'
        total = readable(float(array.sum()))
        return f'<p class="outcome">→ {_shape(array)} numbers, added up {total}</p>'

    return written


def lesson(key: str) -> Written:
    """Return what says in a sentence what a slip does in a step, with its numbers."""

    def written(moment: Moment) -> str:
        return f'<div class="lesson">{LESSONS[key](moment)}</div>'

    return written


def _pooled_side(moment: Moment) -> str:
    image, side = len(moment.values["x"]), len(moment.values["f"])
    wrong, right = (image - 2) // 2 + 1, (side - 2) // 2 + 1
    return _paragraph(
        f"({image}−2)/2 + 1 is {wrong}, not {right}. With {wrong} windows in a row the last one "
        f"begins at column 2·{wrong - 1} = {2 * (wrong - 1)}, and the feature map ends at column "
        f"{side - 1}: there is nothing to pool. ({side}−2)/2 + 1 is {right}, whose last window "
        f"begins at column {2 * (right - 1)} and ends with the map."
    )


def _sixteen(moment: Moment) -> str:
    a0, P = moment.values["a0"], moment.values["P"]
    seen, whole = float(a0[:16].sum()), float(a0.sum())
    filters = len(a0) // P.size
    several = f", times {filters} filters {len(a0):,}" if filters > 1 else ""
    share = f", {seen / whole:.1%} of it" if whole else ""
    return _paragraph(
        f"13·13 is {P.size}{several}. In this step all pooled values add up to {readable(whole)}; "
        f"the first sixteen, which are one row of the map and three cells of the next, to "
        f"{readable(seen)}{share}. That is all that the hidden layer would be told of the digit."
    )


def _new_map(moment: Moment) -> str:
    rows, P = moment.values["indexes"][..., 0], moment.values["P"]
    below = rows >= 16
    return _paragraph(
        f"{below.sum()} of the {rows.size} winners of this step stand in rows 16 to 25, and "
        f"{(below & (P > 0)).sum()} of those are above 0: in a map of 16 rows there is no place "
        "for their errors."
    )


def _hidden_shape(moment: Moment) -> str:
    a1 = moment.values["a1"]
    return _paragraph(
        f"The hidden layer has {counted(len(a1), 'unit')}, {(a1 > 0).sum()} of them above 0 in "
        f"this step, and W2 has a column for each. {_by_chance('hidden-shape', moment)}"
    )


def _output_error(moment: Moment) -> str:
    p, y, z2 = (moment.values[name] for name in ("p", "y", "z2"))
    slopes = scores_by_difference(z2, y)
    names = moment.session.digits.classes
    rows = [
        [escape(name), *(in_decimals(float(value), 6) for value in columns)]
        for name, *columns in zip(names, p - 1, p - y, slopes, strict=True)
    ]
    total = ["Σ", *(in_decimals(float(column.sum()), 6) for column in (p - 1, p - y, slopes))]
    label = int(y.argmax())
    return _table(["", "p − 1", "p − y", "finite difference"], [*rows, total], marked=label) + (
        _paragraph(
            f"The finite difference moves each score by {PERTURBATION:.5f} up and down and looks "
            "at the loss alone. It agrees with p − y everywhere (largest difference "
            f"{significant(_apart(p - y, slopes), 2)}), and with p − 1 only at the true class, "
            f"“{escape(names[label])}”. By p − 1 every score is to rise, also those of the nine "
            "wrong answers."
        )
    )


def _cross_entropy(moment: Moment) -> str:
    p, log_p, y = (moment.values[name] for name in ("p", "log_p", "y"))
    label = int(y.argmax())
    return _paragraph(
        f"p − y is ten numbers, which add up to {in_decimals(float((p - y).sum()), 4)} however "
        "right or wrong the network is: they say in which direction to go, not how bad it is. The "
        f"loss of this step is one number, −log({before_log(float(log_p[label]))}) = "
        f"{readable(float(-log_p[label]))}."
    )


def _output_gradient(moment: Moment) -> str:
    W2, p, a1 = (moment.values[name] for name in ("W2", "p", "a1"))
    return _paragraph(
        f"The gradient of W2 must have W2's shape, {_shape(W2)}. δ2·a2ᵀ is 10×{len(p)}, and "
        f"δ2·a1ᵀ is 10×{len(a1)}: every weight gets the error of the output it leads to, times "
        f"the value that it was multiplied with. {_by_chance('output-gradient', moment)}"
    )


def _hidden_error(moment: Moment) -> str:
    W2 = moment.values["W2"]
    hidden = W2.shape[1]
    return _paragraph(
        f"(10,1)·(10,{hidden}) is no product: the inner sides, 1 and 10, differ. Turned over, "
        f"W2ᵀ is {hidden}×10, and ({hidden},10)·(10,1) gives ({hidden},1): for each hidden unit "
        "the ten errors of the output, times the ten weights that lead there from it."
    )


def _indexes(moment: Moment) -> str:
    written, meant = (
        outcome(rule, moment.values)
        for rule in (SLIPS["indexes"].as_written, SLIPS["indexes"].as_meant)
    )
    errors = meant != 0
    arrived, sent = (errors & (written == meant)).sum(), errors.sum()
    return _paragraph(
        "Stored at the corner of its window, the winner of the pooled cell (i, j) stands at "
        "(2i, 2j). The back-fill looks at (i, j): there it finds the winner of a window elsewhere, "
        "or, where i or j is odd, nothing but zeros, so that those errors are all written to "
        f"{cell_name('backfill', 0, 26)}, one over the other. Only by luck does an error get to "
        f"the winner of its window: in this step {arrived} of the {sent} that are not 0."
    )


def _filter_sum(moment: Moment) -> str:
    z, i, j = (moment.values[name] for name in ("z", "i", "j"))
    return _paragraph(
        "u, v = 0..3 asks for 16 weights, and the filter has 9. Read as “three times, from 0” the "
        f"sum is right for one cell: z[{i},{j}] = {readable(float(z[i, j]))}. But adding up again "
        f"over x and y would make one number of the whole map, {readable(float(z.sum()))} in this "
        f"step, where {z.size} numbers are wanted."
    )


def _bias_rule(moment: Moment) -> str:
    step, image, filter = moment.step, moment.image, moment.thread.filter
    found, aside = bias_by_difference(step, image, filter), ""
    if found.kink and step.after is not step.before:
        aside = (
            " With the parameters that the step began with, moving b switches a ReLU or a winner: "
            "there the loss has a kink and no slope. So all this is asked with the parameters "
            "that the step left."
        )
        step = replace(step, before=step.after)
        found = bias_by_difference(step, image, filter)
    given = values(step, image, filter, 0, 0)
    exact, notes = (
        float(outcome(rule, given))
        for rule in (SLIPS["bias-rule"].as_meant, SLIPS["bias-rule"].as_written)
    )
    rows = [
        _judged("Σ dz, meant", exact, found),
        _judged("Σ dk, the notes", notes, found),
        ["finite difference", in_decimals(found.slope, 9), "", ""],
    ]
    up, down = in_decimals(found.up, 12), in_decimals(found.down, 12)
    return _table(["", "gradient of b", "relative error", "gradient check"], rows) + _paragraph(
        f"No rule is needed to find out: move b by ε = {PERTURBATION:.5f} and look at the loss. "
        f"L(b + ε) = {up}, L(b − ε) = {down}, and (L(b + ε) − L(b − ε)) / 2ε = "
        f"{in_decimals(found.slope, 9)}. Up to a relative error of {significant(TOLERANCE)} a "
        f"gradient passes. {_verdict(exact, notes, found)}{aside}"
    )


def _judged(name: str, gradient: float, found: Difference) -> list[str]:
    error = found.error_of(gradient)
    passed = "at a kink" if found.kink else "passes" if error <= TOLERANCE else "fails"
    return [name, in_decimals(gradient, 9), significant(error, 2), passed]


def _verdict(exact: float, notes: float, found: Difference) -> str:
    if found.kink:
        return "Here b stands at a kink, so the check passes over it; look at another step."
    if found.error_of(notes) <= TOLERANCE:
        return "In this step the two rules happen to give the same; look at another one."
    if notes * exact < 0:
        return "By the notes' rule the bias would even be moved the wrong way."
    return "The notes' rule says something else, and training by it moves the bias by that."


LESSONS: Mapping[str, Callable[[Moment], str]] = {
    "pooled-side": _pooled_side,
    "sixteen": _sixteen,
    "new-map": _new_map,
    "hidden-shape": _hidden_shape,
    "output-error": _output_error,
    "cross-entropy": _cross_entropy,
    "output-gradient": _output_gradient,
    "hidden-error": _hidden_error,
    "indexes": _indexes,
    "filter-sum": _filter_sum,
    "bias-rule": _bias_rule,
}
"""Each of `cnn.slips.SLIPS`, in words."""


def _by_chance(key: str, moment: Moment) -> str:
    """Say so where the notes' form runs through in spite of the wrong shape."""
    if isinstance(outcome(SLIPS[key].as_written, moment.values), Exception):
        return ""
    return "With this run's sizes the notes' form happens to run through all the same."


def _apart(one: NDArray[np.floating], other: NDArray[np.floating]) -> float:
    return float(np.abs(one - other).max())


def _shape(array: NDArray[np.floating]) -> str:
    return "×".join(str(side) for side in array.shape)


def _paragraph(text: str) -> str:
    return f"<p>{text.replace(' − ', NO_BREAK)}</p>"


def _table(names: list[str], rows: list[list[str]], marked: int | None = None) -> str:
    """Write a table; everything in it is HTML already."""
    head = "".join(f'<th scope="col">{name}</th>' for name in names)
    body = "".join(
        f'<tr{" class=marked" if number == marked else ""}><th scope="row">{first}</th>'
        + "".join(f"<td>{cell}</td>" for cell in cells)
        + "</tr>"
        for number, (first, *cells) in enumerate(rows)
    )
    return (
        f'<div class="scroll"><table class="numbers"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )
