"""What a click on a figure of Plotly tells, which is whatever the browser says."""

from typing import Any

import streamlit as st


def clicked_point(key: str) -> dict[str, Any]:
    """Return the point of a figure that was clicked last, or an empty one."""
    state = st.session_state.get(key)
    selection = state.get("selection") if isinstance(state, dict) else None
    points = selection.get("points") if isinstance(selection, dict) else None
    point = points[0] if isinstance(points, list) and points else None
    return point if isinstance(point, dict) else {}


def whole(told: object) -> int | None:
    """Read a whole number that a browser tells, or None."""
    if not isinstance(told, int | float | str):
        return None
    try:
        return int(told)
    except (ValueError, OverflowError):  # no number, not finite, or of thousands of digits
        return None
