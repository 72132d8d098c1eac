"""What is set for the whole server process, in a process of its own."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from serving import ROOT, server
from visitor import Visitor, visiting

FIRST_VISIT = """
import weakref
from streamlit.testing.v1 import AppTest
from pages.parts.keys import Key
from pages.parts.process import reclaim_memory

page = AppTest.from_file("app.py", default_timeout=60).run()
run = weakref.ref(page.session_state[Key.SESSION].run)
assert run() is not None
del page
reclaim_memory()
print("still there" if run() else "let go")
"""


def test_the_first_visit_is_let_go_too() -> None:
    """It is there when the garbage collector is told what to leave alone, and BLAS is limited."""
    done = subprocess.run(
        [sys.executable, "-c", FIRST_VISIT], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stdout.split("\n")[-2] == "let go", done.stdout


WHO_LEAVES = """
import weakref
import streamlit as st
from pages.parts import process

class Own:
    pass

process.RECLAIMED = 0.2
process.prepare_process()
if "own" not in st.session_state:
    st.session_state.own = Own()
    weakref.finalize(st.session_state.own, print, "a visitor is forgotten", flush=True)
st.write("Hello")
"""


def test_a_visitor_who_has_left_is_forgotten_though_nobody_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the last one of all Streamlit's own loop keeps hold, so two come and leave at once."""
    monkeypatch.setenv("STREAMLIT_SERVER_DISCONNECTED_SESSION_TTL", "1")
    app, log = tmp_path / "app.py", tmp_path / "log"
    app.write_text(WHO_LEAVES)

    async def come_and_leave(url: str) -> None:
        async with Visitor(url) as first, Visitor(url) as second:
            await first.open()
            await second.open()

    with log.open("wb") as file, server(app, file) as (url, _):
        visiting(come_and_leave(url))
        deadline = time.monotonic() + 20
        while "is forgotten" not in log.read_text():
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
