"""The stage in a real browser: the numbers it says, slow motion, and its looks."""

import base64
import dataclasses
import math
import re

import pytest
from on_the_stage import canvas, colour_at, hover, opened, outlined, resized, unit
from playwright.sync_api import Browser, CDPSession, Page, ViewportSize, expect
from stage_app import RATE, scene, step_at
from watching import Scheme, edges, expect_head, written

from cnn import Step, backward, forward, updated
from pages.parts.frame import pack

pytestmark = pytest.mark.browser


# ---- What it says ----


def test_hovered_cells_say_what_cnn_computed(stage: Page) -> None:
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
            hover(stage, panel, row, column)
            value = written(values[0, 0, row, column])
            expect_head(stage, f"{name}[{row},{column}] = {value}")
    for panel, name, values in (("pooled", "P", forward.pooled), ("delta0", "δ0", backward.delta0)):
        for row, column in [(0, 0), (12, 12), (6, 4)]:
            hover(stage, panel, row, column, 2 * unit(stage))
            value = written(values[0, 0, row, column])
            expect_head(stage, f"{name}[{row},{column}] = {value}")
    for row, column in [(0, 0), (27, 27), (14, 13)]:
        hover(stage, "image", row, column)
        expect_head(stage, f"x[{row},{column}] = {written(forward.x[0, row, column])}")


def test_every_panel_of_numbers_says_what_cnn_computed(stage: Page) -> None:
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
        canvas(stage, panel).focus()
        for key in ["ArrowUp"] * 12 + ["ArrowLeft"] * 6:
            stage.keyboard.press(key)
        for index, head in enumerate(heads):
            if index % width:
                stage.keyboard.press("ArrowRight")
            elif index:
                for key in ["ArrowLeft"] * (width - 1) + ["ArrowDown"]:
                    stage.keyboard.press(key)
            expect_head(stage, head)


def test_the_products_of_a_patch_add_up_to_z(stage: Page) -> None:
    forward = step_at(60).forward
    row, column = divmod(int(forward.z[0, 0].argmax()), 26)
    hover(stage, "z", row, column)
    expect_head(stage, f"z[{row},{column}] = {written(forward.z[0, 0, row, column])}")
    terms = stage.locator(".readout .detail").inner_text().rpartition("= ")[2]
    numbers = [
        float(sign.replace("−", "-").replace(" ", "") + number)
        for sign, number in re.findall(r"([−+]? ?)(\d+\.\d+)", terms)
    ]
    assert len(numbers) == 10
    # To the last digit that is shown.
    assert written(sum(numbers)) == written(forward.z[0, 0, row, column])


def test_the_story_and_the_verdict_belong_to_the_step(stage: Page) -> None:
    step = step_at(60)
    label = int(step.labels[0])
    probabilities = step.forward.probabilities[0]
    says = int(probabilities.argmax())
    story = stage.locator(".story")
    expect(story).to_contain_text(f"a {label}." if label != 8 else "an 8.")
    expect(story).to_contain_text(f"says {says} ({written(probabilities[says])})")
    expect(story).to_contain_text(f" = {written(step.loss)}.")
    (given,) = re.findall(r"−log (0\.\d+) = ", story.inner_text())
    assert float(given) == pytest.approx(probabilities[label], rel=1e-4)
    assert written(-math.log(float(given))) == written(step.loss)
    expect(stage.locator(".verdict")).to_have_text(f"says {says} is {label}")


def test_several_filters_and_a_batch(page: Page, stage_url: str) -> None:
    opened(page, stage_url, "steps=5&filters=3&batch=4")
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


def test_one_filter_needs_no_strip(stage: Page) -> None:
    expect(stage.locator(".strip")).to_be_hidden()


def test_a_watched_digit_is_announced(stage: Page) -> None:
    stage.get_by_text("watch", exact=True).click()
    banner = stage.locator(".banner")
    expect(banner).to_contain_text("Watching digit #12")
    expect(banner).to_contain_text("not trained on")


