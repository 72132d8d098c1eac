"""The stage in a real browser: the numbers it says, what lights up, and what it leaves behind."""

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import pytest
from playwright.sync_api import CDPSession, Page, expect
from stage_app import RATE, step_at

pytestmark = pytest.mark.browser

Serve = Callable[..., str]

ROOT = Path(__file__).parents[2]
APP = Path(__file__).with_name("stage_app.py")
MARGIN = 2  # CSS pixels around the cells of a canvas, which is also the tests' screen pixels
ACCENT = {"light": (196, 17, 127), "dark": (255, 116, 196)}
WIDE = {"width": 1440, "height": 900}
NARROW = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def url(serve: Serve) -> str:
    return serve(APP)


@pytest.fixture
def wide(page: Page, url: str) -> Page:
    """The stage at step 60 of one filter, on a wide screen."""
    return opened(page, url, "steps=60")


def opened(page: Page, url: str, query: str = "", size: Any = WIDE) -> Page:
    page.set_viewport_size(size)
    page.goto(f"{url}/?{query}")
    expect(page.locator(".stage")).to_have_attribute("data-step", re.compile(r"\d"), timeout=30_000)
    return page


def canvas(page: Page, panel: str) -> Any:
    return page.locator(f"[data-panel={panel}] canvas")


def unit(page: Page) -> float:
    """The side of a feature map's cell, in CSS pixels."""
    text = page.locator(".stage").evaluate("e => getComputedStyle(e).getPropertyValue('--u')")
    return float(text.removesuffix("px"))


def hover(page: Page, panel: str, row: int, column: int, side: float | None = None) -> None:
    side = side or unit(page)
    x, y = (MARGIN + (index + 0.5) * side for index in (column, row))
    canvas(page, panel).hover(position={"x": x, "y": y})


def readout(page: Page) -> str:
    return page.locator(".readout").inner_text().replace("\n", " ")


def expect_head(page: Page, text: str) -> None:
    expect(page.locator(".readout strong")).to_have_text(text)


def written(value: float, decimals: int = 4) -> str:
    """A number as the stage writes it."""
    text = f"{abs(value):.{decimals}f}"
    return f"−{text}" if value < 0 and float(text) else text


def colour_at(page: Page, panel: str, x: float, y: float) -> tuple[int, int, int]:
    """The colour of a screen pixel of a panel, counted from its first cell's corner."""
    script = """(canvas, [x, y]) => {
      const ratio = canvas.width / canvas.clientWidth
      const { data } = canvas.getContext("2d").getImageData(x * ratio, y * ratio, 1, 1)
      return [...data.slice(0, 3)]
    }"""
    red, green, blue = canvas(page, panel).evaluate(script, [x + MARGIN, y + MARGIN])
    return red, green, blue


def outlined(page: Page, panel: str, top: float, left: float, bottom: float, right: float) -> bool:
    """Whether a highlight runs through the middles of all four sides of a rectangle of cells."""
    u = unit(page)
    middle_x, middle_y = (left + right) / 2 * u, (top + bottom) / 2 * u
    sides = [
        (middle_x, top * u),
        (middle_x, bottom * u),
        (left * u, middle_y),
        (right * u, middle_y),
    ]
    # A line is two pixels wide or more and lies on the border: one of the two beside it is hit.
    return all(
        any(
            colour_at(page, panel, x + dx, y + dy) == ACCENT["light"]
            for dx, dy in ((0, 0), (-1, 0), (0, -1))
        )
        for x, y in sides
    )


# ---- What it says ----


def test_hovered_cells_say_what_cnn_computed(wide: Page) -> None:
    step = step_at(60)
    forward, backward = step.forward, step.backward
    maps = {
        "z": ("z", forward.z),
        "feature_map": ("f", forward.feature_map),
        "backfill": ("back-fill", backward.backfill),
        "dz": ("dz", backward.dz),
    }
    places = [(0, 0), (25, 25), (12, 7), (9, 14), (3, 20)]
    for panel, (name, values) in maps.items():
        for row, column in places:
            hover(wide, panel, row, column)
            value = written(values[0, 0, row, column])
            expect_head(wide, f"{name}[{row},{column}] = {value}")
    for panel, name, values in (("pooled", "P", forward.pooled), ("delta0", "δ0", backward.delta0)):
        for row, column in [(0, 0), (12, 12), (6, 4)]:
            hover(wide, panel, row, column, 2 * unit(wide))
            value = written(values[0, 0, row, column])
            expect_head(wide, f"{name}[{row},{column}] = {value}")
    for row, column in [(0, 0), (27, 27), (14, 13)]:
        hover(wide, "image", row, column)
        expect_head(wide, f"x[{row},{column}] = {written(forward.x[0, row, column])}")


