"""Figures of Plotly that can be clicked."""

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st
from plotly.graph_objects import Figure

from pages.parts.component import component

Point = Mapping[str, Any]
"""What the browser tells of a point: "x" and "y" as in the figure, "of" its custom data or None.
Whatever it tells: whoever reads it looks whether it makes sense, with `whole`."""


def clickable_figure(
    figure: Figure,
    key: str,
    on_click: Callable[[Point], None],
    alt: str | None = None,
    reach: int | None = None,
    config: dict[str, Any] | None = None,
) -> None:
    """Draw a figure, and hear of clicks on its points.

    Streamlit's own way, `on_select`, goes by the figure's contents. While a run plays they change
    all the time, and a click on what was on the screen would be lost as often as not.

    Args:
        figure: with lines or markers.
        key: one for each figure on a page.
        on_click: told the nearest point, before the script run that it causes.
        alt: what the figure shows, in words.
        reach: how near to the point the click has to be, in CSS pixels; however far unless given.
        config: Plotly's.
    """
    told_by = f"{key}_clicks"

    def clicked() -> None:
        point = st.session_state.get(told_by, {}).get("clicked")
        if isinstance(point, dict):
            on_click(point)

    st.plotly_chart(figure, key=key, alt=alt, config=config)
    with st.container(key=f"unseen_{told_by}"):  # which takes no room
        component("clicks")(
            key=told_by, data={"figure": key, "reach": reach}, on_clicked_change=clicked
        )


def whole(told: object) -> int | None:
    """Read a whole number that a browser tells, or None."""
    if not isinstance(told, int | float | str):
        return None
    try:
        return int(told)
    except (ValueError, OverflowError):  # no number, not finite, or of thousands of digits
        return None
