"""The live page in a real browser: every control, every number, and a visitor in a hurry."""

import base64
import json
import re
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect
from threadpoolctl import threadpool_limits

from cnn import Recipe, Run, Step, backward, forward
from data import Digits

pytestmark = pytest.mark.browser

Serve = Callable[..., str]

ROOT = Path(__file__).parents[2]
WIDE = {"width": 1440, "height": 900}
NARROW = {"width": 390, "height": 844}
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


@pytest.fixture(scope="module")
def url(serve: Serve) -> str:
    return serve(ROOT / "app.py")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """As in the server: see `pages.parts.process`."""
    with threadpool_limits(limits=1, user_api="blas"):
        yield


@pytest.fixture
def quiet(page: Page, server_logs: dict[str, Path]) -> Iterator[Page]:
    """A page in which nothing may go wrong unseen, and from which nothing may leave."""
    faults: list[str] = []
    said_before = {log: log.stat().st_size for log in server_logs.values()}
    hosts: set[str | None] = set()
    page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda request: hosts.add(urlparse(request.url).hostname))
    page.on("websocket", lambda socket: hosts.add(urlparse(socket.url).hostname))
    page.add_init_script(SPY)
    page.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    yield page
    expect.set_options(timeout=5_000)
    assert faults == []
    assert hosts - {None} == {"127.0.0.1"}
    for log in server_logs.values():
        said = log.read_bytes()[said_before.get(log, 0) :].decode(errors="replace")
        assert "Traceback" not in said


@pytest.fixture
def live(quiet: Page, url: str) -> Page:
    """The live page as it opens, on a wide screen."""
    return opened(quiet, url)


def opened(page: Page, url: str, size: Any = WIDE) -> Page:
    page.set_viewport_size(size)
    page.goto(url)
    expect(page.locator(".stage")).to_have_attribute("data-step", re.compile(r"\d"))
    return page


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


def open_panel(page: Page, name: str) -> None:
    page.locator("summary", has_text=name).click()


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
    position = {
        "x": margin + x * (box["width"] - 2 * margin),
        "y": margin + y * (box["height"] - 2 * margin),
    }
    canvas.hover(position=position)  # type: ignore[arg-type]


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


# ---- It opens ----


def test_it_opens_with_a_real_first_step_and_no_click(live: Page, digits: Digits) -> None:
    expect_step(live, 1)
    expect(live.locator(".counter")).to_have_text("step 1 · image 1 of 4,000 · epoch 1 · η 0.01")
    check_bits(live, same_run(live, digits).at(1))
    check_readouts(live, same_run(live, digits).at(1))
    expect(live.locator(".js-plotly-plot")).to_have_count(3)
    expect(live.locator("[data-testid=stException]")).to_have_count(0)


def test_reload_comes_back_with_a_real_step(live: Page, digits: Digits) -> None:
    play(live)
    wait_for_step(live, 200)
    live.reload()
    expect_step(live, 1)
    expect(button(live, "Play")).to_be_visible()
    check_bits(live, same_run(live, digits).at(1))
    button(live, "Step").click()
    expect_step(live, 2)


# ---- Transport ----


def test_play_pause_step_and_reset(live: Page, digits: Digits) -> None:
    start = filter_read_off(live)
    drawn = live.evaluate("globalThis.drawn.length")
    play(live)
    live.wait_for_function("(count) => globalThis.drawn.length >= count + 5", arg=drawn)
    steps = live.evaluate("globalThis.drawn")[drawn:]
    assert steps == sorted(steps)
    assert len(set(steps)) >= 4
    stood = pause(live)
    assert stood >= steps[-1]
    button(live, "Step").click()
    expect_step(live, stood + 1)  # nothing was trained between the pause and the step
    check_bits(live, same_run(live, digits).at(stood + 1))
    assert filter_read_off(live) != start
    button(live, "Reset").click()
    expect_step(live, 1)
    assert filter_read_off(live) == start
    check_bits(live, same_run(live, digits).at(1))