def test_every_panel_of_numbers_says_what_cnn_computed(wide: Page) -> None:
    step = step_at(60)
    gradients = step.backward.gradients
    expected = {
        "hidden": [f"a1[{k}] = {written(v)}" for k, v in enumerate(step.forward.a1[0])],
        "delta1": [f"δ1[{k}] = {written(v)}" for k, v in enumerate(step.backward.delta1[0])],
        "probabilities": [
            f"p[{c}] = {written(v)}" for c, v in enumerate(step.forward.probabilities[0])
        ],
        "delta2": [f"δ2[{c}] = {written(v)}" for c, v in enumerate(step.backward.delta2[0])],
    }
    for panel, name, weights, bias in (
        ("filter_before", "", step.before.filters, step.before.filter_bias),
        ("filter_gradient", "d", gradients.filters, gradients.filter_bias),
        ("filter_after", "new ", step.after.filters, step.after.filter_bias),
    ):
        expected[panel] = [
            f"{name}k[{u},{v}] = {written(weights[0, u, v], 6)}" for u in range(3) for v in range(3)
        ] + [f"{name}b = {written(bias[0], 6)}"]
    # Through the keyboard, row by row. Down from a filter's last row leads to its bias.
    columns = {"hidden": 4, "delta1": 4, "probabilities": 1, "delta2": 1}
    for panel, heads in expected.items():
        width = columns.get(panel, 3)
        canvas(wide, panel).focus()
        for key in ["ArrowUp"] * 12 + ["ArrowLeft"] * 6:
            wide.keyboard.press(key)
        for index, head in enumerate(heads):
            if index % width:
                wide.keyboard.press("ArrowRight")
            elif index:
                for key in ["ArrowLeft"] * (width - 1) + ["ArrowDown"]:
                    wide.keyboard.press(key)
            expect_head(wide, head)


def test_the_products_of_a_patch_add_up_to_z(wide: Page) -> None:
    forward = step_at(60).forward
    row, column = divmod(int(forward.z[0, 0].argmax()), 26)
    hover(wide, "z", row, column)
    expect_head(wide, f"z[{row},{column}] = {written(forward.z[0, 0, row, column])}")
    terms = wide.locator(".readout .detail").inner_text().rpartition("= ")[2]
    numbers = [
        float(sign.replace("−", "-").replace(" ", "") + number)
        for sign, number in re.findall(r"([−+]? ?)(\d+\.\d{3})", terms)
    ]
    assert len(numbers) == 10
    # Each term is rounded to three decimals.
    assert sum(numbers) == pytest.approx(forward.z[0, 0, row, column], abs=10 * 0.0005)


def test_the_story_and_the_verdict_belong_to_the_step(wide: Page) -> None:
    step = step_at(60)
    label = int(step.labels[0])
    probabilities = step.forward.probabilities[0]
    says = int(probabilities.argmax())
    story = wide.locator(".story")
    expect(story).to_contain_text(f"a {label}." if label != 8 else "an 8.")
    expect(story).to_contain_text(f"says {says} ({written(probabilities[says])})")
    expect(story).to_contain_text(f"−log {written(probabilities[label])} = {written(step.loss)}")
    expect(wide.locator(".verdict")).to_have_text(f"says {says} is {label}")


def test_several_filters_and_a_batch(page: Page, url: str) -> None:
    opened(page, url, "steps=5&filters=3&batch=4")
    step = step_at(5, 3, 4)
    buttons = page.locator(".strip [role=radio]")
    expect(buttons).to_have_count(3)
    for filter in (2, 1):
        buttons.nth(filter).click()
        hover(page, "z", 11, 12)
        expect_head(page, f"z[11,12] = {written(step.forward.z[0, filter, 11, 12])}")
    # By keyboard, on from the second filter.
    buttons.nth(1).focus()
    page.keyboard.press("ArrowRight")
    expect(buttons.nth(2)).to_have_attribute("aria-checked", "true")
    expect(page.locator("[data-panel=filter_gradient] h3")).to_contain_text("mean gradient")
    expect(page.locator(".story")).to_contain_text("Image 1 of 4")


def test_one_filter_needs_no_strip(wide: Page) -> None:
    expect(wide.locator(".strip")).to_be_hidden()


def test_a_watched_digit_is_announced(wide: Page) -> None:
    wide.get_by_text("watch", exact=True).click()
    banner = wide.locator(".banner")
    expect(banner).to_contain_text("Watching digit #12")
    expect(banner).to_contain_text("not trained on")


