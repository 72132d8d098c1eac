"""The stage's cells in a real browser: what lights up with one, and pinning it by any means."""

import pytest
from on_the_stage import MARGIN, canvas, hover, opened, outlined, unit
from playwright.sync_api import Browser, Page, expect
from stage_app import step_at
from watching import NARROW, expect_head, written

pytestmark = pytest.mark.browser


# ---- What lights up ----


def test_a_cell_of_z_lights_its_patch_and_its_way_on(stage: Page) -> None:
    """z[12,7] covers rows 12..14 and columns 7..9 of the image and lies in window (6, 3)."""
    hover(stage, "z", 12, 7)
    expect(stage.locator(".readout strong")).to_contain_text("z[12,7]")
    assert outlined(stage, "image", 12, 7, 15, 10)
    assert outlined(stage, "feature_map", 12, 7, 13, 8)
    assert outlined(stage, "dz", 12, 7, 13, 8)
    assert outlined(stage, "filter_before", 0, 0, 21, 21)
    assert not outlined(stage, "image", 11, 6, 14, 9)


def test_a_pooled_cell_lights_its_winner(stage: Page) -> None:
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
    hover(stage, "pooled", *window, side=2 * unit(stage))
    expect(stage.locator(".readout .detail")).to_contain_text(f"the winner is f[{row},{column}]")
    for panel in ("feature_map", "backfill", "dz", "z"):
        assert outlined(stage, panel, row, column, row + 1, column + 1), panel
    assert outlined(stage, "image", row, column, row + 3, column + 3)
    i, j = window
    assert outlined(stage, "delta0", 2 * i, 2 * j, 2 * i + 2, 2 * j + 2)


def test_the_highlight_stays_while_frames_arrive_and_its_numbers_follow(stage: Page) -> None:
    hover(stage, "z", 12, 7)
    expect(stage.locator(".readout strong")).to_contain_text("z[12,7]")
    stage.keyboard.press("ArrowRight")  # the page's own key: nothing in the stage has the focus
    expect(stage.locator(".stage")).to_have_attribute("data-step", "61")
    expect_head(stage, f"z[12,7] = {written(step_at(61).forward.z[0, 0, 12, 7])}")
    assert outlined(stage, "image", 12, 7, 15, 10)


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


