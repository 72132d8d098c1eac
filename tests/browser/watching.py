"""What the browser tests share: the app in a browser, what is on its stage, and what cnn says."""

import base64
import json
import re
import struct
from collections.abc import Callable
from typing import Any, Literal
from urllib.parse import urlencode

import numpy as np
from playwright.sync_api import Locator, Page, Position, ViewportSize, expect

from cnn import Recipe, Run, Step
from data import Digits

Serve = Callable[..., str]
Scheme = Literal["light", "dark"]

WIDE: ViewportSize = {"width": 1440, "height": 900}
NARROW: ViewportSize = {"width": 390, "height": 844}
PATIENCE = 60_000  # ms: a condition that holds at once on a quiet machine, and late on a busy one

# Keeps the bytes and the header of the frame that was drawn last, the step of every frame drawn,
# and every panel in the order in which slow motion first lights it. The stage takes a frame apart
# in the moment in which it draws it, so what is kept here is what is on the screen.
SPY = """
globalThis.drawn = []
const decode = TextDecoder.prototype.decode
TextDecoder.prototype.decode = function (bytes, ...rest) {
  const text = decode.call(this, bytes, ...rest)
  if (text.startsWith('{"meta":')) {
    globalThis.frame = bytes.buffer
    globalThis.meta = JSON.parse(text).meta
    globalThis.drawn.push(globalThis.meta.step)
  }
  return text
}
globalThis.watchLights = () => {
  const hosts = [...document.querySelectorAll("*")].filter((e) => e.shadowRoot)
  const stage = hosts.map((e) => e.shadowRoot.querySelector(".stage")).find(Boolean)
  const names = (kind) => [...stage.querySelectorAll(`.panel.${kind}`)].map((p) => p.dataset.panel)
  const lights = (globalThis.lights = [])
  const look = () => {
    const [lit, dark] = [names("lit"), names("unreached")]
    const last = lights.at(-1)
    if (lit.length && JSON.stringify(last?.lit) !== JSON.stringify(lit)) lights.push({ lit, dark })
    requestAnimationFrame(look)
  }
  look()
}
"""


def opened(page: Page, url: str, size: ViewportSize = WIDE) -> Page:
    page.set_viewport_size(size)
    page.goto(url)
    expect(page.locator(".stage")).to_have_attribute("data-step", re.compile(r"\d"))
    return page


