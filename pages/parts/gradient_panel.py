"""The gradient check of one step: backpropagation against finite differences, and two mistakes."""

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cnn import GradientCheck, Parameters, Step, backward, check_gradients, forward
from cnn.arithmetic import EXPLANATIONS
from cnn.arrays import Integers
from cnn.gradient_check import PERTURBATION
from cnn.mistakes import gradients_copied_to_ties
from pages.parts.gradient_mistakes import mistakes
from pages.parts.kept import StepId
from pages.parts.keys import Key
from pages.parts.numbers import in_decimals
from pages.parts.panel_figures import QUIET, Gradients, gradients_figure, symmetric_log
from pages.parts.parameter_names import ParameterNames, places_of
from pages.parts.session import Session
from pages.parts.wording import GRADIENTS, GROUPS, PER_FILTER, counted, significant

MOST = 250_000
"""Parameters times images that are checked at once: some ten seconds. Of a larger step one image
is checked."""

LOOKED_AT = 25
"""Parameters that can be looked at one by one: those with the largest errors."""

FINENESS = 40
"""Points that are drawn beside each other in a tenfold of the axes."""


def gradient_panel(session: Session, step: Step, image: int = 0) -> None:
    """Offer to check every gradient of a step, and two ways to break them.

    Args:
        session: keeps the result while the step stays.
        step: whose gradients, at the parameters before its update.
        image: of the batch, the one that is checked alone where the batch is too large.
    """

    @st.fragment
    def draw() -> None:
        count = len(step.images)
        alone = image if count > 1 and step.before.vector.size * count > MOST else None
        chosen = slice(None) if alone is None else slice(image, image + 1)
        images, labels = step.images[chosen], step.labels[chosen]
        check = _check(session, step, alone, images, labels)
        if check is None:
            return
        left, right = st.columns(2)
        notes = left.toggle(
            "Break it: the notes' bias rule",
            value=session.run.recipe.bias_rule == "notes",
            key=f"{Key.CHECK_NOTES_RULE}_{session.held.number}",
            help="db = Σ dk, the sum of the nine filter gradients, where db = Σ dz is right.",
        )
        copied = right.toggle(
            "Break it: copy the gradient to every tied winner",
            key=Key.CHECK_COPIED_TIES,
            help="As many public NumPy networks do: on the way back they look for the cells that "
            "equal the pooled value, instead of the one that won.",
        )
        judged = check
        if session.run.recipe.bias_rule == "notes":
            st.caption("This run trains by the notes' bias rule, so its switch is on at first.")
        if notes or copied:
            judged = check.of(_broken(check, step.before, images, labels, notes, copied))
        _verdict(judged, broken=notes or copied)
        for said in mistakes(check, judged, step.before, images, notes, copied):
            st.markdown(said)
        picture, numbers = st.columns([3, 2])
        picture.plotly_chart(
            gradients_figure(*_points(judged)),
            key="gradient_check",
            config=QUIET,
            alt="Analytic against numeric gradients; the table and the sentences say the same.",
        )
        picture.caption(
            "Every gradient is a point: to the right what the finite difference says, upwards "
            "what backpropagation says, so agreement is the diagonal. Both axes are logarithmic "
            "in both directions from 0. Points that would cover each other are drawn once."
        )
        with numbers:
            _look_at_one(judged, step.before, images, labels, notes, copied)

    draw()


def _check(
    session: Session, step: Step, alone: int | None, images: Integers, labels: Integers
) -> GradientCheck | None:
    """Return the check that is kept, or the one that the button asks for."""
    key = StepId.of(session.held.number, step)
    count = step.before.vector.size
    title, when = f"step {step.number:,}", "were before the step"
    if step.after is step.before:  # a digit that is only looked at
        title, when = f"digit #{step.indices[0]:,} after {title}", "are after the step"
    st.markdown(
        f"**Gradient check of {title}.** Backpropagation says how fast the loss "
        "changes with each parameter θ. The same can be found without it, only slower: move one "
        f"parameter by ε = {PERTURBATION:.5f} up and down and see how much the loss changes, "
        f"(L(θ + ε) − L(θ − ε)) / 2ε. Here both are compared for all {count:,} parameters as "
        f"they {when}, in 64-bit numbers."
    )
    if alone is not None:
        st.caption(
            f"Checking all {len(step.images):,} images of this step would take long, so it is "
            f"done for image {alone + 1} of the batch alone, with that image's own gradients."
        )
    elif len(images) > 1:
        st.caption(f"Loss and gradients are the mean over the step's {len(images)} images.")
    check = session.kept.check_of(key, alone)
    if check is None:
        place = st.empty()
        if place.button(f"Check all {count:,} gradients", key=Key.CHECK):
            with place, st.spinner(f"Moving {count:,} parameters up and down …", show_time=True):
                check = check_gradients(step.before, images, labels)
            place.empty()
            session.kept.check = key, alone, check
    return check


def _broken(
    check: GradientCheck,
    parameters: Parameters,
    images: Integers,
    labels: Integers,
    notes: bool,
    copied: bool,
) -> Parameters:
    """Return the gradients with the mistakes that are switched on, in float64."""
    parameters = parameters.astype(np.float64)
    values = forward(parameters, images)
    if copied:
        return gradients_copied_to_ties(parameters, values, labels, "notes" if notes else "exact")
    return backward(parameters, values, labels, "notes").gradients if notes else check.analytic


