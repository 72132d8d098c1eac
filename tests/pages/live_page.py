"""The live page without a browser: what can be pressed on it, and what it holds."""

import json
import struct
from collections.abc import Callable
from typing import Any

import pytest
from opening import drawn, held, press
from streamlit.testing.v1 import AppTest

from cnn import Recipe, Run
from data import Digits
from pages.parts.keys import Key
from pages.parts.scenes import live_frame
from pages.parts.session import Session


def press_beginning_with(app: AppTest, label: str) -> None:
    (found,) = (button.label for button in app.button if button.label.startswith(label))
    press(app, found)


def disabled(app: AppTest) -> dict[str, bool]:
    return {button.label: button.disabled for button in app.button}


def set_rate(app: AppTest, rate: float) -> None:
    app.select_slider(key=held(app).slider.key).set_value(rate)


def set_pace(app: AppTest, name: str) -> None:
    app.segmented_control(key=Key.PACE).set_value(name)
    drawn(app)


def run_until(app: AppTest, there: Callable[[Session], bool]) -> None:
    """Tick until it is so. A tick that comes too early does nothing, so they are not counted."""
    for _ in range(2_000):
        if there(held(app)):
            return
        drawn(app)
    pytest.fail("it did not come to that")


def straight(digits: Digits, recipe: Recipe, steps: int) -> Run:
    run = Run(recipe, digits.images, digits.labels)
    run.advance(steps)
    return run


def meta(session: Session) -> dict[str, Any]:
    frame = live_frame(session, session.shown)
    (length,) = struct.unpack_from("<I", frame)
    header: dict[str, Any] = json.loads(frame[4 : 4 + length])
    return header["meta"]


# ---- A new run ----


def fill_form(app: AppTest, **numbers: int) -> None:
    names = {"filters": "Filters, 1 to 8", "batch": "Images a step (batch), 1 to 1,000"}
    names |= {"hidden": "Hidden units, 1 to 256", "seed": "Seed, 0 to 4,294,967,295"}
    for name, value in numbers.items():
        (field,) = (field for field in app.number_input if field.label == names[name])
        field.set_value(value)
