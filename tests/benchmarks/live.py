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

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from threadpoolctl import threadpool_limits  # noqa: E402  # after the path is set

from cnn import Recipe, Run  # noqa: E402  # the same
from data import load_bundled  # noqa: E402  # the same

ROUNDS = 5
SECONDS = 6.0


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--minutes", type=float, default=0.0, help="of play, for the memory")
    minutes = arguments.parse_args().minutes
    threadpool_limits(limits=1, user_api="blas")
    with _server() as (url, process), _browser(url) as page:
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
        _line("frames drawn a second", frames, "{:.1f}")
        _line("training steps a second", live, "{:,.0f}")
        _line("headless steps a second", headless, "{:,.0f}")
        _line("share of headless speed", shares, "{:.0%}")
        if minutes:
            _memory(page, process, minutes)


def _memory(page: Page, process: subprocess.Popen[bytes], minutes: float) -> None:
    page.get_by_role("button", name="Play").click()
    time.sleep(20)  # until what is made once has been made
    start_steps, start = _drawn(page)[1], _resident(process)
    end = time.monotonic() + 60 * minutes
    while time.monotonic() < end:
        time.sleep(min(60.0, max(end - time.monotonic(), 0)))
        grown, steps = _resident(process) - start, _drawn(page)[1] - start_steps
        print(f"  {steps:>9,} more steps: server memory {grown / 1e6:+.1f} MB")
    run = Run(Recipe(), *_training())
    run.advance(1)
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


def _resident(process: subprocess.Popen[bytes]) -> int:
    pages = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _line(what: str, values: list[float], form: str) -> None:
    low, middle, high = min(values), statistics.median(values), max(values)
    print(f"{what}: {form.format(middle)} ({form.format(low)} to {form.format(high)})")


@contextmanager
def _server() -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless=true"]
    command += [f"--server.port={port}", "--server.address=127.0.0.1"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
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
def _browser(url: str) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.add_init_script("localStorage.setItem('watch-it-learn.tour', 'seen')")
        page.goto(url)
        page.wait_for_selector(".stage[data-step]")
        yield page
        browser.close()


if __name__ == "__main__":
    main()
