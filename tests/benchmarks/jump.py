"""Jumps on the step page in a real browser: from the key press to the pixels.

Makes a run of the default recipe, opens the step page at a random step and jumps about: a step
with the arrow keys, a hundred with the Page keys, and to a random step by its number. Each jump
is timed inside the browser, from the key press to the first frame of the screen after the stage
has drawn the new step and the number box shows it. Wanted: at most 300 ms in the median, with a
run of 60,000 steps on two cores.

Also prints how long a hover over a cell takes until it is drawn, which needs no server.

Needs chromium and the packages of requirements-dev.txt::

    python tests/benchmarks/jump.py
    python tests/benchmarks/jump.py --steps 5000 --jumps 20
"""

import argparse
import os
import random
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
from tempfile import TemporaryDirectory

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parents[2]
PREPARED = ROOT / "tests" / "browser" / "prepared"

WATCH = """() => {
  const all = [...document.querySelectorAll("*")].filter((e) => e.shadowRoot)
  const stage = all.map((e) => e.shadowRoot.querySelector(".stage")).find(Boolean)
  const box = () => document.querySelector(".st-key-step_number input").value
  addEventListener("keydown", (event) => {
    window.pressed = event.timeStamp
    window.drawn = undefined
  }, { capture: true })
  new MutationObserver(() => {
    // The attribute is set where the drawing ends; the next frame brings it to the screen.
    requestAnimationFrame(() => requestAnimationFrame((now) => {
      window.drawn = now - window.pressed
      window.shown = stage.dataset.step
      window.boxed = box()
    }))
  }).observe(stage, { attributes: true, attributeFilter: ["data-step"] })
  window.hover = async (panel) => {
    const canvas = stage.querySelector(`[data-panel=${panel}] canvas`)
    const { left, top, width, height } = canvas.getBoundingClientRect()
    const times = []
    for (let at = 0; at < 40; at++) {
      await new Promise(requestAnimationFrame)
      const start = performance.now()
      const clientX = left + ((at * 37) % 97) / 100 * width
      const clientY = top + ((at * 53) % 97) / 100 * height
      canvas.dispatchEvent(new PointerEvent("pointermove", { clientX, clientY, bubbles: true }))
      await new Promise(requestAnimationFrame)
      times.push(performance.now() - start)
    }
    return times
  }
}"""


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--steps", type=int, default=60_000, help="of the run")
    arguments.add_argument("--jumps", type=int, default=40, help="of each kind")
    given = arguments.parse_args()
    print(
        f"{os.cpu_count()} cores, a run of {given.steps:,} steps, {given.jumps} jumps of each kind"
    )
    with _server() as url, _browser(f"{url}/?steps={given.steps}&at={given.steps // 2}") as page:
        page.evaluate(WATCH)
        generator = random.Random(0)
        everything = []
        for what in ("arrow keys", "Page keys", "a random step"):
            times = []
            for _ in range(given.jumps):
                times.append(_jump(page, what, generator, given.steps))
                time.sleep(0.2)
            _line(f"{what}: from the key to the pixels", times, "{:.0f} ms")
            everything += times
        _line("all jumps", everything, "{:.0f} ms")
        _line("hover over a cell, drawn", page.evaluate("window.hover('z')"), "{:.0f} ms")


def _jump(page: Page, what: str, generator: random.Random, steps: int) -> float:
    """Jump once and return the milliseconds that it took."""
    before = page.locator(".stage").get_attribute("data-step")
    if what == "a random step":
        box = page.locator(".st-key-step_number input")
        target = str(generator.randint(1, steps))
        box.fill(target)
        box.press("Enter")
    else:
        back = generator.random() < 0.5
        keys = ("ArrowLeft", "ArrowRight") if what == "arrow keys" else ("PageUp", "PageDown")
        if what == "Page keys":
            page.evaluate("document.activeElement?.blur()")
        page.keyboard.press(keys[0] if back else keys[1])
    page.wait_for_function(f"window.drawn !== undefined && window.shown !== '{before}'")
    shown, boxed = page.evaluate("[window.shown, window.boxed]")
    if shown != boxed:
        raise AssertionError(f"the stage shows step {shown}, the box step {boxed}")
    return float(page.evaluate("window.drawn"))


def _line(what: str, values: list[float], form: str) -> None:
    low, middle, high = min(values), statistics.median(values), max(values)
    print(f"{what}: {form.format(middle)} ({form.format(low)} to {form.format(high)})")


@contextmanager
def _server() -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with TemporaryDirectory() as folder:
        # The app that opens the step page with a run made from the address.
        shutil.copy(PREPARED / "app.py", folder)
        (Path(folder) / "pages").mkdir()
        for page in (ROOT / "pages").glob("*.py"):
            shutil.copy(page, Path(folder) / "pages")
        (Path(folder) / "static").symlink_to(ROOT / "static")
        command = [sys.executable, "-m", "streamlit", "run", f"{folder}/app.py"]
        command += ["--server.headless=true", f"--server.port={port}", "--server.address=127.0.0.1"]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
        url = f"http://127.0.0.1:{port}"
        try:
            for _ in range(200):
                try:
                    urllib.request.urlopen(f"{url}/_stcore/health", timeout=1)
                    break
                except OSError:
                    time.sleep(0.1)
            yield url
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
        page.goto(url)
        page.locator(".st-key-workbench .stage[data-step]").wait_for(timeout=120_000)
        time.sleep(2)
        yield page
        browser.close()


if __name__ == "__main__":
    main()
