"""A class on one machine: how the app serves many visitors who all play at once.

Every visitor is a real session: a websocket that speaks Streamlit's protocol as a browser does,
from the first script run to the click on Play and the reruns of the fragments that the server
asks for. One more visitor is a real browser. For each number of visitors it prints

- frames a second of each session, the fewest and the median (wanted: at least 2);
- how long the browser takes from the click on Pause until it stands, in the median of five
  (wanted: at most a second);
- whether every session's newest step is, to the last bit, that of the same run alone;
- errors in the server's log;

and how much more memory and how many more threads the server has after all of them and one more
have left than after its first visitor had (wanted: at most 10 MB, none). It runs as docs/serving.md
has a class's server run.

Needs chromium and the packages of requirements-dev.txt::

    python tests/benchmarks/classroom.py
    python tests/benchmarks/classroom.py --visitors 1 10 30
"""

import argparse
import asyncio
import json
import os
import statistics
import struct
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from _app import browser, resident, server
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[2]))

from visitor import Visitor  # after the path is set

from cnn import Recipe, Run  # likewise
from data import Digits, load_bundled  # likewise

SECONDS = 15.0
PAUSES = 5
LEFT = 150.0
"""Seconds after which Streamlit has forgotten a visitor who has left; it waits two minutes."""


async def _play(url: str, seconds: float) -> Visitor:
    """Open the live page, press Play once it stands, and watch; return who did."""
    async with Visitor(url) as visitor:
        await visitor.open()
        await visitor.begin_press("Play")
        visitor.frames = 0
        await visitor.watch(seconds)
    return visitor


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--visitors", type=int, nargs="+", default=[1, 10, 30])
    arguments.add_argument("--seconds", type=float, default=SECONDS)
    arguments.add_argument("--stay", action="store_true", help="do not wait until all have left")
    options = arguments.parse_args()
    threadpool_limits(limits=1, user_api="blas")
    digits = load_bundled()
    print(f"{os.cpu_count()} cores; {options.seconds:g} s of play each")
    os.environ |= {"MALLOC_ARENA_MAX": "1", "PYTHONMALLOC": "malloc"}
    with tempfile.TemporaryFile() as log, server(log=log) as (url, process):
        if not options.stay:
            _come_and_leave(url)
        memory, threads = resident(process), _threads(process.pid)
        for count in options.visitors:
            visitors, pause = _watch(url, count, options.seconds)
            rates = [visitor.frames / options.seconds for visitor in visitors]
            same = sum(_as_alone(visitor.newest, digits) for visitor in visitors)
            print(
                f"{count:>3} visitors: frames a second {min(rates):.1f} at least, "
                f"{statistics.median(rates):.1f} in the median; Pause took {pause:.2f} s; "
                f"{same} of {count} runs as if alone"
            )
        log.seek(0)
        said = log.read().decode(errors="replace")
        print(f"errors in the log: {said.count('Traceback')}")
        print(said[said.find("Traceback") :][:4_000] if "Traceback" in said else "", end="")
        if not options.stay:
            time.sleep(LEFT)
            _come_and_leave(url)  # Streamlit forgets the others when somebody comes
            print(
                f"after all have left: {(resident(process) - memory) / 1e6:+.1f} MB, "
                f"{_threads(process.pid) - threads:+d} threads"
            )


def _watch(url: str, count: int, seconds: float) -> tuple[list[Visitor], float]:
    """Let so many visitors play, and meanwhile time a real browser's Pauses; the median of them."""
    visitors: list[Visitor] = []

    async def all_at_once() -> None:
        visitors.extend(await asyncio.gather(*(_play(url, seconds) for _ in range(count))))

    crowd = threading.Thread(target=lambda: asyncio.run(all_at_once()))
    with browser(url) as page:
        crowd.start()
        time.sleep(0.25 * seconds)
        took = []
        for _ in range(PAUSES):
            page.get_by_role("button", name="Play").click()
            page.get_by_role("button", name="Pause").wait_for(timeout=60_000)
            time.sleep(0.05 * seconds)
            start = time.monotonic()
            page.get_by_role("button", name="Pause").click()
            page.get_by_role("button", name="Play").wait_for(timeout=60_000)
            took.append(time.monotonic() - start)
        crowd.join()
    return visitors, statistics.median(took)


def _as_alone(frame: bytes, digits: Digits) -> bool:
    """Whether the filter and its gradient in a frame are those of the same run alone."""
    if not frame:
        return False
    room = struct.unpack_from("<I", frame)[0]
    header = json.loads(frame[4 : 4 + room])
    run = Run(Recipe(), digits.images, digits.labels)
    run.advance(header["meta"]["step"])
    step = run.at(run.step)
    expected = {
        "filters_after": step.after.filters,
        "filters_gradient": step.backward.gradients.filters,
        "probabilities": step.forward.probabilities[0],
    }
    for name, array in expected.items():
        place = header["arrays"][name]
        drawn = np.frombuffer(frame, "<f4", array.size, place["offset"])
        if drawn.tobytes() != np.float32(array).tobytes():
            return False
    return True


def _come_and_leave(url: str) -> None:
    _watch(url, 1, 5.0)
    time.sleep(LEFT)


def _threads(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


if __name__ == "__main__":
    main()