def test_a_frame_that_cannot_be_read_says_so_and_the_next_one_heals_it(wide: Page) -> None:
    wide.get_by_text("break", exact=True).click()
    expect(wide.locator(".banner")).to_contain_text("incomplete")
    wide.get_by_text("break", exact=True).click()
    expect(wide.locator(".banner")).to_be_hidden()
    hover(wide, "z", 12, 7)
    expect(wide.locator(".readout strong")).to_contain_text("z[12,7]")


# ---- What lights up ----


def test_a_cell_of_z_lights_its_patch_and_its_way_on(wide: Page) -> None:
    """z[12,7] covers rows 12..14 and columns 7..9 of the image and lies in window (6, 3)."""
    hover(wide, "z", 12, 7)
    expect(wide.locator(".readout strong")).to_contain_text("z[12,7]")
    assert outlined(wide, "image", 12, 7, 15, 10)
    assert outlined(wide, "feature_map", 12, 7, 13, 8)
    assert outlined(wide, "dz", 12, 7, 13, 8)
    assert outlined(wide, "filter_before", 0, 0, 21, 21)
    assert not outlined(wide, "image", 11, 6, 14, 9)


def test_a_pooled_cell_lights_its_winner(wide: Page) -> None:
    step = step_at(60)
    f, winner = step.forward.feature_map[0, 0], step.forward.winner[0, 0]
    window = next(
        (i, j)
        for i in range(13)
        for j in range(13)
        if (
            f[2 * i : 2 * i + 2, 2 * j : 2 * j + 2] == f[2 * i : 2 * i + 2, 2 * j : 2 * j + 2].max()
        ).sum()
        == 1
    )
    row, column = divmod(int(winner[window]), 26)
    hover(wide, "pooled", *window, side=2 * unit(wide))
    expect(wide.locator(".readout .detail")).to_contain_text(f"the winner is f[{row},{column}]")
    for panel in ("feature_map", "backfill", "dz", "z"):
        assert outlined(wide, panel, row, column, row + 1, column + 1), panel
    assert outlined(wide, "image", row, column, row + 3, column + 3)
    i, j = window
    assert outlined(wide, "delta0", 2 * i, 2 * j, 2 * i + 2, 2 * j + 2)


def test_the_highlight_stays_while_frames_arrive_and_its_numbers_follow(wide: Page) -> None:
    hover(wide, "z", 12, 7)
    expect(wide.locator(".readout strong")).to_contain_text("z[12,7]")
    wide.keyboard.press("ArrowRight")  # the page's own shortcut: nothing in the stage has the focus
    expect(wide.locator(".stage")).to_have_attribute("data-step", "61")
    expect_head(wide, f"z[12,7] = {written(step_at(61).forward.z[0, 0, 12, 7])}")
    assert outlined(wide, "image", 12, 7, 15, 10)


JAVASCRIPT_RELATIONS = """async (url) => {
  const { related, patchOf, placesOver } = await import(`${url}/app/static/stage/relations.js`)
  const { stepOf, windowsOf, windowCells, windowOf } =
    await import(`${url}/app/static/stage/step.js`)
  // A feature map with four kinds of window: (0,0) has one winner, (0,1) a tie, (0,2) is dead.
  const f = new Float32Array(676)
  f[27] = 3          // row 1, column 1
  f[2] = 2; f[28] = 2  // row 0, column 2 and row 1, column 2
  const winner = Uint16Array.from({ length: 169 }, (_, w) => windowCells(w)[0])
  winner[0] = 27
  winner[1] = 2
  const dz = new Float32Array(676)
  dz[27] = 0.5
  dz[2] = -0.25
  const step = {
    meta: { bias_rule: "exact" }, winner, dz, z: f, feature_map: f, windows: windowsOf(f),
    hidden: new Float32Array(40), probabilities: new Float32Array(10),
    delta2: new Float32Array(10), covered: new Map(),
  }
  const asked = { ...step, covered: new Map([["pooled", [0]], ["z", [27]]]) }
  const plain = (lit) => Object.fromEntries([...lit].map(([name, { strong, weak }]) => [
    name, { strong: [...strong].sort((a, b) => a - b), weak: [...weak].sort((a, b) => a - b) },
  ]))
  return {
    windows: [...step.windows.slice(0, 4)],
    windowCells: windowCells(14),
    windowOf: [windowOf(0), windowOf(27), windowOf(53), windowOf(675)],
    patch: patchOf(27),
    places: [placesOver(0), placesOver(29), placesOver(783)],
    winner: plain(related("pooled", 0, step)),
    tie: plain(related("delta0", 1, step)),
    dead: plain(related("pooled", 2, step)),
    loser: plain(related("feature_map", 0, step)),
    weight: plain(related("filter_gradient", 5, step)),
    bias: plain(related("filter_before", 9, step)),
    pixel: plain(related("image", 29, step)),
    class: plain(related("delta2", 4, step)),
    covered: [related("pooled", 0, asked), related("delta0", 0, asked)].map(plain),
  }
}"""


