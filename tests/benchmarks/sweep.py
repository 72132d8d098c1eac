"""A sweep on one process, on two, and on a Dask cluster of two workers; and one worker killed.

Runs five rates with three seeds for one epoch of the bundled digits, on one place after the other,
several times; a ratio is of two times that were taken side by side. Each place is warmed with a
short sweep first, so that what is timed is the runs and not the start of Python. Wanted: two
processes at no less than 1.7 times the speed of one, the cluster likewise, the same bytes
everywhere, and no run lost to a killed worker.

With --live the same on two processes while the live page plays: at ten steps a second for a browser
elsewhere (a websocket that takes every frame), and at one step a second and at ten in a browser on
this machine, whose drawing takes its part of the two cores; and the frames that come. Needs the
packages of requirements-dev.txt, and chromium for --live::

    python tests/benchmarks/sweep.py
    python tests/benchmarks/sweep.py --live
"""

import argparse
import asyncio
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from _app import browser, server
from playwright.sync_api import Page

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[2]))

from visitor import Visitor  # after the path is set

from data import Digits, load_bundled  # likewise
from experiments import Outcome, Record, Sweep, Where, run_sweep

DASK = Path(__file__).parents[2] / "docs" / "dask.yaml"
SWEEP = Sweep()  # five rates, three seeds, one epoch
WARMING = Sweep(learning_rate=(0.01,), seeds=tuple(range(8)), epochs=None, steps=100)


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--repeats", type=int, default=11, help="of which the median counts")
    arguments.add_argument("--live", action="store_true", help="with the live page playing")
    given = arguments.parse_args()
    digits = load_bundled()
    print(f"{os.cpu_count()} cores, {len(SWEEP.recipes)} runs, load {os.getloadavg()[0]:.1f}")
    if given.live:
        beside_the_live_page(digits)
        return

    ratios: dict[str, list[float]] = {name: [] for name in PLACES}
    for _ in range(given.repeats):
        one, wanted = timed(digits, Where(1))
        for name, place in PLACES.items():
            with place() as where:
                seconds, found = timed(digits, where)
            ratios[name].append(one / seconds)
            print(f"one process: {one:.2f} s; {name}: {seconds:.2f} s, {same(wanted, found)}")
    for name, place in PLACES.items():
        with place() as where:
            _, killed = timed(digits, where, kill=True)
        print(f"{name}, one killed: {same(wanted, killed)}")
        low, middle, high = min(ratios[name]), median(ratios[name]), max(ratios[name])
        print(f"{name}: {middle:.2f} times one process ({low:.2f} to {high:.2f})")


@contextmanager
def processes() -> Iterator[Where]:
    """Two processes of this machine."""
    yield Where(2)


@contextmanager
def cluster() -> Iterator[Where]:
    """Two workers of a Dask cluster, each on a core of its own, and its scheduler in this process.

    This process keeps to one of the two cores, so that only one worker has to give way to it: as
    docs/serving.md has it for a scheduler that shares its machine with workers.
    """
    os.environ["DASK_CONFIG"] = str(DASK)  # read as Dask is imported
    from distributed import LocalCluster

    start: Any = LocalCluster  # it ships no types
    cores = os.sched_getaffinity(0) if sys.platform == "linux" else {0}
    with start(n_workers=2, threads_per_worker=1, dashboard_address=None) as started:
        one, other = started.workers.values()
        keep_to({min(cores)}, one.pid)
        for process in (other.pid, os.getpid()):
            keep_to({max(cores)}, process)
        try:
            yield Where(scheduler=started.scheduler_address)
        finally:
            keep_to(cores, os.getpid())


def keep_to(cores: set[int], process: int) -> None:
    """Let every thread of a process, and what it starts from now on, run on these cores alone."""
    if sys.platform != "linux":  # which nothing else has
        return
    for thread in Path(f"/proc/{process}/task").iterdir():
        with suppress(ProcessLookupError):  # it has just ended
            os.sched_setaffinity(int(thread.name), cores)


PLACES = {"two processes": processes, "two Dask workers": cluster}


def beside_the_live_page(digits: Digits) -> None:
    """Time one process and two while the live page draws, and count its frames."""
    with server() as (url, _):
        asyncio.run(beside_a_visitor(url, digits))
    with server() as (url, _), browser(url) as page:
        for pace in ("1 step/s", "10/s"):
            page.get_by_role("radio", name=pace, exact=True).click()
            page.get_by_role("button", name="Play").click()
            seconds = {}
            for processes in (1, 2):
                before, start = frames(page), time.perf_counter()
                seconds[processes], _ = timed(digits, Where(processes))
                drawn = (frames(page) - before) / (time.perf_counter() - start)
            page.get_by_role("button", name="Pause").click()
            page.get_by_role("button", name="Play").wait_for()
            print(
                f"two processes beside the live page at {pace}: {seconds[2]:.2f} s, "
                f"{seconds[1] / seconds[2]:.2f} times one process; {drawn:.1f} frames a second"
            )


async def beside_a_visitor(url: str, digits: Digits) -> None:
    """Time both while the live page draws ten frames a second in a browser elsewhere."""
    async with Visitor(url) as visitor:
        await visitor.open()
        (pace,) = (part for part in visitor.widgets if part.label == "Pace")
        await visitor.force(pace, string_array_value=["10/s"])
        await visitor.begin_press("Play")
        seconds, drawn = {}, 0.0
        for processes in (1, 2):
            before, start = visitor.frames, time.perf_counter()
            sweep = asyncio.create_task(asyncio.to_thread(timed, digits, Where(processes)))
            while not sweep.done():
                await visitor.watch(0.1)
            seconds[processes], _ = sweep.result()
            drawn = (visitor.frames - before) / (time.perf_counter() - start)
    print(
        f"two processes beside the live page at 10/s, its browser elsewhere: {seconds[2]:.2f} s, "
        f"{seconds[1] / seconds[2]:.2f} times one process; {drawn:.1f} frames a second"
    )


def frames(page: Page) -> int:
    """How many frames the stage has drawn."""
    return int(page.locator(".stage").get_attribute("data-frames") or 0)


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


def same(wanted: Record, found: Record) -> str:
    """Say whether two sweeps have come to the same bytes."""
    count = sum(
        found.outcomes[place].parameters == outcome.parameters
        for place, outcome in wanted.outcomes.items()
        if place in found.outcomes
    )
    return f"{count} of {len(wanted.outcomes)} runs with the same bytes"


if __name__ == "__main__":
    main()
