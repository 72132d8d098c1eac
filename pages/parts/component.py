"""Components of the app's own: their JavaScript lies in ``static/`` and is served as it is.

What is declared here is only a loader, because Streamlit sends a component's inline script again
with every frame.
"""

import json
from functools import lru_cache
from pathlib import Path
from typing import Final

import streamlit as st
from streamlit.components.v2.get_bidi_component_manager import get_bidi_component_manager
from streamlit.components.v2.types import ComponentRenderer

STATIC: Final = Path(__file__).parents[2] / "static"

# Streamlit serves static files without any rule for caches, so a browser may go on using an old
# module beside a new one. The loader therefore asks for every file once a page load, past the
# cache, which renews what the cache holds; the import that follows then finds one generation.
# The address is taken from Streamlit's own script: that holds on every page, under any base path
# and behind a proxy that adds a prefix.
LOADER: Final = """
const script = document.querySelector('script[type="module"][src*="static/js/"]')
const folder = new URL("../../app/static/", script?.src ?? document.baseURI)
let module
async function load() {
  await Promise.all(FILES.map((file) => fetch(new URL(file, folder), { cache: "no-cache" })))
  return import(new URL(ENTRY, folder))
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


def component(name: str, *borrowed: str) -> ComponentRenderer:
    """Return the component whose files are ``static/<name>/``, begun by ``<name>.js`` there.

    Args:
        name: of the component and of its folder.
        borrowed: files of other folders that it imports, such as ``"stage/colours.js"``.
    """
    return _declared(get_bidi_component_manager(), name, borrowed)


@lru_cache(maxsize=8)
def _declared(manager: object, name: str, borrowed: tuple[str, ...]) -> ComponentRenderer:
    """Declare a component, once for each runtime: every `AppTest` brings one of its own."""
    own = (path for path in (STATIC / name).iterdir() if path.suffix in {".js", ".css"})
    files = [*sorted(f"{name}/{path.name}" for path in own), *borrowed]
    script = LOADER.replace("FILES", json.dumps(files)).replace("ENTRY", f'"{name}/{name}.js"')
    return st.components.v2.component(name, js=script)
