"""Looking through the digits in use: pages of small ones, and one enlarged with its numbers."""

from html import escape
from math import ceil
from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from data import Digits
from pages.parts.keys import Key
from pages.parts.refusal import plain
from pages.parts.session import Session
from pages.parts.thumbnails import ink, thumbnail

STYLE = Path(__file__).parents[2] / "static" / "data.css"

PER_PAGE = 50

PARTS = ("to train on", "held out")


def digit_browser(session: Session) -> None:
    """Show the digits page by page, and one of them large. Looking does not touch the run."""
    st.html(STYLE)
    st.subheader("Look through them")

    @st.fragment
    def look() -> None:
        positions = _filtered(session.digits)
        if not len(positions):
            st.info("There is no digit of this class here.")
            return
        shown = _page(positions)
        with st.container(key="digits"):
            chosen = st.pills(
                "Digits",
                shown,
                default=shown[0],
                required=True,
                format_func=lambda position: _small(session, position),
                # Other digits are another choice, which begins with the first of them.
                key=f"digits_{session.held.number}_{shown[0]}_{shown[-1]}_{len(shown)}",
                label_visibility="collapsed",
            )
        _enlarged(session, chosen)

    look()


def _filtered(digits: Digits) -> NDArray[np.int64]:
    """Ask for a part and a class; return the positions of its digits.

    As everywhere, held-out digits are counted on after those that are trained on.
    """
    with st.container(horizontal=True, vertical_alignment="bottom"):
        part = st.segmented_control(
            "Digits",
            PARTS,
            default=PARTS[0],
            required=True,
            key=Key.BROWSED_PART,
            persist_state="session",
        )
        of_class = st.pills(
            "Of class (none: all)",
            range(len(digits.classes)),
            format_func=digits.classes.__getitem__,
            key=Key.BROWSED_CLASS,
            persist_state="session",
            wrap=True,
        )
    held_out = part == PARTS[1]
    labels = digits.held_out_labels if held_out else digits.labels
    positions = np.arange(len(labels)) if of_class is None else np.flatnonzero(labels == of_class)
    return positions + (len(digits.labels) if held_out else 0)


def _page(positions: NDArray[np.int64]) -> list[int]:
    """Ask for a page, and return the positions on it."""
    pages = ceil(len(positions) / PER_PAGE)

    def asked() -> int:
        return st.session_state.get(Key.BROWSED_PAGE) or 1  # there may have been but one

    def turn(by: int) -> None:
        st.session_state[Key.BROWSED_PAGE] = asked() + by

    number = st.session_state[Key.BROWSED_PAGE] = min(max(asked(), 1), pages)

    first = (number - 1) * PER_PAGE
    last = min(first + PER_PAGE, len(positions))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if pages > 1:
            st.button("Previous", on_click=turn, args=(-1,), disabled=number == 1)
            st.number_input(f"Page, 1 to {pages:,}", 1, pages, key=Key.BROWSED_PAGE, width=150)
            st.button("Next", on_click=turn, args=(1,), disabled=number == pages)
        st.markdown(f":gray[{first + 1:,} to {last:,} of {len(positions):,}]")
    return [int(position) for position in positions[first:last]]


def _small(session: Session, position: int) -> str:
    """Write a digit as a picture in a label."""
    image, label = session.held.digit(position)
    return f"![digit {position:,}, {plain(session.digits.classes[label])}]({thumbnail(image)})"


def _enlarged(session: Session, position: int) -> None:
    """Show one digit large, every pixel with its number."""
    image, label = session.held.digit(position)
    digits = session.digits
    held_out = position >= len(digits.labels)
    name = f"Digit {position:,}, {digits.classes[label]}"
    with st.container(horizontal=True, vertical_alignment="center", key="enlarged"):
        st.html(f'<img class="large" src="{thumbnail(image)}" alt="{escape(name)}">', width=130)
        with st.container():
            st.markdown(
                f"**Digit {position:,}**, of class **{plain(digits.classes[label])}**, "
                f"{PARTS[held_out]}. {np.count_nonzero(image)} of its 784 pixels have ink."
            )
            if st.button("Watch it on the live page"):
                st.session_state[Key.WATCH], st.session_state[Key.WATCHED] = True, position
                session.live_asked = True
                st.rerun()  # `pages.parts.page` switches
    st.html(pixel_table(image, name))


def pixel_table(image: NDArray[np.uint8], name: str) -> str:
    """Write a digit as a table of its pixel values, each on its own grey.

    Args:
        image: (28, 28).
        name: what it is, for who cannot see it.

    Returns:
        HTML.
    """
    grey = ink()
    head = "".join(f"<th>{j}</th>" for j in range(image.shape[1]))
    rows = []
    for i, row in enumerate(image.tolist()):
        cells = "".join(
            f'<td class="{"ink" if value > 127 else "paper" if value else "none"}" '
            f'style="background:rgb({grey} {grey} {grey}/{value / 255:.3f})">{value}</td>'
            for value in row
        )
        rows.append(f"<tr><th>{i}</th>{cells}</tr>")
    return (
        f'<div class="pixels {"dark" if grey else "light"}" tabindex="0" '
        f'role="region" aria-label="{escape(name)}, its pixel values">'
        f"<table><tr><th></th>{head}</tr>{''.join(rows)}</table></div>"
    )