def test_a_frame_that_cannot_be_read_says_so_and_the_next_one_heals_it(stage: Page) -> None:
    stage.get_by_text("break", exact=True).click()
    expect(stage.locator(".banner")).to_contain_text("incomplete")
    stage.get_by_text("break", exact=True).click()
    expect(stage.locator(".banner")).to_be_hidden()
    hover(stage, "z", 12, 7)
    expect(stage.locator(".readout strong")).to_contain_text("z[12,7]")


# ---- Slow motion ----


def test_slow_motion_lights_stage_after_stage_and_ends_at_once(page: Page, stage_url: str) -> None:
    opened(page, stage_url, "steps=60&seconds=42")  # fourteen stages of three seconds
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
    page: Page, stage_url: str, by_hand: bool
) -> None:
    page.emulate_media(reduced_motion="reduce")  # it jumps, so that there is nothing to wait for
    opened(page, stage_url, "steps=60&seconds=14", {"width": 390, "height": 600})
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


SCROLLED = "document.querySelector('[data-testid=stMain]').scrollTop > 0"


def test_a_finger_has_the_page_to_itself(browser: Browser, stage_url: str) -> None:
    size: ViewportSize = {"width": 390, "height": 600}
    context = browser.new_context(viewport=size, has_touch=True, is_mobile=True)
    page = opened(context.new_page(), stage_url, "steps=60&seconds=28", size)
    finger = context.new_cdp_session(page)
    main, step = page.get_by_test_id("stMain"), page.get_by_role("button", name="step")

    def top() -> int:
        return round(main.evaluate("main => main.scrollTop"))

    def reached(panel: str) -> None:
        expect(page.locator(f"[data-panel={panel}]")).not_to_have_class(re.compile("unreached"))

    page.get_by_text("slow", exact=True).tap()
    step.tap()
    expect(page.locator(".stage")).to_have_class(re.compile("slow"))
    reached("z")
    page.wait_for_function(SCROLLED)  # it goes there by itself
    touch(finger, "touchStart", 250)
    page.wait_for_timeout(100)  # for what was under way to stand
    stood = top()
    reached("pooled")
    assert top() == stood
    touch(finger, "touchEnd")
    for _ in range(8):
        touch(finger, "touchStart", 150)
        for y in range(190, 551, 40):
            touch(finger, "touchMove", y)
        touch(finger, "touchEnd")
    page.wait_for_function(f"!({SCROLLED})")
    reached("hidden")
    assert top() == 0
    context.close()


def touch(finger: CDPSession, kind: str, y: int | None = None) -> None:
    points = [] if y is None else [{"x": 195, "y": y}]
    finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


CAPTIONS = """async ([url, encoded]) => {
  const at = (name) => import(`${url}/app/static/stage/${name}.js`)
  const [{ decode }, { stepOf }, { STAGES }] =
    await Promise.all(["decode", "step", "timeline"].map(at))
  const step = stepOf(decode(Uint8Array.from(atob(encoded), (c) => c.charCodeAt(0))), 0)
  return STAGES.map((stage) => [stage.caption(step), stage.example(step).words])
}"""


def captions(page: Page, url: str, step: Step) -> list[list[str]]:
    """What slow motion says of a step, stage by stage: what happens, what to see in the cell."""
    frame = pack(step, scene(60, 1, 1, playing=False, slow=4, watching=None))
    found: list[list[str]] = page.evaluate(CAPTIONS, [url, base64.b64encode(frame).decode()])
    return found


def silenced(step: Step, **biases: float) -> Step:
    """The same step of a network with other biases, which may leave nothing above 0."""
    vector = step.before.vector.copy()
    before = step.before.replaced(vector)
    for name, bias in biases.items():
        getattr(before, name)[:] = bias
    values = forward(before, step.images)
    errors = backward(before, values, step.labels)
    after = updated(before, errors.gradients, step.learning_rate)
    return dataclasses.replace(step, before=before, after=after, forward=values, backward=errors)


