"""The stage: the component that draws a whole training step, and its mounting.

Its JavaScript lies in ``static/stage/`` and is served as it is. What is declared here is only a
loader, because Streamlit sends a component's inline script again with every frame.
"""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import streamlit as st
from streamlit.components.v2.get_bidi_component_manager import get_bidi_component_manager
from streamlit.components.v2.types import ComponentRenderer

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
    """A cell that somebody has just clicked.

    Attributes:
        quantity: the panel's name in ``static/stage/panels.js``, such as ``"z"`` or ``"delta0"``.
        filter: the filter that the stage shows, counted from 0.
        index: flat position in the panel; in a panel of a filter, 9 is the bias.
    """

    quantity: str
    filter: int
    index: int


def stage(frame: bytes, key: str = "stage") -> Pinned | None:
    """Draw a frame.

    Args:
        frame: from `pages.parts.frame.pack`.
        key: one for each stage on a page.

    Returns:
        The cell that was clicked, in the one script run that the click caused; otherwise None.
        Hovering and letting go are the stage's own business and cause no run.
    """
    component = _component(get_bidi_component_manager())
    result = component(key=key, data=frame, on_pinned_change=lambda: None)
    pinned: dict[str, Any] | None = result.pinned
    if pinned is None:
        return None
    return Pinned(str(pinned["quantity"]), int(pinned["filter"]), int(pinned["index"]))


@lru_cache(maxsize=1)
def _component(manager: object) -> ComponentRenderer:
    """Declare the component, once for each runtime: every `AppTest` brings one of its own."""
    files = sorted(path.name for path in FOLDER.iterdir() if path.suffix in {".js", ".css"})
    return st.components.v2.component("stage", js=LOADER.replace("FILES", json.dumps(files)))