def test_relations_at_places_worked_out_by_hand(wide: Page, url: str) -> None:
    """Positions are flat: row·28 + column in the image, row·26 + column in a map."""
    found = wide.evaluate(JAVASCRIPT_RELATIONS, url)

    assert found["windows"] == [0, 1, 2, 2]  # a winner, a tie, dead, dead
    # Window 14 is (1, 1): rows 2 and 3, columns 2 and 3.
    assert found["windowCells"] == [54, 55, 80, 81]
    # Cells (0,0), (1,1), (2,1) and (25,25).
    assert found["windowOf"] == [0, 0, 13, 168]
    # Cell 27 is (1, 1): rows 1..3, columns 1..3 of the image.
    assert found["patch"] == [29, 30, 31, 57, 58, 59, 85, 86, 87]
    # Pixel (0,0) meets one place, (1,1) four, (27,27) one.
    assert found["places"] == [[0], [0, 1, 26, 27], [675]]

    winner = found["winner"]
    assert winner["feature_map"] == {"strong": [27], "weak": [0, 1, 26, 27]}
    assert winner["backfill"]["strong"] == [27]
    assert winner["dz"]["strong"] == [27]
    assert winner["delta0"]["strong"] == [0]
    assert winner["image"]["strong"] == found["patch"]
    assert winner["filter_gradient"]["strong"] == list(range(10))

    tie = found["tie"]
    assert tie["feature_map"] == {"strong": [2], "weak": [2, 3, 28, 29]}
    assert tie["dz"]["strong"] == [2]

    dead = found["dead"]
    assert dead["feature_map"] == {"strong": [], "weak": [4, 5, 30, 31]}
    assert dead["dz"] == {"strong": [], "weak": [4]}
    assert "filter_gradient" not in dead

    loser = found["loser"]
    assert loser["pooled"] == {"strong": [], "weak": [0]}
    assert "filter_gradient" not in loser

    # Weight 5 is (1, 2). Cell (1,1) meets pixel (2,3) = 59, cell (0,2) meets pixel (1,4) = 32.
    weight = found["weight"]
    assert weight["dz"]["strong"] == [2, 27]
    assert weight["image"]["strong"] == [32, 59]
    assert weight["filter_after"]["strong"] == [5]
    assert weight["weights"]["strong"] == [5]

    assert found["bias"]["dz"]["strong"] == [2, 27]
    assert "image" not in found["bias"]

    # Pixel (1,1) is met by weights 4, 3, 1, 0 of the places (0,0), (0,1), (1,0), (1,1).
    pixel = found["pixel"]
    assert pixel["z"]["strong"] == [0, 1, 26, 27]
    assert pixel["filter_before"]["strong"] == [0, 1, 3, 4]
    assert pixel["dz"]["strong"] == [27]
    assert pixel["filter_gradient"]["strong"] == [0]
    assert pixel["pooled"] == {"strong": [0], "weak": []}

    # What a question has covered lights nothing, and is lit by nothing.
    pooled, error = found["covered"]
    assert pooled == {"pooled": {"strong": [0], "weak": []}}
    assert error["pooled"] == {"strong": [], "weak": []}
    assert error["z"] == {"strong": [], "weak": [0, 1, 26]}

    assert found["class"]["probabilities"]["strong"] == [4]


