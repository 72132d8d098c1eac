"""What one training step on a drawing would change: a what-if that is thrown away."""

from dataclasses import replace
from html import escape

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cnn import Forward, Step, backward, forward, updated
from pages.parts.choosing import choose_filter
from pages.parts.kernel_tables import STYLE, kernel_tables
from pages.parts.keys import Key
from pages.parts.numbers import decimals_of_states, in_decimals, signed
from pages.parts.plates import legend, plates, signed_plate
from pages.parts.rates import written
from pages.parts.refusal import plain
from pages.parts.session import Session
from pages.parts.whatif_panel import Seen, compared

Map = NDArray[np.floating]


def taught(step: Step, rate: float) -> Step | None:
    """Return the training step that a judged picture would be, without taking it.

    Args:
        step: from `pages.parts.verdict.judged`, with the true label; its parameters stay as
            they are.
        rate: η.

    Returns:
        The same step with the parameters that it would leave; None if they, or what they make of
        the picture, would not be finite.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        after = updated(step.before, step.backward.gradients, rate)
        finite = np.isfinite(after.vector).all() and np.isfinite(forward(after, step.images).z2)
    return replace(step, learning_rate=rate, after=after) if np.all(finite) else None


def lesson(session: Session, step: Step | None) -> None:
    """Show what a step would change: loss, probabilities, filters and maps.

    Args:
        session: nothing of it is changed.
        step: from `taught`.
    """
    if step is None:
        st.warning(
            f"A step on it with the learning rate η = {written(session.chosen_rate)} would give "
            "values that are no longer finite: choose a smaller rate on the live page."
        )
        return
    label, classes = int(step.labels[0]), session.digits.classes
    before = Seen(step.forward, step.loss)
    values = forward(step.after, step.images)
    after = Seen(values, backward(step.after, values, step.labels).loss)
    st.subheader("One training step on it")
    st.caption(
        f"What a single step on this picture, as {plain(classes[label])} and with the learning "
        f"rate η = {written(step.learning_rate)}, would change. It is tried out and thrown away: "
        "the run learns nothing from it and stays its recipe."
    )
    compared(before, after, label, classes)
    shown = choose_filter(len(step.before.filters), Key.LESSON_FILTER)
    html = (
        '<section class="filters"><h4>The filter</h4>'
        + kernel_tables(step.before.kernels[shown], step.after.kernels[shown])
        + "</section>"
        + _probabilities(before.values, after.values, label, [escape(name) for name in classes])
        + _maps(before.maps(shown), after.maps(shown))
    )
    st.html(STYLE)
    st.html(plates("lesson", html))


def _probabilities(before: Forward, after: Forward, label: int, classes: list[str]) -> str:
    olds, news = (values.probabilities[0].tolist() for values in (before, after))
    decimals = decimals_of_states(olds, news)
    rows = []
    for c, (name, old, new) in enumerate(zip(classes, olds, news, strict=True)):
        rows.append(
            f'<tr class="{"truth" if c == label else ""}">'
            f'<th scope="row">{name}{" ✓" if c == label else ""}</th>'
            f'<td class="bar"><i class="old" style="width: {100 * old:.2f}%"></i>'
            f'<i style="width: {100 * new:.2f}%"></i></td><td>{in_decimals(old, decimals)}</td>'
            f"<td>{in_decimals(new, decimals)}</td><td>{signed(new - old)}</td></tr>"
        )
    head = "<tr><th></th><th></th><th>before</th><th>after</th><th>difference</th></tr>"
    return (
        '<section><h4>The probabilities</h4><table class="bars change">'
        f"{head}{''.join(rows)}</table></section>"
    )


def _maps(before: tuple[Map, Map], after: tuple[Map, Map]) -> str:
    """Feature map and pooled map before, after, and the difference."""
    end = max(float(np.abs(values).max()) for values in (*before, *after))
    changes = [new - old for old, new in zip(before, after, strict=True)]
    most = max(float(np.abs(change).max()) for change in changes)
    plates = []
    for name, old, new, change in zip(
        ("Feature map", "Pooled map"), before, after, changes, strict=True
    ):
        for values, limit, when in ((old, end, "before"), (new, end, "after")):
            plates.append(signed_plate(values, limit, f"{name} {when}", f"{name}, {when}"))
        plates.append(signed_plate(change, most, f"{name}, difference", "difference"))
    return (
        f'<section class="maps"><h4>Its maps</h4><div class="three">{"".join(plates)}</div>'
        f"<p>before and after: {legend(end)}<br>difference: {legend(most)}</p></section>"
    )
