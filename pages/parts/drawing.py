"""Where a digit comes from on the draw page: a square to draw on, or a picture."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from data.picture import MOST_BYTES
from pages.parts.component import component
from pages.parts.keys import Key
from pages.parts.limits import megabytes
from pages.parts.refusal import plain
from pages.parts.sketch import Sketch

STYLE = Path(__file__).parents[2] / "static" / "draw" / "page.css"

DRAW, PICTURE, CAMERA = "Draw", "A picture", "Camera"

EMPTY = {
    DRAW: "Draw a digit, 0 to 9, with mouse, finger or keyboard. What the network really sees, "
    "what it takes it for, and which pixels speak for that appear here while you draw.",
    PICTURE: "What the network really sees of your picture, what it takes it for, and which "
    "pixels speak for that appear here once there is a picture of a digit.",
    CAMERA: "What the network really sees of your photo, what it takes it for, and which pixels "
    "speak for that appear here once there is a photo of a digit.",
}
"""What is said in place of the answer while there is no digit, by where it is to come from."""

SUFFIXES = ["png", "jpg", "jpeg", "webp", "gif"]

BORROWED = "stage/colours.js", "stage/element.js"
"""What the square's JavaScript imports from the stage's."""


def easel() -> tuple[DeltaGenerator, DeltaGenerator]:
    """Return the place for the drawing and, where there is room beside it, the one for the rest."""
    st.html(STYLE)
    both = st.container(key="easel")
    return both.container(), both.container()


def digit_from(sketch: Sketch) -> NDArray[np.uint8] | None:
    """Ask where the digit is to come from, and return it, (28, 28), if it is there."""
    road = st.segmented_control(
        "The digit comes from",
        (DRAW, PICTURE, CAMERA),
        default=DRAW,
        required=True,
        key=Key.DRAW_WITH,
        persist_state="session",
        label_visibility="collapsed",
        on_change=_another_digit,
    )
    return sketch.drawn if road == DRAW else sketch.picture


def no_digit() -> str:
    """Say what appears in place of this once there is a digit."""
    return EMPTY[st.session_state[Key.DRAW_WITH]]


def canvas(sketch: Sketch) -> None:
    """Put what a digit is drawn with or brought by on the page.

    Called when all else is drawn: the browser takes the square's answer as the sign that it may
    tell the next piece of the drawing.
    """
    road = st.session_state[Key.DRAW_WITH]
    if road == DRAW:
        _square(sketch)
    else:
        _picture_field(sketch, camera=road == CAMERA)
    if sketch.refused:
        st.error(plain(sketch.refused))


def _square(sketch: Sketch) -> None:
    def hear() -> None:
        told: Any = st.session_state.get(Key.SQUARE, {}).get("drawn")
        sketch.hear(told)
        if not sketch.strokes:
            _another_digit()

    strokes = [asdict(stroke) for stroke in sketch.strokes]
    component("draw", *BORROWED)(
        key=Key.SQUARE,
        data={"strokes": strokes, "width": sketch.pen, "heard": sketch.heard},
        on_drawn_change=hear,
    )


def _picture_field(sketch: Sketch, camera: bool) -> None:
    key = Key.CAMERA if camera else Key.PICTURE

    def bring() -> None:
        file = st.session_state.get(key)
        if file is None:
            sketch.put_away()
        else:
            sketch.bring(file.getvalue(), file.name)
        _another_digit()

    if camera:
        st.camera_input("A digit on paper, large and alone", key=key, on_change=bring)
    else:
        st.file_uploader(
            "A picture of one digit, as a PNG, JPEG, WebP or GIF",
            SUFFIXES,
            key=key,
            on_change=bring,
            max_upload_size=megabytes(MOST_BYTES // 1_000_000),
        )
        st.caption(
            "A photo from a phone, a scan or a drawing; dark on light or light on dark. "
            "It stays in this session and is kept nowhere else."
        )
    if sketch.picture is not None and st.session_state[key] is None and not sketch.refused:
        st.caption(f"The digit beside is that of {plain(sketch.name)}.")


def _another_digit() -> None:
    """What the last digit was said to be does not hold for the next."""
    st.session_state[Key.TOLD] = None