JAVASCRIPT_PIECES = """async (url) => {
  const at = (name) => import(`${url}/app/static/stage/${name}.js`)
  const [{ fixed, signed, scaleEnd }, { roundedUp, Ranges }, { stageAt, reachedAt, STAGES },
    { niceTop }, { light, dark, luminance }, { layoutFor }, { decode }] = await Promise.all(
    ["format", "ranges", "timeline", "curves", "colours", "layout", "decode"].map(at))
  const frame = (run, size, filters = 2) => ({
    meta: { run, filters },
    arrays: new Proxy({}, { get: (_, name) => name === "z"
      ? Float32Array.of(size, -1, 0.3, 0) : new Float32Array(2) }),
  })
  const ranges = new Ranges()
  const history = []
  for (const [run, size] of [["a", 1.2], ["a", 0.4], ["a", 2.5], ["b", 0.4]]) {
    ranges.update(frame(run, size))
    ranges.following = false
    const fixedRange = ranges.of("maps", 0)
    ranges.following = true
    history.push([fixedRange, ranges.of("maps", 0), ranges.of("maps", 1)])
  }
  const brightness = (theme, value) => luminance(theme.signed(value, 1))
  const traces = [light(), dark()].map(({ signed: colour }) =>
    [0, 0.005, 0.01, 0.03].map((value) => [value, -value].map((v) => colour(v, 1))))
  const errors = []
  for (const bytes of [new Uint8Array(2), new Uint8Array(40), null]) {
    try { decode(bytes) } catch (error) { errors.push(error.message) }
  }
  return {
    fixed: [fixed(-0.12344), fixed(-0.00001), fixed(NaN), fixed(-Infinity), fixed(1.5, 2)],
    signed: [signed(0.5, 1), signed(-0.5, 1), signed(0.001, 1)],
    scale: [scaleEnd(0.0004), scaleEnd(0.03), scaleEnd(1.5), scaleEnd(15), scaleEnd(1500)],
    rounded: [0, 0.011, 0.2, 0.21, 1, 4.2, 9, 99].map(roundedUp),
    history: history.map((row) => row.map((value) => Number(value.toFixed(3)))),
    stages: [stageAt(0, 4), stageAt(2, 4), stageAt(3.999, 4), stageAt(4, 4), stageAt(1, null)],
    count: STAGES.length,
    reached: [[...reachedAt(0)], reachedAt(STAGES.length - 1).size],
    tops: [niceTop(2.3), niceTop(0.07), niceTop(0), niceTop(2.4)],
    bright: [light(), dark()].map((theme) => [-1, -0.5, 0, 0.5, 1].map((value) =>
      brightness(theme, value))),
    layouts: [[1050, 900, 1], [1100, 900, 1], [1560, 1000, 1], [700, 900, 1], [342, 800, 3],
      [290, 600, 2]].map(([width, height, ratio]) => {
        const { mode, cell, bars, gap, units } = layoutFor(width, height, ratio)
        const u = cell / ratio
        const wide = 28 * u + 21 * u + 78 * u + units + bars + 6 * gap
        const used = { wide, medium: 101 * u + 3 * gap, narrow: 56 * u + gap }[mode]
        return { mode, u, fits: used <= width, width }
      }),
    errors, traces,
  }
}"""


