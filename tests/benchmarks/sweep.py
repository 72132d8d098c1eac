"""A sweep on one process, on two, and on a Dask cluster of two workers; and one worker killed.

Runs five rates with three seeds for one epoch of the bundled digits. Each place is warmed with a
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
from pathlib import Path
from tempfile import TemporaryDirectory

from _app import browser, server
from playwright.sync_api import Page

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[2]))

from visitor import Visitor  # after the path is set

from data import Digits, load_bundled  # likewise
from experiments import Outcome, Record, Sweep, Where, run_sweep

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

    import dask
    from distributed import LocalCluster

    one, wanted = quickest(digits, Where(1), given.repeats)
    print(f"one process: {one:.2f} s")
    compare("two processes", digits, Where(2), one, wanted, given.repeats)
    # The profiler of a Dask worker looks at its thread a hundred times a second.
    with (
        dask.config.set({"distributed.worker.profile.enabled": False}),
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
    ):
        there = Where(scheduler=cluster.scheduler_address)
        compare("two Dask workers", digits, there, one, wanted, given.repeats)


def compare(
    name: str, digits: Digits, where: Where, one: float, wanted: Record, repeats: int
) -> None:
    """Print how much quicker than one process a place is, and whether its bytes are the same."""
    seconds, found = quickest(digits, where, repeats)
    _, killed = timed(digits, where, kill=True)
    print(f"{name}: {seconds:.2f} s, {one / seconds:.2f} times one process")
    print(f"{name}: {compared(wanted, found)}")
    print(f"{name}, one killed: {compared(wanted, killed)}")


def quickest(digits: Digits, where: Where, repeats: int) -> tuple[float, Record]:
    """Run the sweep several times; return the least seconds that it took, and the last results."""
    times = [timed(digits, where) for _ in range(repeats)]
    return min(seconds for seconds, _ in times), times[-1][1]


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


def compared(wanted: Record, found: Record) -> str:
    """Say whether two sweeps have come to the same bytes."""
    same = sum(
        found.outcomes[place].parameters == outcome.parameters
        for place, outcome in wanted.outcomes.items()
        if place in found.outcomes
    )
    return f"{same} of {len(wanted.outcomes)} runs with the same bytes"


if __name__ == "__main__":
    main()
