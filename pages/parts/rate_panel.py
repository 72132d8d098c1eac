"""What another learning rate would have done to the images of one step."""

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cnn import Step
from cnn.whatif import losses_along_gradient
from pages.parts.kept import StepId
from pages.parts.keys import Key
from pages.parts.numbers import readable
from pages.parts.panel_figures import QUIET, RateCurve, rates_figure
from pages.parts.rates import written
from pages.parts.session import Session
from pages.parts.wording import significant

TRIED = np.geomspace(1e-4, 10, 60)
"""The rates of the curve, evenly spread over five powers of ten."""


def rate_panel(session: Session, step: Step, image: int = 0) -> None:
    """Offer to try other learning rates on a step.

    Args:
        session: its slider's rate is marked, and it keeps the curve while step and rate stay.
        step: its gradient is followed, from the parameters before it.
        image: of no account: a step's gradient is the mean over its batch, and so is the loss.
    """

    @st.fragment
    def draw() -> None:
        if st.toggle("**What would another rate have done?**", key=Key.RATES_SHOWN):
            curve = _curve(session, step)
            st.markdown(_sentence(curve, len(step.images), step.after is not step.before))
            st.plotly_chart(
                rates_figure(curve),
                key="rates",
                config=QUIET,
                alt="Loss after the step over the learning rate; the sentences say what it shows.",
            )
            if session.run.recipe.bias_rule == "notes":
                st.caption(
                    "This run takes the notes' rule for the gradient of the filter's bias, so what "
                    "is followed here is not quite the steepest way down."
                )

    draw()


def _curve(session: Session, step: Step) -> RateCurve:
    """Return the losses after each rate, computed again when the step or a rate has changed."""
    chosen, own = session.chosen_rate, step.learning_rate
    rates = (*TRIED.tolist(), own, chosen)
    key = StepId.of(session.held.number, step)
    losses = session.kept.losses_of(key, rates)
    if losses is None:
        losses = losses_along_gradient(step, rates)
        session.kept.losses = key, rates, losses
    tried = losses[: len(TRIED)]
    marks = [("this step's rate", own, float(losses[-2]))]
    if chosen != own:
        marks.append(("the slider's rate", chosen, float(losses[-1])))
    finite = np.where(np.isfinite(tried), tried, np.inf)
    # The first that is as good as the lowest: near 0 a loss goes on falling without an end.
    best = int(np.flatnonzero(finite <= finite.min() + 0.001 * step.loss)[0])
    return RateCurve(
        rates=TRIED,
        losses=tried,
        before=step.loss,
        marks=marks,
        best=float(TRIED[best]),
        overshoots=_overshoots(tried, step.loss, best),
    )


def _overshoots(losses: NDArray[np.floating], before: float, best: int) -> float | None:
    """Return the first rate beyond the best after which the loss is above what it was."""
    worse = ~(losses <= before)  # also where it is no number
    beyond = np.flatnonzero(worse[best:])
    return float(TRIED[best + beyond[0]]) if len(beyond) else None


def _sentence(curve: RateCurve, images: int, trained: bool) -> str:
    """Say what the curve shows; of a digit that is only looked at, no step has been taken."""
    what = "this image" if images == 1 else f"these {images} images"
    own_name, own, own_loss = curve.marks[0]
    before = f"Before the step the loss of {what} was" if trained else f"The loss of {what} is"
    came = "it came to" if trained else "a step on it would bring it to"
    text = (
        f"{before} {readable(curve.before)}. With {own_name}, η = {written(own)}, "
        f"{came} {_loss(own_loss)}"
    )
    for name, rate, loss in curve.marks[1:]:
        text += f"; with {name}, η = {written(rate)}, it would have come to {_loss(loss)}"
    best = int(np.flatnonzero(curve.rates == curve.best)[0])
    after = float(curve.losses[best])
    if not after < curve.before:
        text += ". None of the rates tried lowers it"
    else:
        text += (
            f". Lowest of the {len(TRIED)} rates tried is about {significant(curve.best, 2)}, "
            f"which leaves {readable(after)}"
        )
    rises = not np.nanmax(curve.losses[best:]) < after + 0.01 * curve.before
    if curve.overshoots is not None:
        text += (
            f". **From about {significant(curve.overshoots, 2)} on the step overshoots**: it goes "
            "so far in a right direction that the loss ends above where it began"
        )
    elif rises:
        text += "; with more it rises again, but up to 10 never above where it began"
    else:
        text += "; up to 10 none overshoots"
    return (
        text + f". What is best for {what} is not best for training: the other images pull "
        "elsewhere, and many small steps add up."
    )


def _loss(value: float) -> str:
    return readable(value) if np.isfinite(value) else "no finite number"
