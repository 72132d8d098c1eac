"""The stage: the component that draws a whole training step, and its mounting.

Its JavaScript lies in ``static/stage/`` and is served as it is. What is declared here is only a
loader, because Streamlit sends a component's inline script again with every frame.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Final

import streamlit as st
from streamlit.components.v2.get_bidi_component_manager import get_bidi_component_manager
from streamlit.components.v2.types import ComponentRenderer

from pages.parts.frame import Spot

FOLDER: Final = Path(__file__).parents[2] / "static" / "stage"

# Streamlit serves static files without any rule for caches, so a browser may go on using an old
# module beside a new one. The loader therefore asks for every file once a page load, past the
# cache, which renews what the cache holds; the import that follows then finds one generation.
# The address is taken from Streamlit's own script: that holds on every page, under any base path
# and behind a proxy that adds a prefix.
LOADER: Final = """
const script = document.querySelector('script[type="module"][src*="static/js/"]')
const folder = new URL("../../app/static/stage/", script?.src ?? document.baseURI)
let module
async function load() {
  await Promise.all(FILES.map((file) => fetch(new URL(file, folder), { cache: "no-cache" })))
  return import(new URL("stage.js", folder))
}
export default async function (component) {
  module ??= load()
  try {
    return (await module).default(component)
  } catch (error) {
    module = undefined
    throw error
  }
}
"""


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

    component = _component(get_bidi_component_manager())
    component(
        key=key,
        data=frame,
        on_pinned_change=partial(tell, "pinned"),
        on_released_change=partial(tell, "released"),
        on_sought_change=partial(tell, "sought"),
        on_asked_change=partial(tell, "asked"),
    )


@lru_cache(maxsize=1)
def _component(manager: object) -> ComponentRenderer:
    """Declare the component, once for each runtime: every `AppTest` brings one of its own."""
    files = sorted(path.name for path in FOLDER.iterdir() if path.suffix in {".js", ".css"})
    return st.components.v2.component("stage", js=LOADER.replace("FILES", json.dumps(files)))