def _verdict(check: GradientCheck, broken: bool) -> None:
    """Say how many agree, group by group."""
    count, kinks, wrong = (int(n) for n in (check.kink.size, check.kink.sum(), check.failed.sum()))
    if wrong:
        verdict = f"**{counted(wrong, 'gradient')} of {count:,} {_is(wrong)} wrong.** "
    elif broken:
        verdict = "**The check finds nothing wrong.** "
    else:
        verdict = "**Backpropagation is right.** "
    verdict += f"{count - kinks - wrong:,} of {count:,} agree to a relative error of 10⁻⁶ or better"
    if kinks:
        verdict += (
            f"; {kinks:,} {'stands' if kinks == 1 else 'stand'} at a kink, where moving the "
            "parameter by ε switches a ReLU on or off or changes the winner of a window: there "
            "the loss has no slope, and a difference is no error"
        )
    verdict += "."
    st.markdown(verdict)
    columns = ["", "all", "agree", *(["kink"] if kinks else []), "wrong", "worst"]
    rows = [f"| {' | '.join(columns)} |", f"|-|{'-:|' * (len(columns) - 1)}"]
    for name, places in places_of(check.analytic):
        kink, failed = check.kink[places], check.failed[places]
        error = check.relative_error.vector[places][~kink]
        agree = len(places) - kink.sum() - failed.sum()
        cells = [GROUPS[name], f"{len(places):,}", f"{agree:,}", f"{kink.sum():,}"]
        cells = cells if kinks else cells[:-1]
        cells.append(f"**{failed.sum():,}**" if failed.any() else "0")
        cells.append(significant(float(error.max()), 2) if error.size else "–")
        rows.append(f"| {' | '.join(cells)} |")
    st.markdown("\n".join(rows), help="worst: the largest relative error of those at no kink")


def _is(count: int) -> str:
    return "is" if count == 1 else "are"


def _points(check: GradientCheck) -> tuple[list[Gradients], Gradients, Gradients]:
    """Sort the gradients into those that agree, group by group, kinks and wrong ones."""
    names = ParameterNames.of(check.analytic)

    def points(name: str, places: NDArray[np.intp]) -> Gradients:
        return Gradients(
            name,
            [names.symbol(int(place)) for place in places],
            check.numeric.vector[places],
            check.analytic.vector[places],
        )

    agree = ~check.kink & ~check.failed
    groups = [
        points(GROUPS[name], _apart(places[agree[places]], check))
        for name, places in places_of(check.analytic)
    ]
    return (
        groups,
        points("at a kink", np.flatnonzero(check.kink)),
        points("wrong", np.flatnonzero(check.failed)),
    )


def _apart(places: NDArray[np.intp], check: GradientCheck) -> NDArray[np.intp]:
    """Keep one of the points that would be drawn in the same spot."""
    spots = [
        np.round(FINENESS * symmetric_log(side.vector[places]))
        for side in (check.numeric, check.analytic)
    ]
    _, first = np.unique(np.column_stack(spots), axis=0, return_index=True)
    return places[np.sort(first)]


def _look_at_one(
    check: GradientCheck,
    parameters: Parameters,
    images: Integers,
    labels: Integers,
    notes: bool,
    copied: bool,
) -> None:
    """Name the worst gradient, and show how the numbers of any of the worst came about."""
    names = ParameterNames.of(check.analytic)
    error = np.where(check.kink, -1.0, check.relative_error.vector)
    worst_first = np.argsort(-error, kind="stable")[:LOOKED_AT].tolist()
    kinks = np.flatnonzero(check.kink)[:LOOKED_AT].tolist()

    def label(place: int) -> str:
        if check.kink[place]:
            return f"{names.symbol(place)}, at a kink"
        share = significant(check.relative_error.vector[place], 2)
        return f"{names.symbol(place)}, relative error {share}"

    options = [place for place in worst_first if not check.kink[place]] + kinks
    worst = options[0]
    st.markdown(
        f"Of all that {_stand(check)}, **{names.symbol(worst)}** is the worst: backpropagation "
        f"{significant(check.analytic.vector[worst], 10)}, finite difference "
        f"{significant(check.numeric.vector[worst], 10)}, relative error "
        f"{significant(check.relative_error.vector[worst], 2)}."
    )
    place = st.selectbox(
        "Look at one, the worst first",
        options,
        format_func=label,
        key=f"{Key.CHECK_LOOKED_AT}_{worst}",  # another worst one is looked at by itself
    )
    parameters = parameters.astype(np.float64)
    theta = parameters.vector[place]
    up, down = (
        in_decimals(_loss(parameters, place, theta + by, images, labels), 15)
        for by in (PERTURBATION, -PERTURBATION)
    )
    name = names.name(place)
    explanation = EXPLANATIONS[GRADIENTS[name]]
    equation = explanation.equation
    if notes and name == "filter_bias":
        equation = "db = Σ dk"
    if copied and name in PER_FILTER:  # what lies behind the pool does not see the copies
        equation += ", where every tied winner has a copy of its window's δ0"
    st.markdown(
        f"- θ = {names.symbol(place)} = {in_decimals(theta, 9)}\n"
        f"- L(θ + ε) = {up} and L(θ − ε) = {down}\n"
        f"- finite difference: ({up} − {down}) / {2 * PERTURBATION:.5f} = "
        f"**{significant(check.numeric.vector[place], 10)}**\n"
        f"- backpropagation, {equation}: "
        f"**{significant(check.analytic.vector[place], 10)}**\n"
        f"- {explanation.words}"
    )


def _stand(check: GradientCheck) -> str:
    return "stand at no kink" if check.kink.any() else "were checked"


def _loss(
    parameters: Parameters, place: int, value: float, images: Integers, labels: Integers
) -> float:
    """Return the loss with one parameter moved."""
    vector = parameters.vector.copy()
    vector[place] = value
    moved = parameters.replaced(vector)
    return backward(moved, forward(moved, images), labels).loss