def test_reset_while_it_plays_stands_at_the_first_step(live: Page) -> None:
    play(live)
    wait_for_step(live, 100)
    button(live, "Reset").click()
    expect_step(live, 1)
    assert paused(live) == 1


def test_space_plays_and_pauses_and_the_right_arrow_steps(live: Page) -> None:
    live.keyboard.press("ArrowRight")
    expect_step(live, 2)
    live.keyboard.press("ArrowRight")
    expect_step(live, 3)
    live.keyboard.press("Space")
    wait_for_step(live, 20)
    expect(button(live, "Pause")).to_be_visible()
    live.keyboard.press("Space")
    stood = paused(live)
    live.keyboard.press("ArrowRight")
    expect_step(live, stood + 1)


@pytest.mark.parametrize(("pace", "steps"), [("10", 1), ("100", 10)])
def test_a_pace_draws_so_many_steps_a_frame(live: Page, pace: str, steps: int) -> None:
    choose_pace(live, pace)
    play(live)
    live.wait_for_function("new Set(globalThis.drawn).size >= 12")
    drawn = sorted(set(live.evaluate("globalThis.drawn")))
    between = np.diff(drawn)
    # A busy machine may leave a frame out, but never draws half of one.
    assert (between % steps == 0).all()
    assert between.min() == steps


def test_a_step_a_second_draws_every_step(live: Page) -> None:
    choose_pace(live, "1 step/s")
    play(live)
    wait_for_step(live, 4)
    assert sorted(set(live.evaluate("globalThis.drawn")))[:4] == [1, 2, 3, 4]


def test_slow_motion_lights_forward_then_backward_then_the_update(live: Page) -> None:
    order = (
        ["image"],
        ["filter_before", "z"],
        ["feature_map"],
        ["pooled"],
        ["hidden"],
        ["probabilities"],
        ["delta2"],
        ["delta1"],
        ["delta0"],
        ["backfill"],
        ["dz"],
        ["filter_gradient"],
        ["filter_change", "filter_after"],
    )
    choose_pace(live, "slow motion")
    live.evaluate("globalThis.watchLights()")
    play(live)
    live.wait_for_function("globalThis.lights.some(({ lit }) => lit.includes('filter_after'))")
    lights = live.evaluate("globalThis.lights")
    first = next(at for at, light in enumerate(lights) if "filter_after" in light["lit"])
    lights = lights[: first + 1]
    places = [order.index(sorted(light["lit"], key=_place_in(order))) for light in lights]
    assert places == sorted(places)
    assert len(set(places)) >= 8  # a busy machine may leave a light out
    for place, light in zip(places, lights, strict=True):
        assert set(light["dark"]) == {panel for later in order[place + 1 :] for panel in later}
    button(live, "Pause").click()
    paused(live)
    # At rest everything is shown, whatever the pace; and a step by hand is slow as well.
    choose_pace(live, "as fast as it goes")
    expect(live.locator(".panel.unreached")).to_have_count(0)


def _place_in(order: tuple[list[str], ...]) -> Callable[[str], int]:
    return [panel for lit in order for panel in lit].index


# ---- The learning rate ----


