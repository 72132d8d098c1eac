"""A panel of the step page alone in an app, and the figures that it draws."""

import base64
import json
from collections.abc import Callable
from typing import Any

import numpy as np
from opening import drawn
from streamlit.testing.v1 import AppTest

from cnn import Recipe
from cnn.network import BiasRule
from data import Digits
from pages.parts.session import Session


def begun(
    digits: Digits,
    steps: int = 60,
    filters: int = 1,
    batch: int = 1,
    rule: BiasRule = "exact",
    seed: int = 0,
) -> Session:
    """A visit whose run has taken some steps."""
    recipe = Recipe(seed=seed, filters=filters, batch=batch, bias_rule=rule, learning_rate=0.02)
    session = Session.begun(digits, recipe)
    session.run.advance(steps - 1)
    return session


def mounted(panel: Callable[..., None], session: Session, number: int, **given: Any) -> AppTest:
    """Draw a panel for a step, once."""

    def script(panel, session, given):
        import streamlit as st  # the script is a module of its own

        panel(session, session.run.at(st.session_state["number"]), **given)

    app = AppTest.from_function(script, args=(panel, session, given), default_timeout=60)
    app.session_state["number"] = number
    return drawn(app)


def toggled(app: AppTest, label: str) -> AppTest:
    """Press the switch with that label, and draw."""
    (switch,) = (one for one in app.toggle if label in one.label)
    switch.set_value(not switch.value)
    return drawn(app)


def figures(app: AppTest) -> list[dict[str, Any]]:
    """What Plotly draws, with its arrays as arrays."""
    return [_decoded(json.loads(chart.proto.spec)) for chart in app.get("plotly_chart")]


def trace(figure: dict[str, Any], name: str) -> dict[str, Any]:
    """The trace of that name."""
    (found,) = (one for one in figure["data"] if one.get("name") == name)
    return dict(found)


def _decoded(value: Any) -> Any:
    if isinstance(value, dict) and "bdata" in value:
        array = np.frombuffer(base64.b64decode(value["bdata"]), value["dtype"])
        shape = value.get("shape")
        return array.reshape([int(n) for n in shape.split(",")]) if shape else array
    if isinstance(value, dict):
        return {key: _decoded(inner) for key, inner in value.items()}
    return [_decoded(inner) for inner in value] if isinstance(value, list) else value
