"""The stage: the component that draws a whole training step, and its mounting."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

import streamlit as st

from pages.parts.component import component
from pages.parts.frame import Spot


@dataclass(frozen=True)
class Pinned:
    """Somebody has pinned a cell."""

    spot: Spot


@dataclass(frozen=True)
class Released:
    """Somebody has let go of the pinned cell."""


@dataclass(frozen=True)
class Sought:
    """Somebody has clicked on a curve: the step there."""

    step: int


@dataclass(frozen=True)
class Asked:
    """Somebody wants to know what a panel is."""

    panel: str


Event = Pinned | Released | Sought | Asked

TOLD: Final = ("pinned", "released", "sought", "asked")
"""The names that the browser tells something under."""


def read(name: str, told: object) -> Event | None:
    """Read what the browser tells, or None if a stage would tell no such thing."""
    match name, told:
        case "pinned", {"panel": str(panel), "filter": int(filter), "index": int(index)}:
            return Pinned(Spot(panel, filter, index))
        case "released", _:
            return Released()
        case "sought", int(step):
            return Sought(step)
        case "asked", str(panel):
            return Asked(panel)
    return None


def stage(
    frame: bytes, key: str = "stage", on_event: Callable[[Event], None] = lambda _: None
) -> None:
    """Draw a frame.

    Args:
        frame: from `pages.parts.frame.pack`.
        key: one for each stage on a page.
        on_event: told what somebody did on the stage, before the script run that it causes.
            Hovering is the stage's own business and causes none.
    """

    def tell(name: str) -> None:
        if event := read(name, st.session_state.get(key, {}).get(name)):
            on_event(event)

    component("stage")(
        key=key,
        data=frame,
        on_pinned_change=partial(tell, "pinned"),
        on_released_change=partial(tell, "released"),
        on_sought_change=partial(tell, "sought"),
        on_asked_change=partial(tell, "asked"),
    )
