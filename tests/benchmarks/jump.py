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
import time

from _app import browser, server, show
from playwright.sync_api import Page

BOX = ".st-key-step_number input"

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
    with server() as (url, _), browser(f"{url}/step?step={given.steps}") as page:
        page.locator(BOX).fill(str(given.steps // 2))
        page.locator(BOX).press("Enter")
        page.locator(f'.stage[data-step="{given.steps // 2}"]').wait_for()
        page.evaluate("document.activeElement?.blur()")
        time.sleep(2)
        page.evaluate(WATCH)
        generator = random.Random(0)
        everything = []
        for what in ("arrow keys", "Page keys", "a random step"):
            times = []
            for _ in range(given.jumps):
                times.append(_jump(page, what, generator, given.steps))
                time.sleep(0.2)
            show(f"{what}: from the key to the pixels", times, "{:.0f} ms")
            everything += times
        show("all jumps", everything, "{:.0f} ms")
        show("hover over a cell, drawn", page.evaluate("window.hover('z')"), "{:.0f} ms")


def _jump(page: Page, what: str, generator: random.Random, steps: int) -> float:
    """Jump once and return the milliseconds that it took."""
    before = page.locator(".stage").get_attribute("data-step")
    if what == "a random step":
        box = page.locator(BOX)
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


if __name__ == "__main__":
    main()
