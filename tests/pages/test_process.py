"""What is set for the whole server process, in a process of its own."""

import subprocess
import sys

from serving import ROOT

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