def test_the_rate_moves_while_it_plays_and_never_resets(live: Page, digits: Digits) -> None:
    play(live)
    wait_for_step(live, 50)
    run = meta(live)["run"]
    rate_slider(live).focus()
    live.keyboard.press("ArrowRight")
    wait_for_rate(live, 0.012)
    live.keyboard.press("ArrowRight")
    wait_for_rate(live, 0.015)
    live.keyboard.press("ArrowLeft")
    wait_for_rate(live, 0.012)
    assert meta(live)["run"] == run
    drawn = live.evaluate("globalThis.drawn")
    assert drawn == sorted(drawn)
    stood = pause(live)
    changes = meta(live)["rate_changes"]
    assert [rate for _, rate in changes] == [0.01, 0.012, 0.015, 0.012]
    assert changes[0][0] == 1
    assert 50 < changes[1][0] < changes[2][0] < changes[3][0] <= stood
    expect(live.locator(".counter")).to_contain_text("η 0.012")
    # The marks below, which follow gently.
    for plot in live.locator(".js-plotly-plot").all():
        expect(plot.locator(".annotation-text")).to_have_text(["η 0.012", "η 0.015", "η 0.012"])
    at = live.locator(".js-plotly-plot").first.evaluate(
        "(plot) => plot.layout.shapes.map(({ x0 }) => x0)"
    )
    assert at == [step for step, _ in changes[1:]]
    # And the numbers on the screen are those of a run with just this schedule.
    newest = same_run(live, digits).at(stood)
    assert newest.learning_rate == 0.012
    check_bits(live, newest)


def test_the_numbers_drawn_are_those_that_cnn_computes(live: Page, digits: Digits) -> None:
    for number in (2, 3, 4):
        button(live, "Step").click()
        expect_step(live, number)
    check_bits(live, same_run(live, digits).at(4))
    check_readouts(live, same_run(live, digits).at(4))
    play(live)
    wait_for_step(live, 300)
    rate_slider(live).focus()
    live.keyboard.press("ArrowRight")
    wait_for_rate(live, 0.012)
    stood = pause(live)
    newest = same_run(live, digits).at(stood)
    check_bits(live, newest)
    check_readouts(live, newest)


def test_a_rate_set_at_rest_holds_from_the_next_step_on(live: Page) -> None:
    set_rate_of_one(live)
    assert meta(live)["rate_changes"] == [[1, 0.01]]
    button(live, "Step").click()
    expect_step(live, 2)
    assert meta(live)["rate_changes"] == [[1, 0.01], [2, 1.0]]


# ---- A new run ----


def test_a_new_run_is_announced_and_then_begins(live: Page, digits: Digits) -> None:
    play(live)
    wait_for_step(live, 30)
    open_panel(live, "New run")
    expect(live.get_by_text("Starts a new run")).to_be_visible()
    fill(live, "Filters", 3)
    fill(live, "Images a step (batch)", 8)
    fill(live, "Seed", 11)
    assert meta(live)["filters"] == 1  # not before it is asked for
    start_new_run(live)
    assert paused(live) == 1
    expect(live.locator(".strip [role=radio]")).to_have_count(3)
    expect(live.locator(".counter")).to_contain_text("image 8 of 4,000")
    recipe = {"filters": 3, "batch": 8, "seed": 11}
    check_bits(live, same_run(live, digits, **recipe).at(1))
    button(live, "Step").click()
    expect_step(live, 2)
    check_bits(live, same_run(live, digits, **recipe).at(2))
    button(live, "Reset").click()
    expect_step(live, 1)
    assert meta(live)["filters"] == 3


def choose_folder(page: Page, folder: Path) -> None:
    open_panel(page, "New run")
    page.get_by_text("my own: a folder with IDX files").click()
    fill(page, "Folder, for digits of your own", folder)


def test_a_folder_that_is_not_there_is_one_sentence_and_the_run_goes_on(
    live: Page, tmp_path: Path
) -> None:
    play(live)
    wait_for_step(live, 30)
    run = meta(live)["run"]
    choose_folder(live, tmp_path / "nowhere")
    button(live, "Start a new run").click()
    alert = live.get_by_role("alert")
    expect(alert).to_contain_text(f"There is no folder {tmp_path / 'nowhere'}: check the path.")
    expect(alert).to_contain_text("The run in hand goes on.")
    wait_for_step(live, step(live) + 50)
    assert meta(live)["run"] == run