def recipe_of(steps: int, **fields: Any) -> Recipe:
    """The recipe of a run whose rate changes after the first half of its steps."""
    return Recipe(learning_rate=((1, 0.02), (steps // 2 + 2, 0.01)), **fields)


def run_of(digits: Digits, steps: int, **fields: Any) -> Run:
    """The same run as the server's, when it is opened by `link_to`."""
    run = Run(recipe_of(steps, **fields), digits.images, digits.labels)
    run.advance(steps)
    return run


def link_to(address: str, steps: int, **fields: Any) -> str:
    """A link that opens a page with such a run in hand."""
    query = recipe_of(steps, **fields).to_strings() | {"step": str(steps)}
    return f"{address}?{urlencode(query)}"


def step(page: Page) -> int:
    return int(page.locator(".stage").get_attribute("data-step") or 0)


def expect_step(page: Page, number: int) -> None:
    expect(page.locator(".stage")).to_have_attribute("data-step", str(number))


def button(page: Page, name: str) -> Locator:
    """By its whole name, to which Streamlit adds the key that presses it."""
    return page.get_by_role("button", name=re.compile(f"^{name}( Shortcut|$)"))


def play(page: Page) -> None:
    button(page, "Play").click()
    expect(button(page, "Pause")).to_be_visible()


def pause(page: Page) -> int:
    """Pause; return the step at which the run stands."""
    button(page, "Pause").click()
    return paused(page)


def paused(page: Page) -> int:
    expect(button(page, "Play")).to_be_visible()
    page.wait_for_function("globalThis.meta.playing === false")
    return step(page)


def choose_pace(page: Page, name: str) -> None:
    page.get_by_role("radio", name=name, exact=True).click()
    expect(page.get_by_role("radio", name=name, exact=True)).to_be_checked()


def wait_for_step(page: Page, number: int) -> None:
    page.wait_for_function("(number) => globalThis.meta.step >= number", arg=number)


def meta(page: Page) -> dict[str, Any]:
    shown: dict[str, Any] = page.evaluate("globalThis.meta")
    return shown


def rate_slider(page: Page) -> Locator:
    return page.get_by_role("slider", name=re.compile("Learning rate"))


def wait_for_rate(page: Page, rate: float) -> None:
    page.wait_for_function(
        "(rate) => globalThis.meta.rate_changes.at(-1)[1] === rate && meta.learning_rate === rate",
        arg=rate,
    )


def set_rate_of_one(page: Page) -> None:
    rate_slider(page).focus()
    page.keyboard.press("End")
    expect(rate_shown(page)).to_have_text("1")


def rate_shown(page: Page) -> Locator:
    """What the slider says. One whose place another has taken stays for a moment, not drawn."""
    slider = page.get_by_role("group", name="Learning rate η")
    return slider.get_by_test_id("stSliderThumbValue").filter(visible=True)


def open_panel(page: Page, name: str) -> None:
    """Open an expander, and wait until it has its height: until then a click in it may miss."""
    summary = page.locator("summary", has_text=name)
    summary.click()
    steady(summary.locator(".."))


def steady(part: Locator) -> None:
    """Wait until a part of the page has the size that it keeps."""
    part.evaluate("""async (part) => {
      let [size, since] = ["", performance.now()]
      while (performance.now() - since < 150) {
        await new Promise(requestAnimationFrame)
        const { width, height } = part.getBoundingClientRect()
        if (`${width} ${height}` !== size) [size, since] = [`${width} ${height}`, performance.now()]
      }
    }""")


def fill(page: Page, name: str, value: object) -> None:
    """Into a field of the form; Tab, because Enter would send it."""
    field = page.get_by_label(name, exact=True)
    field.fill(str(value))
    field.press("Tab")


def start_new_run(page: Page) -> None:
    before = meta(page)["run"]
    button(page, "Start a new run").click()
    page.wait_for_function("(before) => globalThis.meta.run !== before", arg=before)


def no_overflow(page: Page) -> None:
    page.wait_for_function("document.documentElement.scrollWidth <= innerWidth")


def no_overflow_of_main(page: Page) -> None:
    main = page.get_by_test_id("stMain")
    assert main.evaluate("main => main.scrollWidth - main.clientWidth") == 0


def play_past(page: Page, old: Locator) -> None:
    """Play until what is shown of an old step is gone; pause, and wait for the figures."""
    page.get_by_role("button", name="Play").click()
    expect(old).to_have_count(0)
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    expect(page.locator(".stApp[data-test-script-state=notRunning]")).to_be_visible()
    page.wait_for_timeout(1_000)  # until the figures have been drawn again


def edges(shown: Locator) -> list[float]:
    """How far from the left side of the screen each of them begins and ends, in CSS pixels."""
    found: list[float] = shown.evaluate_all(
        "all => all.map((one) => one.getBoundingClientRect()).flatMap((b) => [b.left, b.right])"
    )
    return found


# ---- What is on the stage, and what cnn says ----


def arrays(page: Page) -> dict[str, np.ndarray]:
    """The frame on the screen, read as `pages.parts.frame` describes it."""
    encoded = page.evaluate("""() => {
      let text = ""
      for (const byte of new Uint8Array(globalThis.frame)) text += String.fromCharCode(byte)
      return btoa(text)
    }""")
    frame = base64.b64decode(encoded)
    (length,) = struct.unpack_from("<I", frame)
    places = json.loads(frame[4 : 4 + length])["arrays"]
    return {
        name: np.frombuffer(
            frame, np.dtype(place["dtype"]), int(np.prod(place["shape"])), place["offset"]
        ).reshape(place["shape"])
        for name, place in places.items()
    }


def expected_arrays(step: Step) -> dict[str, np.ndarray]:
    """What the stage must have received, for the first image of a step."""
    values, errors, gradients = step.forward, step.backward, step.backward.gradients
    return {
        "image": values.x[0],
        "z": values.z[0],
        "feature_map": values.feature_map[0],
        "pooled": values.pooled[0],
        "winner": values.winner[0],
        "z1": values.z1[0],
        "a1": values.a1[0],
        "z2": values.z2[0],
        "probabilities": values.probabilities[0],
        "delta2": errors.delta2[0],
        "delta1": errors.delta1[0],
        "delta0": errors.delta0[0],
        "backfill": errors.backfill[0],
        "dz": errors.dz[0],
        "filters_before": step.before.filters,
        "filters_gradient": gradients.filters,
        "filters_after": step.after.filters,
        "filter_bias_before": step.before.filter_bias,
        "filter_bias_gradient": gradients.filter_bias,
        "filter_bias_after": step.after.filter_bias,
    }


def check_bits(page: Page, step: Step) -> None:
    shown = arrays(page)
    for name, values in expected_arrays(step).items():
        assert np.array_equal(shown[name], values), name
    assert shown["loss"][0] == np.float32(step.backward.losses[0])


def check_readouts(page: Page, step: Step) -> None:
    """Point at one telling cell of every panel and compare the number written, digit by digit."""
    values, errors, gradients = step.forward, step.backward, step.backward.gradients
    for panel, name, map_ in (
        ("image", "x", values.x[0]),
        ("z", "z", values.z[0, 0]),
        ("feature_map", "f", values.feature_map[0, 0]),
        ("pooled", "P", values.pooled[0, 0]),
        ("delta0", "δ0", errors.delta0[0, 0]),
        ("backfill", "back-fill", errors.backfill[0, 0]),
        ("dz", "dz", errors.dz[0, 0]),
    ):
        row, column = divmod(int(np.abs(map_).argmax()), map_.shape[1])
        point_at(page, panel, (column + 0.5) / map_.shape[1], (row + 0.5) / map_.shape[0])
        expect_head(page, f"{name}[{row},{column}] = {written(map_[row, column])}")
    label = int(step.labels[0])
    for panel, name, bars in (
        ("probabilities", "p", values.probabilities[0]),
        ("delta2", "δ2", errors.delta2[0]),
    ):
        point_at(page, panel, 0.5, (label + 0.5) / 10)
        expect_head(page, f"{name}[{label}] = {written(bars[label])}")
    for panel, name, units in (("hidden", "a1", values.a1[0]), ("delta1", "δ1", errors.delta1[0])):
        point_at(page, panel, 0.4, 0.4)
        head = page.locator(".readout strong")
        expect(head).to_contain_text(f"{name}[")
        unit = int(re.findall(r"\d+", head.inner_text())[1])
        expect_head(page, f"{name}[{unit}] = {written(units[unit])}")
    for panel, name, weights, decimals in (
        ("filter_before", "k", step.before.filters, 6),
        ("filter_gradient", "dk", gradients.filters, 6),
        ("filter_after", "new k", step.after.filters, 6),
    ):
        point_at_weight(page, panel, 1, 2)
        expect_head(page, f"{name}[1,2] = {written(weights[0, 1, 2], decimals)}")


def point_at(page: Page, panel: str, x: float, y: float) -> None:
    """Point at a place of a panel's cells, in shares of their width and height."""
    canvas = page.locator(f"[data-panel={panel}] canvas")
    box = canvas.bounding_box()
    assert box is not None
    margin = 2  # CSS pixels around the cells
    position: Position = {
        "x": margin + x * (box["width"] - 2 * margin),
        "y": margin + y * (box["height"] - 2 * margin),
    }
    canvas.hover(position=position)


def point_at_weight(page: Page, panel: str, u: int, v: int) -> None:
    """A filter's nine cells; under them there is more, its bias."""
    text = page.locator(".stage").evaluate("e => getComputedStyle(e).getPropertyValue('--u')")
    side = float(text.removesuffix("px"))
    height = (5 if panel in ("filter_after", "filter_change") else 7) * side
    x, y = 2 + (v + 0.5) * 7 * side, 2 + (u + 0.5) * height
    page.locator(f"[data-panel={panel}] canvas").hover(position={"x": x, "y": y})


def expect_head(page: Page, text: str) -> None:
    expect(page.locator(".readout strong")).to_have_text(text)


def written(value: float, decimals: int = 4) -> str:
    """A number as the stage writes it."""
    text = f"{abs(value):.{decimals}f}"
    return f"−{text}" if value < 0 and float(text) else text


def filter_read_off(page: Page) -> list[str]:
    """The nine weights before the step, as the stage writes them."""
    numbers = []
    for u in range(3):
        for v in range(3):
            point_at_weight(page, "filter_before", u, v)
            head = page.locator(".readout strong")
            expect(head).to_contain_text(f"k[{u},{v}] = ")
            numbers.append(head.inner_text())
    return numbers


def same_run(page: Page, digits: Digits, **recipe: Any) -> Run:
    """The run on the page, trained again here as far as the step on the screen."""
    shown = meta(page)
    run = Run(Recipe(learning_rate=shown["rate_changes"], **recipe), digits.images, digits.labels)
    run.advance(shown["step"])
    return run
