"""A sweep on one process, on two, and on a Dask cluster of two workers; and one worker killed.

Runs five rates with three seeds for one epoch of the bundled digits. Each place is warmed with a
short sweep first, so that what is timed is the runs and not the start of Python. Wanted: two
processes at no less than 1.7 times the speed of one, the cluster likewise, the same bytes
everywhere, and no run lost to a killed worker.

With --live the same on two processes while a browser has the live page open and plays at ten steps
a second; prints the frames that it drew. Needs the packages of requirements-dev.txt, and chromium
for --live::

    python tests/benchmarks/sweep.py
    python tests/benchmarks/sweep.py --live
"""

import argparse
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from data import Digits, load_bundled  # noqa: E402  # the project is run, not installed
from experiments import Outcome, Record, Sweep, Where, run_sweep  # noqa: E402

SWEEP = Sweep()  # five rates, three seeds, one epoch
WARMING = Sweep(learning_rate=(0.01,), seeds=tuple(range(8)), epochs=None, steps=100)


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--live", action="store_true", help="with the live page playing")
    given = arguments.parse_args()
    digits = load_bundled()
    print(f"{os.cpu_count()} cores, {len(SWEEP.recipes)} runs, load {os.getloadavg()[0]:.1f}")
    if given.live:
        one, _ = timed(digits, Where(1))
        with live_page() as frames:
            before = frames()
            start = time.perf_counter()
            two, _ = timed(digits, Where(2))
            drawn = (frames() - before) / (time.perf_counter() - start)
        print(f"two processes beside the live page: {one / two:.2f} times one process")
        print(f"meanwhile the live page drew {drawn:.1f} frames a second")
        return
    one, wanted = timed(digits, Where(1))
    print(f"one process: {one:.1f} s")
    two, found = timed(digits, Where(2))
    print(f"two processes: {two:.1f} s, {one / two:.2f} times; {compared(wanted, found)}")
    _, found = timed(digits, Where(2), kill=True)
    print(f"two processes, one killed: {compared(wanted, found)}")

    from distributed import LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        there = Where(scheduler=cluster.scheduler_address)
        two, found = timed(digits, there)
        print(f"two Dask workers: {two:.1f} s, {one / two:.2f} times; {compared(wanted, found)}")
        _, found = timed(digits, there, kill=True)
        print(f"two Dask workers, one killed: {compared(wanted, found)}")


def timed(digits: Digits, where: Where, kill: bool = False) -> tuple[float, Record]:
    """Run the sweep, and return the seconds that it took and its results."""
    killed: list[int] = []

    def heard(outcome: Outcome) -> None:
        if kill and not killed:
            killed.append(outcome.process)
            os.kill(outcome.process, signal.SIGKILL)

    with TemporaryDirectory() as folder:
        run_sweep(WARMING, digits, Path(folder) / "warming.jsonl", where)
        start = time.perf_counter()
        record = run_sweep(SWEEP, digits, Path(folder) / "sweep.jsonl", where, heard=heard)
        return time.perf_counter() - start, record


def compared(wanted: Record, found: Record) -> str:
    """Say whether two sweeps have come to the same bytes."""
    same = sum(
        found.outcomes[place].parameters == outcome.parameters
        for place, outcome in wanted.outcomes.items()
        if place in found.outcomes
    )
    return f"{same} of {len(wanted.outcomes)} runs with the same bytes"


@contextmanager
def live_page() -> Iterator[object]:
    """Play the live page at ten steps a second; gives how many frames it has drawn."""
    from playwright.sync_api import sync_playwright

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless=true"]
    command += [f"--server.port={port}", "--server.address=127.0.0.1"]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1)
                break
            except OSError:
                time.sleep(0.1)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
            )
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.add_init_script("localStorage.setItem('watch-it-learn.tour', 'seen')")
            page.goto(f"http://127.0.0.1:{port}")
            stage = page.locator(".stage[data-step]")
            stage.wait_for(timeout=120_000)
            page.get_by_role("radio", name="10/s", exact=True).click()
            page.get_by_role("button", name=re.compile("^Play")).click()
            stage.wait_for()
            # At ten steps a second every step is a frame of its own.
            yield lambda: int(stage.get_attribute("data-step") or 0)
            browser.close()
    finally:
        server.terminate()
        server.wait(10)


if __name__ == "__main__":
    main()
