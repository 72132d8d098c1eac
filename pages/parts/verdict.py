"""What the network sees of a drawing, what it says, and which pixels speak for that."""

from html import escape

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cnn import Step
from cnn.saliency import Saliency, saliency
from pages.parts.keys import Key
from pages.parts.numbers import decimals_of_sum, in_decimals
from pages.parts.plates import ink_plate, legend, plates, signed_plate
from pages.parts.session import Session


def ask_truth(session: Session, there: bool) -> int | None:
    """Ask which digit it really is; return it, a position in the classes, or None."""
    classes = session.digits.classes
    told = st.pills(
        "What is it really? Tell, and see what one training step on it would change.",
        range(len(classes)),
        format_func=classes.__getitem__,
        key=Key.TOLD,
        persist_state="session",
        disabled=not there,
    )
    return int(told) if told is not None and there else None


def judged(session: Session, digit: NDArray[np.uint8], told: int | None) -> Step:
    """Return what the newest parameters make of a digit, (28, 28), and the error it sends back.

    The label is what was told, or else the network's own answer.
    """
    step = session.held.judged(digit, told or 0)
    return session.held.judged(digit, guess(step)) if told is None else step


def verdict(session: Session, step: Step, told: int | None) -> None:
    """Show the digit that the network sees, its answer, and each pixel's share in it.

    Args:
        session: whose newest parameters the step has.
        step: from `judged`.
        told: which digit it really is, or None.
    """
    classes = [escape(name) for name in session.digits.classes]
    answer = guess(step)
    sure = float(step.forward.probabilities[0, answer])
    found = saliency(step.before, step.forward, np.array([answer]))
    # Read aloud while somebody draws, not every few steps of a run that plays.
    live = "" if session.playing else ' role="status"'
    html = (
        f'<p class="answer"{live}>The network takes it for '
        f"<b>{classes[answer]}</b>, with probability {in_decimals(sure, 4)}"
        f"{_judgement(answer, told, classes)}.</p>"
        f'<div class="plates">{_seen(step)}{_speaking(found, classes[answer])}'
        f"{_bars(step, answer, told, classes)}</div>"
        f"<p>{shares(found, float(step.forward.z2[0, answer]), classes[answer])}</p>"
    )
    st.html(plates("verdict", html))


def guess(step: Step) -> int:
    """Return what the network takes the step's only picture for."""
    return int(step.forward.probabilities[0].argmax())


def _judgement(answer: int, told: int | None, classes: list[str]) -> str:
    if told is None:
        return ""
    return ", rightly" if told == answer else f"; it is really {classes[told]}"


def _seen(step: Step) -> str:
    note = "Scaled into 20×20, then its centre of mass put in the middle of 28×28, as MNIST was."
    return ink_plate(step.images[0], "What the network sees", note)


def _speaking(found: Saliency, name: str) -> str:
    pixels = found.pixels[0]
    end = float(np.abs(pixels).max())
    note = f"Blue pixels speak for {name}, orange ones against it.<br>{legend(end)}"
    words = f"what each pixel adds to the score of {name}"
    return signed_plate(pixels, end, words, f"Which pixels speak for {name}", note)


def _bars(step: Step, answer: int, told: int | None, classes: list[str]) -> str:
    rows = []
    for c, (name, p) in enumerate(zip(classes, step.forward.probabilities[0], strict=True)):
        kind = "said" if c == answer else ""
        truth = " ✓" if c == told else ""
        rows.append(
            f'<tr class="{kind}"><th scope="row">{name}{truth}</th>'
            f'<td class="bar"><i style="width: {100 * float(p):.2f}%"></i></td>'
            f"<td>{in_decimals(float(p), 4)}</td></tr>"
        )
    return f'<table class="bars"><caption>Probabilities</caption>{"".join(rows)}</table>'


def shares(found: Saliency, score: float, name: str) -> str:
    """Say how pixels and biases add up to the score, with so many digits that they do."""
    pixels, biases = float(found.pixels[0].sum(dtype=float)), float(found.biases[0])
    decimals = decimals_of_sum(score, (pixels, biases))
    return (
        f"All pixels together add <b>{in_decimals(pixels, decimals.terms)}</b> to the score of "
        f"{name} and the biases <b>{in_decimals(biases, decimals.terms)}</b>, and nothing else "
        f"does: <var>z2[{name}]</var> = <b>{in_decimals(score, decimals.result)}</b>. A pixel’s "
        f"share is its ink times the slope of the score, <var>x · ∂z2[{name}]/∂x</var>, followed "
        "back through the network. Empty paper is 0 and adds nothing, although a missing stroke "
        "can decide."
    )