def test_the_captions_say_what_is_so_where_nothing_lives(stage: Page, stage_url: str) -> None:
    alive = step_at(60)
    dead_filter = silenced(alive, filter_bias=-100)
    dead_network = silenced(alive, filter_bias=-100, hidden_bias=-100)
    assert not dead_filter.forward.pooled.any()
    assert dead_filter.backward.delta0.any()
    assert not dead_network.backward.delta0.any()
    said = [
        {stage: words for stage, (_, words) in enumerate(captions(stage, stage_url, step))}
        for step in (alive, dead_filter, dead_network)
    ]
    pooled, hidden, delta1, delta0, backfill, dz, gradient, update = 3, 4, 8, 9, 10, 11, 12, 13
    for place, (lives, no_window, nothing) in {
        pooled: ("won its window", "all four are 0", "all four are 0"),
        hidden: ("found most", "found most", "all units give 0"),
        delta1: ("largest share", "largest share", "all shares are 0"),
        delta0: ("Watch where", "Watch where", "all shares are 0"),
        backfill: ("the whole error goes back", "stops there", "is 0"),
        dz: ("its error passes", "its error stops here", "No error arrived"),
        gradient: ("met the marked pixels", "all nine are 0", "all nine are 0"),
        update: ("so the marked weight goes", "the marked weight stays", "weight stays"),
    }.items():
        assert lives in said[0][place]
        assert no_window in said[1][place]
        assert nothing in said[2][place]


def test_no_caption_moves_what_is_below_it(stage: Page, stage_url: str) -> None:
    stage.get_by_text("slow", exact=True).click()
    expect(stage.locator(".stage")).to_have_class(re.compile("paced"))
    image, story, alive = canvas(stage, "image"), stage.locator(".story"), step_at(60)
    said = story.inner_text()
    tell = """(story, [told, slow]) => {
      story.textContent = told
      story.closest(".stage").classList.toggle("slow", slow)
    }"""
    for width in (360, 390, 768, 1100, 1440):
        story.evaluate(tell, [said, False])
        rest = resized(stage, width) and image.bounding_box()
        assert rest
        for step in (alive, silenced(alive, filter_bias=-100)):
            for caption, words in captions(stage, stage_url, step):
                story.evaluate(tell, [f"{caption} {words}", True])
                box = image.bounding_box()
                assert box
                assert box["y"] == rest["y"], (width, caption)


# ---- Looks ----


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_cut_at_any_width(page: Page, stage_url: str, scheme: Scheme) -> None:
    page.emulate_media(color_scheme=scheme)
    opened(page, stage_url, "steps=3&filters=8")
    for width in (390, 768, 1024, 1440, 1920):
        resized(page, width)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), width
        parts = page.locator(".stage section, .stage h3, .stage canvas:not([hidden])")
        left, right = edges(page.locator(".stage"))
        found = edges(parts)
        assert len(found) > 80
        assert left - 1 <= min(found) <= max(found) <= right + 1, width


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


def test_no_words_overlap(page: Page, stage_url: str) -> None:
    opened(page, stage_url, "steps=3&filters=2&batch=32")
    for width in (390, 768, 1024, 1366, 1440, 1920):
        assert resized(page, width).evaluate(OVERLAPS) == [], width


def test_a_change_of_theme_repaints(stage: Page) -> None:
    paper = colour_at(stage, "image", 0, 0)
    assert min(paper) > 220
    stage.emulate_media(color_scheme="dark")
    expect(stage.locator(".stage.dark")).to_be_visible()
    assert max(colour_at(stage, "image", 0, 0)) < 70


def test_following_shows_the_steps_own_range(stage: Page) -> None:
    largest = abs(step_at(60).forward.z).max()
    scale = stage.locator("[data-panel=z] .scale")
    fixed = float(scale.locator("span").last.inner_text())
    assert fixed >= largest
    stage.get_by_text("follows the step", exact=True).click()
    expect(scale.locator("span").last).to_have_text(f"+{largest:.3f}")


def test_the_rate_of_the_update_is_the_steps_own(stage: Page) -> None:
    hover(stage, "filter_change", 0.3, 0.3, 30)
    expect(stage.locator(".readout .detail")).to_contain_text(f"−η × gradient = −{RATE}")
    change = stage.locator(".readout strong").inner_text().rpartition("= ")[2]
    product = stage.locator(".readout .detail").inner_text().rpartition("= ")[2]
    eta, gradient = (float(one.replace("−", "-")) for one in product.split(" × "))
    decimals = len(change.partition(".")[2])
    assert f"{eta * gradient:+.{decimals}f}".replace("-", "−") == change
