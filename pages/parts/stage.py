"""The stage: the component that draws a whole training step, and its mounting."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

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

READERS: Final[Mapping[str, Callable[[Any], Event]]] = {
    "pinned": lambda told: Pinned(Spot(told["panel"], told["filter"], told["index"])),
    "released": lambda _: Released(),
    "sought": Sought,
    "asked": Asked,
}
"""What the browser tells, by the name that it tells it under."""


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
        on_event(READERS[name](st.session_state[key][name]))

    component("stage")(
        key=key,
        data=frame,
        on_pinned_change=partial(tell, "pinned"),
        on_released_change=partial(tell, "released"),
        on_sought_change=partial(tell, "sought"),
        on_asked_change=partial(tell, "asked"),
    )
