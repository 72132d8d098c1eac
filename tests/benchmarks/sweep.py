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
from collections.abc import Callable, Iterator
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
    arguments.add_argument("--repeats", type=int, default=3, help="of which the quickest counts")
    arguments.add_argument("--live", action="store_true", help="with the live page playing")
    given = arguments.parse_args()
    digits = load_bundled()
    print(f"{os.cpu_count()} cores, {len(SWEEP.recipes)} runs, load {os.getloadavg()[0]:.1f}")
    if given.live:
        beside_the_live_page(digits)
        return

    from distributed import LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        there = Where(scheduler=cluster.scheduler_address)
        places = {"one process": Where(1), "two processes": Where(2), "two Dask workers": there}
        seconds: dict[str, list[float]] = {name: [] for name in places}
        records: dict[str, Record] = {}
        for _ in range(given.repeats):  # in turn, so that a busy while falls upon all
            for name, where in places.items():
                taken, records[name] = timed(digits, where)
                seconds[name].append(taken)
        one, wanted = min(seconds["one process"]), records["one process"]
        for name in places:
            quickest = min(seconds[name])
            print(f"{name}: {quickest:.2f} s, {one / quickest:.2f} times one process")
        for name, where in list(places.items())[1:]:
            _, killed = timed(digits, where, kill=True)
            print(f"{name}: {compared(wanted, records[name])}")
            print(f"{name}, one killed: {compared(wanted, killed)}")


def beside_the_live_page(digits: Digits) -> None:
    """Time one process and two while the live page draws, and count its frames."""
    with live_page() as frames:
        drawn = {}
        seconds = {}
        for processes in (1, 2):
            before, start = frames(), time.perf_counter()
            seconds[processes], _ = timed(digits, Where(processes))
            drawn[processes] = (frames() - before) / (time.perf_counter() - start)
    print(
        f"two processes beside the live page: {seconds[2]:.2f} s, "
        f"{seconds[1] / seconds[2]:.2f} times one process; "
        f"the page drew {drawn[2]:.1f} frames a second of the ten that it was to"
    )


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
def live_page() -> Iterator[Callable[[], int]]:
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