def test_relations_at_places_worked_out_by_hand(stage: Page, stage_url: str) -> None:
    """Positions are flat: row·28 + column in the image, row·26 + column in a map."""
    found = stage.evaluate(JAVASCRIPT_RELATIONS, stage_url)

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
  const frame = (run, size, first) => ({
    meta: {
      run,
      first_reach: { maps: [first, 0], hidden: [0] },
      reach: { maps: [size, 0.3], hidden: [2] },
    },
  })
  const ranges = new Ranges()
  const history = []
  for (const [run, size, first] of [["a", 1.2, 0], ["a", 0.4, 0], ["a", 2.5, 0], ["b", 0.4, 0.7]]) {
    ranges.update(frame(run, size, first))
    ranges.following = false
    const fixedRange = ranges.of("maps", 0)
    ranges.following = true
    history.push([fixedRange, ranges.of("maps", 0), ranges.of("maps", 1), ranges.of("hidden", 1)])
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


def test_the_small_pieces(stage: Page, stage_url: str) -> None:
    found = stage.evaluate(JAVASCRIPT_PIECES, stage_url)

    assert found["fixed"] == ["−0.1234", "0.0000", "not a number", "−∞", "1.50"]
    assert found["signed"] == ["+0.5", "−0.5", "\u20070.0"]
    assert found["scale"] == ["0.0004", "0.030", "1.500", "15.00", "1500"]
    assert found["rounded"] == [0, 0.015, 0.2, 0.3, 1, 6, 10, 100]
    # Fixed widens only, until the next run, which starts from its first step; following is the
    # step's own, filter by filter.
    assert found["history"] == [
        [1.5, 1.2, 0.3, 2],
        [1.5, 0.4, 0.3, 2],
        [3, 2.5, 0.3, 2],
        [0.8, 0.4, 0.3, 2],
    ]
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


def test_a_click_pins_and_tells_the_server_once(stage: Page) -> None:
    hover(stage, "z", 12, 7)
    stage.mouse.down()
    stage.mouse.up()
    expect(stage.get_by_text("pins: [('z', 0, 319)]")).to_be_visible()
    hover(stage, "feature_map", 3, 3)  # the light stays where it is pinned
    expect(stage.locator(".readout.pinned strong")).to_contain_text("z[12,7]")
    stage.keyboard.press("Escape")
    expect(stage.locator(".readout.pinned")).to_have_count(0)
    stage.get_by_role("button", name="step").click()
    expect(stage.locator(".stage")).to_have_attribute("data-step", "61")
    expect(stage.get_by_text("pins: [('z', 0, 319)]")).to_be_visible()


def test_a_click_elsewhere_lets_go_but_a_control_does_not(stage: Page) -> None:
    hover(stage, "z", 12, 7)
    stage.mouse.down()
    stage.mouse.up()
    expect(stage.locator(".readout.pinned")).to_have_count(1)
    stage.get_by_role("button", name="step").click()
    expect(stage.locator(".stage")).to_have_attribute("data-step", "61")
    expect(stage.locator(".readout.pinned strong")).to_contain_text("z[12,7]")
    stage.locator(".story").click()
    expect(stage.locator(".readout.pinned")).to_have_count(0)


def test_the_keyboard_walks_every_panel_and_keeps_its_keys(stage: Page) -> None:
    names = stage.locator(".panel").evaluate_all("all => all.map((p) => p.dataset.panel)")
    assert names[0] == "image"
    assert len(names) == 15
    canvas(stage, "image").focus()
    for name in names[1:]:
        stage.keyboard.press("Tab")
        focused = "() => document.activeElement.shadowRoot.activeElement"
        panel = stage.evaluate(f"({focused})().closest('.panel').dataset.panel")
        assert panel == name
    canvas(stage, "z").focus()
    head = stage.locator(".readout strong")
    expect(head).to_contain_text("z[13,13]")
    stage.keyboard.press("ArrowRight")
    stage.keyboard.press("ArrowUp")
    expect(head).to_contain_text("z[12,14]")
    stage.keyboard.press("Enter")
    expect(stage.locator(".readout.pinned")).to_have_count(1)
    expect(stage.get_by_text("pins: [('z', 0, 326)]")).to_be_visible()
    expect(stage.locator("[role=status]")).to_contain_text("z[12,14]")
    # The page's own arrow key did not make a step.
    expect(stage.get_by_text("server step: 60")).to_be_visible()
    stage.keyboard.press("Escape")
    expect(head).to_be_empty()
    # At the edge the cell stays.
    for _ in range(30):
        stage.keyboard.press("ArrowLeft")
    expect(head).to_contain_text("z[12,0]")


def test_panels_have_words_for_those_who_do_not_see_them(stage: Page) -> None:
    z = step_at(60).forward.z[0, 0]
    label = canvas(stage, "z").get_attribute("aria-label") or ""
    assert label.startswith("feature map z, 26 by 26, step 60: ")
    assert f"from {written(z.min())} to {written(z.max())}" in label


def test_a_tap_pins_and_a_tap_elsewhere_lets_go(browser: Browser, stage_url: str) -> None:
    context = browser.new_context(viewport=NARROW, has_touch=True, is_mobile=True)
    page = opened(context.new_page(), stage_url, "steps=5", NARROW)
    u = unit(page)
    assert u >= 5.5
    area = canvas(page, "pooled")
    area.scroll_into_view_if_needed()
    area.tap(position={"x": MARGIN + 9 * u, "y": MARGIN + 5 * u})
    expect(page.locator(".readout.pinned strong")).to_contain_text("P[2,4]")
    page.locator("[data-panel=pooled] h3").tap()
    expect(page.locator(".readout.pinned")).to_have_count(0)
    context.close()
