"""How long the filter page and the page that judges take to open, and how long judging takes.

Prints

- the time that `cnn.evaluation.judge` takes for all held-out digits: of the bundled ones and, with
  ``--mnist``, of all 10,000 of MNIST's test images (wanted: at most 2 seconds with one filter);
- in a real browser with a run of 60,000 steps in hand, the time from the click on a page in the
  sidebar until its last part is drawn (wanted: at most 1 second in the median).

Needs chromium and the packages of requirements-dev.txt::

    python tests/benchmarks/pages.py
    python tests/benchmarks/pages.py --mnist FOLDER
"""

import argparse
import os
import shutil
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from _app import ROOT, server
from playwright.sync_api import Page, sync_playwright
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(ROOT))

from cnn import Recipe, Run  # the path had to be set first
from cnn.evaluation import judge
from data import Digits, load_bundled, load_folder

OPENED = ROOT / "tests" / "browser" / "opened" / "app.py"

LAST = {
    "Filter": [".st-key-filter_distances .scatterlayer .trace", ".film img"],
    "Evaluate": [".st-key-classes .barlayer .point", ".st-key-worst .judged"],
}
"""What is drawn last on each page: the last figure, and what is not a figure."""

OPEN = """async ([link, selectors]) => {
  const start = performance.now()
  document.querySelector(`[data-testid=stSidebar] a[href$="${link}"]`).click()
  const there = (selector) => document.querySelector(selector)
  while (!selectors.every(there)) await new Promise(requestAnimationFrame)
  await new Promise(requestAnimationFrame)
  return performance.now() - start
}"""


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--mnist", type=Path, help="a folder with MNIST's four files")
    arguments.add_argument("--steps", type=int, default=60_000, help="of the run")
    arguments.add_argument("--times", type=int, default=20, help="that each page is opened")
    given = arguments.parse_args()
    print(f"{os.cpu_count()} cores")
    with threadpool_limits(limits=1, user_api="blas"):
        for filters in (1, 8):
            _judging(load_bundled(), filters)
            if given.mnist:
                _judging(load_folder(given.mnist), filters)
    with _site() as app, server(app) as (url, _), _browser(url, given.steps) as page:
        times: dict[str, list[float]] = {name: [] for name in LAST}
        for _ in range(given.times):
            for name, selectors in LAST.items():
                times[name].append(page.evaluate(OPEN, [name.lower(), selectors]))
                time.sleep(0.5)
        for name, taken in times.items():
            low, middle, high = min(taken), statistics.median(taken), max(taken)
            print(
                f"{name} opens with {given.steps:,} steps in hand in {middle:.0f} ms "
                f"({low:.0f} to {high:.0f}); wanted: at most 1,000"
            )


def _judging(digits: Digits, filters: int) -> None:
    images, labels = digits.held_out_images, digits.held_out_labels
    run = Run(Recipe(filters=filters), digits.images, digits.labels)
    run.advance(500)
    times = []
    for _ in range(5):
        start = time.perf_counter()
        judge(run.parameters, images, labels)
        times.append(time.perf_counter() - start)
    print(
        f"judging {len(images):,} digits with {filters} filters: {statistics.median(times):.2f} s "
        f"({min(times):.2f} to {max(times):.2f})"
    )


@contextmanager
def _site() -> Iterator[Path]:
    """Give the app that opens any page with a run made from the address all pages beside it."""
    with TemporaryDirectory() as folder:
        for name in ("pages", "static"):
            (Path(folder) / name).symlink_to(ROOT / name)
        yield Path(shutil.copy(OPENED, folder))


@contextmanager
def _browser(url: str, steps: int) -> Iterator[Page]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = chromium.new_page(viewport={"width": 1440, "height": 900})
        page.goto(f"{url}/?page=evaluate&steps={steps}")
        page.wait_for_selector(LAST["Evaluate"][1], timeout=120_000)
        time.sleep(2)
        yield page
        chromium.close()


if __name__ == "__main__":
    main()