def write_folder(folder: Path, digits: Digits, training: int, held_out: int) -> None:
    """Four IDX files, from struct and bytes alone."""
    for part, images, labels in (
        ("train", digits.images[:training], digits.labels[:training]),
        ("t10k", digits.held_out_images[:held_out], digits.held_out_labels[:held_out]),
    ):
        head = struct.pack(">IIII", 0x803, len(images), 28, 28)
        (folder / f"{part}-images-idx3-ubyte").write_bytes(head + images.tobytes())
        head = struct.pack(">II", 0x801, len(labels))
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(head + bytes(labels.tolist()))


def test_a_folder_of_my_own_digits_trains_and_shows_them(
    live: Page, tmp_path: Path, digits: Digits
) -> None:
    write_folder(tmp_path, digits, training=60, held_out=40)
    choose_folder(live, tmp_path)
    start_new_run(live)
    expect(live.locator(".counter")).to_contain_text("image 1 of 60")
    expect_step(live, 1)
    shown = meta(live)
    run = Run(Recipe(data="folder"), digits.images[:60], digits.labels[:60])
    run.advance(1)
    assert shown["index"] == run.at(1).indices[0]
    check_bits(live, run.at(1))
    play(live)
    wait_for_step(live, 61)  # a second pass
    expect(live.locator(".counter")).to_contain_text(re.compile(r"epoch ([2-9]|\d\d)"))


def test_watching_a_digit_that_smaller_data_does_not_have(
    live: Page, tmp_path: Path, digits: Digits
) -> None:
    write_folder(tmp_path, digits, training=60, held_out=40)
    open_panel(live, "Watch one digit")
    fill(live, "Number of the digit", 4321)
    live.get_by_text("Watch this one:").click()
    expect(live.locator(".banner")).to_contain_text("#4,321")
    choose_folder(live, tmp_path)
    start_new_run(live)
    expect_step(live, 1)
    expect(live.locator(".counter")).to_contain_text("of 60")
    expect(live.locator("[data-testid=stException]")).to_have_count(0)
    button(live, "Step").click()
    expect_step(live, 2)


# ---- One digit all the time ----


def test_a_watched_digit_is_shown_while_the_run_trains_on(live: Page, digits: Digits) -> None:
    play(live)
    wait_for_step(live, 30)
    open_panel(live, "Watch one digit")
    fill(live, "Number of the digit", 17)
    live.get_by_text("Watch this one:").click()
    expect(live.locator(".banner")).to_have_text(
        "Watching digit #17 with the current parameters — it is not trained on."
    )
    wait_for_step(live, step(live) + 100)
    stood = pause(live)
    run = same_run(live, digits)
    assert run.step == stood
    check_watched(live, run, digits.images[17], int(digits.labels[17]))
    # A held-out digit comes after the 4,000 of the training.
    fill(live, "Number of the digit", 4005)
    live.wait_for_function("globalThis.meta.watching === 4005")
    check_watched(live, run, digits.held_out_images[5], int(digits.held_out_labels[5]))
    live.get_by_role("radiogroup", name="The next").get_by_text("7", exact=True).click()
    position = 4000 + next(at for at, c in enumerate(digits.held_out_labels) if at > 5 and c == 7)
    live.wait_for_function("(at) => globalThis.meta.watching === at", arg=position)
    assert meta(live)["label"] == 7
    live.get_by_text("Watch this one:").click()
    expect(live.locator(".banner")).to_be_hidden()
    check_bits(live, run.at(stood))


def check_watched(page: Page, run: Run, image: np.ndarray, label: int) -> None:
    """What the newest parameters make of the digit, and the error that it would send back."""
    values = forward(run.parameters, image[np.newaxis])
    errors = backward(run.parameters, values, np.array([label]))
    shown = arrays(page)
    assert meta(page)["label"] == label
    assert np.array_equal(shown["image"], np.float32(image) / np.float32(255))
    assert np.array_equal(shown["z"], values.z[0])
    assert np.array_equal(shown["probabilities"], values.probabilities[0])
    assert np.array_equal(shown["filters_gradient"], errors.gradients.filters)
    assert np.array_equal(shown["filters_before"], run.parameters.filters)
    assert np.array_equal(shown["filters_after"], run.parameters.filters)


