"""The live page in a real browser: frames a second, training speed, and the server's memory.

Prints, for a page that plays as fast as it goes:

- frames drawn a second (wanted: at least 10);
- training steps a second, and the same as a share of headless training, which is measured on the
  same machine in turns with the page, both on one BLAS thread (wanted: at least 60 %);
- with ``--minutes``, how much the server's memory grows over so long a play beyond the run's own
  history and checkpoints (wanted: less than 20 MB in ten minutes).

Needs chromium and the packages of requirements-dev.txt::

    python tests/benchmarks/live.py
    python tests/benchmarks/live.py --minutes 10
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from _app import browser, resident, server, show
from playwright.sync_api import Page
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).parents[2]))

from cnn import Recipe, Run  # after the path is set
from data import load_bundled  # likewise

ROUNDS = 5
SECONDS = 6.0


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--minutes", type=float, default=0.0, help="of play, for the memory")
    minutes = arguments.parse_args().minutes
    threadpool_limits(limits=1, user_api="blas")
    with server() as (url, process), browser(url) as page:
        print(f"{os.cpu_count()} cores; {ROUNDS} rounds of {SECONDS:g} s each")
        frames, live, headless = [], [], []
        for _ in range(ROUNDS):
            headless.append(_headless())
            page.get_by_role("button", name="Play").click()
            time.sleep(1)
            before = _drawn(page)
            time.sleep(SECONDS)
            after = _drawn(page)
            page.get_by_role("button", name="Pause").click()
            time.sleep(1)
            seconds = after[2] - before[2]
            frames.append((after[0] - before[0]) / seconds)
            live.append((after[1] - before[1]) / seconds)
        shares = [steps / most for steps, most in zip(live, headless, strict=True)]
        show("frames drawn a second", frames, "{:.1f}")
        show("training steps a second", live, "{:,.0f}")
        show("headless steps a second", headless, "{:,.0f}")
        show("share of headless speed", shares, "{:.0%}")
        if minutes:
            _memory(page, process, minutes)


def _memory(page: Page, process: subprocess.Popen[bytes], minutes: float) -> None:
    page.get_by_role("button", name="Play").click()
    time.sleep(20)  # until what is made once has been made
    start_steps, start = _drawn(page)[1], resident(process)
    end, steps = time.monotonic() + 60 * minutes, 0
    while time.monotonic() < end:
        time.sleep(min(60.0, max(end - time.monotonic(), 0)))
        before, steps = steps, _drawn(page)[1] - start_steps
        grown = resident(process) - start
        print(f"  {steps:>9,} more steps: server memory {grown / 1e6:+.1f} MB")
        if steps == before:
            print("  the run has reached 2,000,000 steps, where every run ends")
            break
    # At most 58 bytes a step of history and 16 MB of checkpoints: see cnn/history.py, cnn/run.py.
    own = 58 * steps + 16e6
    print(f"beyond the run's own history and checkpoints: {(grown - own) / 1e6:+.1f} MB")


def _headless() -> float:
    run = Run(Recipe(), *_training())
    run.advance(500)
    start = time.perf_counter()
    run.advance(20_000)
    return 20_000 / (time.perf_counter() - start)


def _training():
    digits = load_bundled()
    return digits.images, digits.labels, (digits.held_out_images, digits.held_out_labels)


def _drawn(page: Page) -> tuple[int, int, float]:
    frames, step = page.locator(".stage").evaluate("e => [e.dataset.frames, e.dataset.step]")
    return int(frames), int(step), time.perf_counter()


if __name__ == "__main__":
    main()