def test_the_small_pieces(wide: Page, url: str) -> None:
    found = wide.evaluate(JAVASCRIPT_PIECES, url)

    assert found["fixed"] == ["−0.1234", "0.0000", "not a number", "−∞", "1.50"]
    assert found["signed"] == ["+0.5", "−0.5", "\u20070.0"]
    assert found["scale"] == ["0.0004", "0.030", "1.500", "15.00", "1500"]
    assert found["rounded"] == [0, 0.015, 0.2, 0.3, 1, 6, 10, 100]
    # Fixed widens only, until the next run; following is the step's own, filter by filter.
    assert found["history"] == [[1.5, 1.2, 0.3], [1.5, 1, 0.3], [3, 2.5, 0.3], [1, 1, 0.3]]
    count = found["count"]
    assert found["stages"] == [0, count // 2, count - 1, count, count]
    assert found["reached"] == [["image"], 15]
    assert found["tops"] == pytest.approx([2.4, 0.08, 1, 2.4])
    light, dark = found["bright"]
    # Zero is the brightest on light paper and the darkest on dark; strength is monotone.
    assert light[0] < light[1] < light[2] > light[3] > light[4]
    assert dark[0] > dark[1] > dark[2] < dark[3] < dark[4]
    # A hundredth of the range looks like zero, three hundredths have a sign.
    for zero, half, trace, seen in found["traces"]:
        for faint in (*half, *trace):
            assert max(abs(a - b) for a, b in zip(faint, zero[0], strict=True)) < 5
        assert max(abs(a - b) for a, b in zip(*seen, strict=True)) > 25
    modes = [(layout["mode"], layout["fits"]) for layout in found["layouts"]]
    assert modes == [("wide", True)] * 3 + [("medium", True)] + [("narrow", True)] * 2
    assert all(layout["u"] >= 6 for layout in found["layouts"] if layout["width"] > 340)
    assert found["errors"] == [
        "The stage received no picture of a step.",
        "The stage received a picture of a step that it cannot read.",
        "The stage received no picture of a step.",
    ]


# ---- Pinning, keys, touch ----


def test_a_click_pins_and_tells_the_server_once(wide: Page) -> None:
    hover(wide, "z", 12, 7)
    wide.mouse.down()
    wide.mouse.up()
    expect(wide.get_by_text("pins: [('z', 0, 319)]")).to_be_visible()
    hover(wide, "feature_map", 3, 3)  # the light stays where it is pinned
    expect(wide.locator(".readout.pinned strong")).to_contain_text("z[12,7]")
    wide.keyboard.press("Escape")
    expect(wide.locator(".readout.pinned")).to_have_count(0)
    wide.get_by_role("button", name="step").click()
    expect(wide.locator(".stage")).to_have_attribute("data-step", "61")
    expect(wide.get_by_text("pins: [('z', 0, 319)]")).to_be_visible()


def test_a_click_elsewhere_lets_go_but_a_control_does_not(wide: Page) -> None:
    hover(wide, "z", 12, 7)
    wide.mouse.down()
    wide.mouse.up()
    expect(wide.locator(".readout.pinned")).to_have_count(1)
    wide.get_by_role("button", name="step").click()
    expect(wide.locator(".stage")).to_have_attribute("data-step", "61")
    expect(wide.locator(".readout.pinned strong")).to_contain_text("z[12,7]")
    wide.locator(".story").click()
    expect(wide.locator(".readout.pinned")).to_have_count(0)


def test_the_keyboard_walks_every_panel_and_keeps_its_keys(wide: Page) -> None:
    names = wide.locator(".panel").evaluate_all("all => all.map((p) => p.dataset.panel)")
    assert names[0] == "image"
    assert len(names) == 15
    canvas(wide, "image").focus()
    for name in names[1:]:
        wide.keyboard.press("Tab")
        focused = "() => document.activeElement.shadowRoot.activeElement"
        panel = wide.evaluate(f"({focused})().closest('.panel').dataset.panel")
        assert panel == name
    canvas(wide, "z").focus()
    head = wide.locator(".readout strong")
    expect(head).to_contain_text("z[13,13]")
    wide.keyboard.press("ArrowRight")
    wide.keyboard.press("ArrowUp")
    expect(head).to_contain_text("z[12,14]")
    wide.keyboard.press("Enter")
    expect(wide.locator(".readout.pinned")).to_have_count(1)
    expect(wide.get_by_text("pins: [('z', 0, 326)]")).to_be_visible()
    expect(wide.locator("[role=status]")).to_contain_text("z[12,14]")
    # The page's own arrow key did not make a step.
    expect(wide.get_by_text("server step: 60")).to_be_visible()
    wide.keyboard.press("Escape")
    expect(head).to_be_empty()
    # At the edge the cell stays.
    for _ in range(30):
        wide.keyboard.press("ArrowLeft")
    expect(head).to_contain_text("z[12,0]")


def test_panels_have_words_for_those_who_do_not_see_them(wide: Page) -> None:
    z = step_at(60).forward.z[0, 0]
    label = canvas(wide, "z").get_attribute("aria-label")
    assert label.startswith("feature map z, 26 by 26, step 60: ")
    assert f"from {written(z.min())} to {written(z.max())}" in label


def test_a_tap_pins_and_a_tap_elsewhere_lets_go(browser: Any, url: str) -> None:
    context = browser.new_context(viewport=NARROW, has_touch=True, is_mobile=True)
    page = opened(context.new_page(), url, "steps=5", NARROW)
    u = unit(page)
    assert u >= 5.5
    area = canvas(page, "pooled")
    area.scroll_into_view_if_needed()
    area.tap(position={"x": MARGIN + 9 * u, "y": MARGIN + 5 * u})
    expect(page.locator(".readout.pinned strong")).to_contain_text("P[2,4]")
    page.locator("[data-panel=pooled] h3").tap()
    expect(page.locator(".readout.pinned")).to_have_count(0)
    context.close()


# ---- Slow motion ----


def test_slow_motion_lights_stage_after_stage_and_ends_at_once(page: Page, url: str) -> None:
    opened(page, url, "steps=60&seconds=28")  # fourteen stages of two seconds
    stage, story = page.locator(".stage"), page.locator(".story")
    page.get_by_text("slow", exact=True).click()
    expect(stage).not_to_have_class(re.compile("slow"))  # this step was there already
    page.get_by_role("button", name="step").click()
    expect(stage).to_have_class(re.compile("slow"))
    for panel, words in (
        ("image", "A picture comes in"),
        ("z", "The filter slides"),
        ("feature_map", "becomes 0"),
        ("pooled", "Of every 2×2 window"),
    ):
        expect(page.locator(f"[data-panel={panel}]")).to_have_class(re.compile("lit"))
        expect(story).to_contain_text(words)
        unreached = page.locator(".panel.unreached").evaluate_all(
            "all => all.map((p) => p.dataset.panel)"
        )
        assert panel not in unreached
        assert {"hidden", "delta2", "dz", "filter_after"} <= set(unreached)
    # One cell of the lit stage is followed: the one that the largest pooled value comes from.
    forward = step_at(61).forward
    row, column = divmod(int(forward.pooled[0, 0].argmax()), 13)
    expect_head(page, f"P[{row},{column}] = {written(forward.pooled[0, 0].max())}")
    expect(story).to_contain_text("The marked cell won its window")
    winner = divmod(int(forward.winner[0, 0, row, column]), 26)
    assert outlined(page, "feature_map", *winner, winner[0] + 1, winner[1] + 1)
    page.get_by_text("slow", exact=True).click()
    expect(page.locator(".panel.unreached")).to_have_count(0)
    expect(story).to_contain_text("The network says")


@pytest.mark.parametrize("by_hand", [False, True], ids=["alone", "after the visitor has scrolled"])
def test_on_a_small_screen_slow_motion_scrolls_to_what_is_lit(
    page: Page, url: str, by_hand: bool
) -> None:
    page.emulate_media(reduced_motion="reduce")  # it jumps, so that there is nothing to wait for
    opened(page, url, "steps=60&seconds=14", {"width": 390, "height": 600})
    page.get_by_text("slow", exact=True).click()
    page.get_by_role("button", name="step").click()
    pooled = page.locator("[data-panel=pooled]")
    if by_hand:
        page.mouse.move(5, 300)  # beside the pictures
        page.mouse.wheel(0, -10)
    expect(pooled).to_have_class(re.compile("lit"))
    shown, caption = pooled.bounding_box(), page.locator(".story").bounding_box()
    assert shown
    assert caption
    if by_hand:
        assert shown["y"] > 600
    else:
        assert 0 < caption["y"] < caption["y"] + caption["height"] <= shown["y"]
        assert shown["y"] + shown["height"] < page.locator(".readout").bounding_box()["y"] + 1


# ---- Looks ----


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 768, 1024, 1440, 1920])
def test_nothing_is_cut_at_any_width(page: Page, url: str, scheme: Any, width: int) -> None:
    page.emulate_media(color_scheme=scheme)
    opened(page, url, "steps=3&filters=8", {"width": width, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    boxes = page.locator(".stage section, .stage h3, .stage canvas:not([hidden])").evaluate_all(
        "all => all.map((e) => { const r = e.getBoundingClientRect(); return [r.left, r.right] })"
    )
    left, right = page.locator(".stage").evaluate(
        "e => { const r = e.getBoundingClientRect(); return [r.left, r.right] }"
    )
    assert len(boxes) > 40
    for box in boxes:
        assert left - 1 <= box[0] <= box[1] <= right + 1


OVERLAPS = """() => {
  const hosts = [...document.querySelectorAll("*")].filter((e) => e.shadowRoot)
  const stage = hosts.map((e) => e.shadowRoot.querySelector(".stage")).find(Boolean)
  const kinds = ".word, h3 > *, .scale span, .verdict, .legend li, .story"
  const words = [...stage.querySelectorAll(kinds)]
    .filter((e) => e.textContent && e.offsetParent)
    .map((e) => ({ text: e.textContent, box: e.getBoundingClientRect() }))
  const clash = ({ box: a }, { box: b }) => a.left < b.right - 0.5 && b.left < a.right - 0.5
    && a.top < b.bottom - 2 && b.top < a.bottom - 2
  return words.flatMap((one, index) => words.slice(index + 1)
    .filter((other) => clash(one, other)).map((other) => `${one.text} | ${other.text}`))
}"""


@pytest.mark.parametrize("width", [390, 768, 1024, 1366, 1440, 1920])
def test_no_words_overlap(page: Page, url: str, width: int) -> None:
    opened(page, url, "steps=3&filters=2&batch=32", {"width": width, "height": 900})
    assert page.evaluate(OVERLAPS) == []


def test_a_change_of_theme_repaints(wide: Page) -> None:
    paper = colour_at(wide, "image", 0, 0)
    assert min(paper) > 220
    wide.emulate_media(color_scheme="dark")
    expect(wide.locator(".stage.dark")).to_be_visible()
    assert max(colour_at(wide, "image", 0, 0)) < 70


def test_following_shows_the_steps_own_range(wide: Page) -> None:
    largest = abs(step_at(60).forward.z).max()
    scale = wide.locator("[data-panel=z] .scale")
    fixed = float(scale.locator("span").last.inner_text())
    assert fixed >= largest
    wide.get_by_text("follows the step", exact=True).click()
    expect(scale.locator("span").last).to_have_text(f"+{largest:.3f}")


def test_the_rate_of_the_update_is_the_steps_own(wide: Page) -> None:
    hover(wide, "filter_change", 0.3, 0.3, 30)
    expect(wide.locator(".readout .detail")).to_contain_text(f"−η × gradient = −{RATE}")


# ---- What it leaves behind ----


def listeners(session: CDPSession) -> dict[str, float]:
    session.send("HeapProfiler.collectGarbage")
    metrics = session.send("Performance.getMetrics")["metrics"]
    return {m["name"]: m["value"] for m in metrics if m["name"] in ("JSEventListeners", "Nodes")}


def test_many_frames_leave_no_listeners_and_no_nodes(wide: Page) -> None:
    session = wide.context.new_cdp_session(wide)
    session.send("Performance.enable")

    def frames() -> int:
        return int(wide.locator(".stage").get_attribute("data-frames"))

    def wait_for(count: int) -> None:
        wide.wait_for_function(
            """(count) => {
              const hosts = [...document.querySelectorAll("*")].filter((e) => e.shadowRoot)
              const stage = hosts.map((e) => e.shadowRoot.querySelector(".stage")).find(Boolean)
              return Number(stage.dataset.frames) >= count
            }""",
            arg=count,
            timeout=60_000,
        )

    wide.get_by_text("play", exact=True).click()
    wait_for(frames() + 10)
    before = listeners(session)
    wait_for(frames() + 100)
    after = listeners(session)
    assert after["JSEventListeners"] - before["JSEventListeners"] < 20
    assert after["Nodes"] - before["Nodes"] < 100


def test_leaving_the_page_takes_the_listeners_along(wide: Page) -> None:
    session = wide.context.new_cdp_session(wide)
    session.send("Performance.enable")
    hide = wide.get_by_text("hide", exact=True)
    hide.click()
    expect(wide.locator(".stage")).to_have_count(0)
    before = listeners(session)
    for _ in range(3):
        hide.click()
        expect(wide.locator(".stage")).to_have_attribute("data-step", "60")
        hide.click()
        expect(wide.locator(".stage")).to_have_count(0)
    after = listeners(session)
    assert after["JSEventListeners"] - before["JSEventListeners"] < 20
    assert after["Nodes"] - before["Nodes"] < 100


# ---- How it is served ----


def test_no_request_leaves_the_machine(page: Page, url: str) -> None:
    hosts = set()
    page.on("request", lambda request: hosts.add(urlparse(request.url).hostname))
    opened(page, url, "steps=2")
    hover(page, "z", 3, 3)
    assert hosts - {None} == {"127.0.0.1"}


def test_it_works_on_another_page_and_under_a_base_path(
    page: Page, serve: Serve, tmp_path: Path
) -> None:
    another = Path(shutil.copy(APP, tmp_path / "another.py"))
    url = serve(APP, "--server.baseUrlPath=some/base", pages=(another,))
    opened(page, url)
    page.goto(f"{url}/another?steps=4")
    expect(page.locator(".stage")).to_have_attribute("data-step", "4", timeout=30_000)


@pytest.fixture
def copied_app(tmp_path: Path) -> Path:
    """The stage with modules of its own, old enough for a browser to cache them for long."""
    shutil.copytree(ROOT / "static", tmp_path / "static")
    return Path(shutil.copy(APP, tmp_path))


def test_a_new_version_is_not_served_from_the_cache(
    page: Page, serve: Serve, copied_app: Path
) -> None:
    module = copied_app.parent / "static" / "stage" / "timeline.js"
    ten_years_ago = 1_450_000_000
    for path in module.parent.iterdir():
        os.utime(path, (ten_years_ago, ten_years_ago))
    url = serve(copied_app)
    opened(page, url)
    expect(page.locator(".story")).to_contain_text("The network says")
    changed = module.read_text("utf-8").replace("The network says", "The machine thinks")
    module.write_text(changed, "utf-8")
    os.utime(module, (ten_years_ago + 60, ten_years_ago + 60))
    opened(page, url)
    expect(page.locator(".story")).to_contain_text("The machine thinks")