# ---- Where a run ends ----


def test_a_network_that_dies_while_it_plays_stops_and_is_revived(
    live: Page, digits: Digits
) -> None:
    set_rate_of_one(live)
    button(live, "Play").click()  # a fast machine gets there before one can see it play
    expect_dead(live)
    died = paused(live)
    live.get_by_role("button", name="Go back to when it lived").click()
    expect(live.get_by_role("alert")).to_be_hidden()
    expect(live.get_by_test_id("stSliderThumbValue")).to_have_text("0.1")
    back = step(live)
    assert 2 < back < died
    button(live, "Step").click()
    expect_step(live, back + 1)
    assert meta(live)["rate_changes"] == [[1, 0.01], [2, 1.0], [back + 1, 0.1]]
    check_bits(live, same_run(live, digits).at(back + 1))
    play(live)
    wait_for_step(live, back + 10)


def test_a_network_that_dies_step_by_step_says_so_and_is_revived(live: Page) -> None:
    set_rate_of_one(live)
    button(live, "Reset").click()  # now the first step has the rate as well, which is quicker
    live.wait_for_function("globalThis.meta.learning_rate === 1")
    for number in range(2, 40):
        button(live, "Step").click()
        expect_step(live, number)
        if not arrays(live)["a1"].any() and live.get_by_role("alert").count():
            break
    expect_dead(live)
    died = step(live)
    live.get_by_role("button", name="Go back to when it lived").click()
    expect(live.get_by_role("alert")).to_be_hidden()
    back = step(live)
    assert 1 <= back < died
    button(live, "Step").click()
    expect_step(live, back + 1)
    assert meta(live)["learning_rate"] == 0.1


def set_rate_of_one(page: Page) -> None:
    rate_slider(page).focus()
    page.keyboard.press("End")
    expect(page.get_by_test_id("stSliderThumbValue")).to_have_text("1")


def expect_dead(page: Page) -> None:
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("The network has died")
    expect(alert).to_contain_text("The learning rate 1 was too high.")


def test_a_dead_network_may_be_played_on(live: Page) -> None:
    set_rate_of_one(live)
    button(live, "Play").click()
    expect_dead(live)
    died = paused(live)
    play(live)
    wait_for_step(live, died + 100)
    pause(live)
    expect_dead(live)


# Nothing that the slider has leaves the range of a float32, so here it has two more rates.
DIVERGING = """
import runpy

import streamlit as st

from pages.parts import rates

if rates.RATES[-1] == 1.0:
    rates.RATES += (10_000.0, 100_000.0)

from cnn import Recipe
from pages.parts.digits import digits_called
from pages.parts.session import Key, Session

RECIPE = Recipe(
    seed=15, filters=3, hidden=100, batch=2, learning_rate=((1, 0.01), (2, 100_000.0))
)
if Key.SESSION not in st.session_state:
    st.session_state[Key.SESSION] = Session.begun(digits_called("bundled"), RECIPE)
runpy.run_path("app.py")
"""


