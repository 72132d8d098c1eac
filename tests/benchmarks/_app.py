"""The app as the benchmarks meet it: a server process of its own and a real browser."""

import os
import shutil
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parents[2]


@contextmanager
def server(
    app: Path = ROOT / "app.py", log: IO[bytes] | int = subprocess.DEVNULL
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Start ``streamlit run`` on a free port; its address and its process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", str(app), "--server.headless=true"]
    command += [f"--server.port={port}", "--server.address=127.0.0.1"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT
    )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(200):
            try:
                urllib.request.urlopen(f"{url}/_stcore/health", timeout=1)
                break
            except OSError:
                time.sleep(0.1)
        yield url, process
    finally:
        process.terminate()
        process.wait(10)


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
