"""Held-out digits side by side, each with the probabilities that the network gave it."""

from html import escape
from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from pages.parts.judging import Judged
from pages.parts.session import Session
from pages.parts.thumbnails import thumbnail

STYLE = Path(__file__).parents[2] / "static" / "evaluate.css"


def gallery(session: Session, judged: Judged, positions: NDArray[np.integer], key: str) -> None:
    """Show some held-out digits, and offer to open each on the step page, with all its arithmetic.

    Args:
        session: whose step page it is.
        judged: what they were taken for.
        positions: (m,), where they stand among the held-out digits.
        key: one for each gallery on a page.
    """

    def open_digit(position: int) -> None:
        session.seek(judged.step)
        session.look.examine(position)

    with st.container(horizontal=True, key=key):
        for at in positions.tolist():
            position = judged.first + at
            with st.container(width=160, gap="small"):
                st.html(_card(session, judged, at))
                st.button(
                    f"Open #{position:,}",
                    key=f"{key}_{position}",
                    on_click=open_digit,
                    args=(position,),
                )


def _card(session: Session, judged: Judged, at: int) -> str:
    outcome, names = judged.outcome, session.digits.classes
    label, said = int(outcome.labels[at]), int(outcome.said[at])
    image, _ = session.held.digit(judged.first + at)
    verdict = f"is {escape(names[label])}"
    if said != label:
        verdict += f", taken for {escape(names[said])}"
    bars = "".join(
        _bar(escape(name), float(outcome.probabilities[at, c]), c == label)
        for c, name in enumerate(names)
    )
    return (
        f'<div class="judged"><img src="{thumbnail(image)}" alt="a digit that {verdict}">'
        f"<p>{verdict}<br>loss {outcome.losses[at]:.3f}</p><table>{bars}</table></div>"
    )


def _bar(name: str, probability: float, true: bool) -> str:
    mark = ' class="true"' if true else ""
    return (
        f'<tr{mark}><th scope="row">{name}</th>'
        f'<td><i style="width: {100 * probability:.1f}%"></i></td><td>{probability:.3f}</td></tr>'
    )