@pytest.fixture(scope="module")
def diverging(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> str:
    app = tmp_path_factory.mktemp("diverging") / "app.py"
    app.write_text(DIVERGING)
    another = tmp_path_factory.mktemp("pages") / "another.py"
    another.touch()  # with pages Streamlit knows the app itself as one, to which the sidebar links
    return serve(app, pages=(another, *(ROOT / "pages").glob("*.py")))


def test_a_run_that_diverges_says_so_and_goes_on_with_a_tenth_of_the_rate(
    quiet: Page, diverging: str
) -> None:
    live = opened(quiet, diverging)
    button(live, "Play").click()
    alert = live.get_by_role("alert")
    expect(alert).to_contain_text(re.compile("^Step 3 with the learning rate 100000 .+ finite"))
    assert paused(live) == 3
    for name in ("Play", "Step"):
        expect(button(live, name)).to_be_disabled()
    live.get_by_role("button", name="Go on from step 2 with a tenth of the rate").click()
    expect(alert).to_be_hidden()
    expect_step(live, 2)
    expect(live.get_by_test_id("stSliderThumbValue")).to_have_text("10000")
    button(live, "Step").click()
    expect_step(live, 3)
    assert meta(live)["rate_changes"] == [[1, 0.01], [2, 100_000.0], [3, 10_000.0]]


# ---- A visitor in a hurry ----


def test_a_narrow_screen_while_it_plays_and_back(live: Page) -> None:
    play(live)
    for size, mode in ((NARROW, "narrow"), (WIDE, "wide"), (NARROW, "narrow"), (WIDE, "wide")):
        live.set_viewport_size(size)  # type: ignore[arg-type]
        expect(live.locator(".stage")).to_have_attribute("data-mode", mode)
        no_overflow(live)
        wait_for_step(live, step(live) + 20)
    pause(live)


def test_double_clicks_on_everything(live: Page) -> None:
    open_panel(live, "Watch one digit")
    open_panel(live, "New run")
    expect(button(live, "Start a new run")).to_be_visible()
    for control in (
        live.locator(".st-key-play button"),
        button(live, "Step"),
        button(live, "Reset"),
        *(live.get_by_role("radio", name=name, exact=True) for name in ("10", "slow motion")),
        live.get_by_role("radiogroup", name="The next").get_by_text("3", exact=True),
        live.get_by_text("Watch this one:"),
        button(live, "Start a new run"),
        live.get_by_test_id("stSlider"),
        live.locator("[data-panel=z] canvas"),
        live.get_by_text("follows the step", exact=True),
    ):
        control.dblclick()
    choose_pace(live, "as fast as it goes")
    works_still(live)


def test_play_and_step_in_turn_as_fast_as_it_can_be_pressed(live: Page) -> None:
    playing = live.locator(".st-key-play button")
    for _ in range(10):
        playing.click()
        button(live, "Step").click()
    works_still(live)


def test_the_slider_dragged_to_both_ends_while_it_plays(live: Page) -> None:
    play(live)
    thumb = live.get_by_test_id("stSliderThumbValue").locator("..")
    box = live.locator("[data-testid=stSlider]").bounding_box()
    assert box is not None
    run = meta(live)["run"]
    for _ in range(2):
        for end in (box["x"] + box["width"] + 9, box["x"] - 9):
            grip = thumb.bounding_box()
            assert grip is not None
            live.mouse.move(grip["x"] + grip["width"] / 2, grip["y"] + grip["height"] / 2)
            live.mouse.down()
            live.mouse.move(end, grip["y"] + grip["height"] / 2, steps=8)
            live.mouse.up()
    expect(live.get_by_test_id("stSliderThumbValue")).to_have_text("0.0001")
    assert meta(live)["run"] == run
    works_still(live)


def test_a_new_run_is_started_again_and_again_while_it_plays(live: Page) -> None:
    open_panel(live, "New run")
    for seed in (1, 2, 3):
        play(live)
        wait_for_step(live, 20)
        fill(live, "Seed", seed)
        start_new_run(live)
    works_still(live)


def works_still(page: Page) -> None:
    """Whatever has happened: Reset leads to step 1, from which one step and then play go on."""
    rate_slider(page).focus()
    page.keyboard.press("Home")  # a rate at which nothing dies
    expect(page.get_by_test_id("stSliderThumbValue")).to_have_text("0.0001")
    button(page, "Reset").click()
    expect_step(page, 1)
    assert paused(page) == 1
    button(page, "Step").click()
    expect_step(page, 2)
    play(page)
    wait_for_step(page, 50)
    pause(page)
    expect(page.locator("[data-testid=stException]")).to_have_count(0)
