"""Where the time goes: in a training step, and between a step and the pixels.

The step: every function of `cnn` that a step calls, timed alone on the arrays of a real step, in
microseconds, and beside their sum the whole step.

The frame: what a frame costs the server and the browser, in milliseconds of processor time, while
the live page plays ten steps a second: training the step, gathering its numbers, Streamlit's
part; then the browser's own trace by what it did and in which thread. It is less than what a
frame takes: the parts run on several cores, beside one another.

Needs chromium and the packages of requirements-dev.txt::

    python tests/benchmarks/where_time_goes.py
"""

import os
import statistics
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from _app import browser, server
from playwright.sync_api import Page
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).parents[2]))

from cnn import Recipe, Run, convolution, dense, loss, pooling, updated  # after the path is set
from cnn.history import History  # likewise
from data import load_bundled  # likewise
from pages.parts.scenes import live_frame  # likewise
from pages.parts.session import Session  # likewise

SECONDS = 10.0

DOING = {
    "JavaScript": ("FunctionCall", "RunMicrotasks", "FireAnimationFrame", "TimerFire", "v8", "GC"),
    "style and layout": ("UpdateLayoutTree", "Layout", "PrePaint", "IntersectionObserver"),
    "painting": ("Paint", "Layerize", "Commit", "UpdateLayer", "Raster", "DrawFrame", "Decode"),
}
"""What the events of Chromium's trace belong to, by parts of their names."""


def main() -> None:
    """Measure and print."""
    threadpool_limits(limits=1, user_api="blas")
    for batch in (1, 64):
        the_step(batch)
    the_frame()


def the_step(batch: int) -> None:
    """Print what the functions of a step take."""
    digits = load_bundled()
    run = Run(Recipe(batch=batch), digits.images, digits.labels)
    run.advance(200)
    step = run.at(run.step)
    now, values, errors = step.before, step.forward, step.backward
    y = loss.one_hot(step.labels, 10, np.float32)
    f, n = 1, batch
    table = convolution.patches(values.x)
    size = table.shape[2]
    z = np.empty((n, f, size), np.float32)
    inputs = np.ones((n, 170), np.float32)
    hidden = np.ones((n, 41), np.float32)
    stored, winner = np.zeros_like(z), values._winner
    passed = np.ones((n, f, 13, 13), np.float32)
    history, kernels = History(run.recipe), now.kernels
    parts: dict[str, Callable[[], Any]] = {
        "pixels to 0..1": lambda: np.divide(step.images, np.float32(255), out=np.array(values.x)),
        "patches": lambda: convolution.patches(values.x, out=table),
        "convolution": lambda: convolution.convolve(table, kernels, out=z),
        "ReLU": lambda: dense.relu(z, out=z),
        "pooling": lambda: pooling.max_pool(values.feature_map, 28, size),
        "dense, hidden": lambda: dense.dense(inputs, now.hidden),
        "dense, output": lambda: dense.dense(hidden, now.output),
        "softmax and loss": lambda: loss.cross_entropy(loss.log_softmax(values.z2), y),
        "dense backward, output": lambda: (
            dense.dense_gradient(errors.delta2, hidden),
            dense.dense_backward(errors.delta2, now.output_weights),
        ),
        "dense backward, hidden": lambda: (
            dense.dense_gradient(errors.delta1, inputs),
            dense.dense_backward(errors.delta1, now.hidden_weights),
        ),
        "back-fill": lambda: pooling.backfill(passed, winner, out=stored),
        "filter gradient": lambda: convolution.kernel_gradient(stored, table),
        "update": lambda: updated(now, errors.gradients, 0.01),
        "history": lambda: history.record(0.5, 1, kernels),
    }
    print(f"a step of {batch}, in microseconds")
    took = {name: _microseconds(part) for name, part in parts.items()}
    for name, taken in took.items():
        print(f"  {name:<24}{taken:>8.1f}")
    whole = _microseconds(lambda: run.advance(20)) / 20
    print(
        f"  {'sum':<24}{sum(took.values()):>8.1f}\n  {'the step as it is trained':<24}{whole:>7.1f}"
    )


