"""The app as the benchmarks meet it: a server process of its own and a real browser."""

import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))

from serving import ROOT, server  # after the path is set

__all__ = ["ROOT", "browser", "resident", "server", "show"]


@contextmanager
def browser(url: str) -> Iterator[Page]:
    """Open a page on a wide screen, by somebody who has seen the tour."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = chromium.new_page(viewport={"width": 1440, "height": 900})
        page.add_init_script("localStorage.setItem('watch-it-learn.tour', 'seen')")
        page.goto(url)
        page.wait_for_selector(".stage[data-step]", timeout=120_000)
        yield page
        chromium.close()


def show(what: str, values: list[float], form: str) -> None:
    """Print the median of some values, and the least and the most."""
    low, middle, high = min(values), statistics.median(values), max(values)
    print(f"{what}: {form.format(middle)} ({form.format(low)} to {form.format(high)})")


def resident(process: subprocess.Popen[bytes]) -> int:
    """Memory of a process, in bytes."""
    pages = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
