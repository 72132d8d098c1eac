"""How long the pages take to open with a long run in hand, and how long judging takes.

Prints

- the time that `cnn.evaluation.judge` takes for all held-out digits: of the bundled ones and, with
  ``--mnist``, of all 10,000 of MNIST's test images (wanted: at most 2 seconds with one filter);
- in a real browser with a run of 60,000 steps in hand, the time from the click on a page in the
  sidebar until its last part is drawn, for every page (wanted: at most 1 second in the median).

Needs chromium and the packages of requirements-dev.txt::

    python tests/benchmarks/opening.py
    python tests/benchmarks/opening.py --mnist FOLDER
"""

import argparse
import os
import statistics
import sys
import time
from pathlib import Path
from urllib.parse import urlencode

from _app import ROOT, browser, server, show
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(ROOT))

from cnn import Recipe, Run  # the path had to be set first
from cnn.evaluation import judge
from cnn.slips import SLIPS
from data import Digits, load_bundled, load_folder

LAST = {
    "Live": [".stage[data-step]", ".st-key-weights .scatterlayer .trace"],
    "Filter": [".st-key-filter_distances .scatterlayer .trace", ".film img"],
    "Any step": [".st-key-workbench .stage[data-step]", ".st-key-quiz"],
    "Evaluate": [".st-key-classes .barlayer .point", ".st-key-worst .judged"],
    "Draw": [".st-key-easel", ".square"],
    "Notes": [f".lesson >> nth={len(SLIPS) - 1}"],
    "Data": [".st-key-balance .barlayer .point", ".pixels"],
}
"""What is drawn last on each page. Neighbours share nothing, so that none is taken for another."""

TRAINED = 300_000
"""Milliseconds that the run may take to be trained, before anything is measured."""


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--mnist", type=Path, help="a folder with MNIST's four files")
    arguments.add_argument("--steps", type=int, default=60_000, help="of the run")
    arguments.add_argument("--filters", type=int, default=1, help="of the run")
    arguments.add_argument("--times", type=int, default=20, help="that each page is opened")
    given = arguments.parse_args()
    print(f"{os.cpu_count()} cores")
    with threadpool_limits(limits=1, user_api="blas"):
        for filters in (1, 8):
            _judging(load_bundled(), filters)
            if given.mnist:
                _judging(load_folder(given.mnist), filters)
    for name, times in _opening(given.steps, given.filters, given.times).items():
        show(f"{name} opens with {given.steps:,} steps in hand, wanted 1,000 ms", times, "{:.0f}")


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


def _opening(steps: int, filters: int, rounds: int) -> dict[str, list[float]]:
    """Return the milliseconds that each page took, each time; the first round is not counted.

    In the first round the browser loads what it then has, such as Plotly.
    """
    times: dict[str, list[float]] = {name: [] for name in LAST}
    query = urlencode(Recipe(filters=filters).to_strings() | {"step": steps})
    with server() as (url, _), browser(f"{url}/?{query}") as page:
        page.wait_for_selector(LAST["Live"][1], timeout=TRAINED)
        names = [*LAST][1:] + [*LAST][:1]  # the live page is open
        for number in range(rounds + 1):
            for name in names:
                time.sleep(0.5)
                start = time.perf_counter()
                page.get_by_test_id("stSidebar").get_by_role("link", name=name).evaluate(
                    "link => link.click()"  # also where the sidebar is folded away
                )
                for selector in LAST[name]:
                    page.wait_for_selector(selector, state="attached", timeout=60_000)
                taken = 1000 * (time.perf_counter() - start)
                if number:
                    times[name].append(taken)
    return times


if __name__ == "__main__":
    main()