def _microseconds(work: Callable[[], Any]) -> float:
    times = []
    for _ in range(200):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e6


def the_frame() -> None:
    """Print what a frame of the live page takes, in the server and in the browser."""
    session = Session.begun(load_bundled(), Recipe())
    session.run.advance(2_000)
    gathering = _microseconds(lambda: live_frame(session, session.shown)) / 1e3
    step = _microseconds(lambda: session.run.advance(1)) / 1e3
    with server() as (url, process), browser(url) as page:
        page.get_by_role("radio", name="10/s", exact=True).click()
        page.get_by_role("button", name="Play").click()
        time.sleep(3)
        events, frames, used = _traced(page, process.pid)
    print(f"a frame at ten steps a second, in milliseconds of processor time ({frames} frames)")
    served = 1e3 * used / frames
    print(f"  server: training the step           {step:>6.2f}")
    print(f"  server: gathering its numbers       {gathering:>6.2f}")
    print(f"  server: Streamlit, curves, network  {served - step - gathering:>6.2f}")
    for (thread, doing), spent in sorted(_spent(events).items()):
        if spent / frames > 0.1:
            print(f"  {f'browser, {thread}: {doing}':<36}{spent / frames:>6.2f}")


def _traced(page: Page, pid: int) -> tuple[list[dict[str, Any]], int, float]:
    """Trace the browser for a while: its events, frames drawn, seconds the server computed."""
    assert page.context.browser
    tracing = page.context.browser.new_browser_cdp_session()
    events: list[dict[str, Any]] = []
    ended: list[object] = []
    tracing.on("Tracing.dataCollected", lambda some: events.extend(some["value"]))
    tracing.on("Tracing.tracingComplete", lambda end: ended.append(end))
    categories = ["toplevel", "devtools.timeline", "disabled-by-default-devtools.timeline"]
    config = {"includedCategories": categories}
    tracing.send("Tracing.start", {"transferMode": "ReportEvents", "traceConfig": config})
    before, used = _drawn(page), _processor_seconds(pid)
    time.sleep(SECONDS)
    frames, used = _drawn(page) - before, _processor_seconds(pid) - used
    tracing.send("Tracing.end")
    while not ended:
        page.wait_for_timeout(100)
    return events, frames, used


def _spent(events: list[dict[str, Any]]) -> dict[tuple[str, str], float]:
    """Milliseconds of processor time by thread and deed, each event without those inside it."""
    names = {
        (event["pid"], event["tid"]): event["args"]["name"]
        for event in events
        if event["name"] == "thread_name"
    }
    threads = defaultdict(list)
    for event in events:
        if event.get("ph") == "X" and event.get("tdur"):
            threads[event["pid"], event["tid"]].append(event)
    spent: Counter[tuple[str, str]] = Counter()
    for thread, own in threads.items():
        name = "".join(c for c in names.get(thread, "?") if not c.isdigit()).rstrip("/")
        open_now: list[tuple[float, tuple[str, str]]] = []
        for event in sorted(own, key=lambda event: (event["ts"], -event["dur"])):
            while open_now and open_now[-1][0] <= event["ts"]:
                open_now.pop()
            if open_now:
                spent[open_now[-1][1]] -= event["tdur"] / 1e3
            what = name, _doing(event["name"])
            spent[what] += event["tdur"] / 1e3
            open_now.append((event["ts"] + event["dur"], what))
    return spent


def _doing(event: str) -> str:
    for doing, parts in DOING.items():
        if any(part in event for part in parts):
            return doing
    return "the rest"


def _drawn(page: Page) -> int:
    return int(page.locator(".stage").get_attribute("data-frames") or 0)


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
