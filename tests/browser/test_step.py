"""The step page in a real browser: moving in time, batches and filters, going on, and its looks."""

import re

import pytest
from on_the_step_page import (
    canvas,
    expect_step,
    heading,
    opened,
    pin,
    pin_class,
    step_at,
)
from playwright.sync_api import Browser, Page, expect
from watching import NARROW, WIDE, Scheme, link_to

pytestmark = pytest.mark.browser


# ---- Time ----


def test_keys_move_in_time_and_everything_belongs_to_the_step(page: Page, step_url: str) -> None:
    opened(page, step_url)
    expect_step(page, 250)
    for key, number in (
        ("ArrowRight", 251),
        ("ArrowLeft", 250),
        ("ArrowLeft", 249),
        ("PageDown", 349),
        ("PageUp", 249),
        ("PageUp", 149),
        ("PageUp", 49),
        ("PageUp", 1),
        ("End", 500),
        ("Home", 1),
    ):
        page.keyboard.press(key)
        expect_step(page, number)
        loss = f"{step_at(number).loss:.4f}"
        expect(page.locator(".story")).to_contain_text(f"= {loss}.")


def test_the_ends_are_ends(page: Page, step_url: str) -> None:
    opened(page, step_url, "steps=30")
    expect_step(page, 30)
    for name in ("+1", "+100", "Newest"):
        expect(page.get_by_role("button", name=name, exact=False).first).to_be_disabled()
    page.keyboard.press("Home")
    expect_step(page, 1)
    for name in ("First", "−100", "−1"):
        expect(page.get_by_role("button", name=name, exact=False).first).to_be_disabled()


def test_a_step_can_be_typed_and_scrubbed(page: Page, step_url: str) -> None:
    opened(page, step_url)
    box = page.get_by_role("spinbutton", name="Step, 1 to")
    box.fill("77")
    box.press("Enter")
    expect_step(page, 77)
    page.get_by_role("slider", name="Step").focus()
    page.keyboard.press("ArrowRight")  # the slider's own key
    expect_step(page, 78)


def test_a_click_on_a_curve_seeks_its_step_and_marks_it(page: Page, step_url: str) -> None:
    opened(page, step_url)
    curve = page.locator(".curve[data-panel=loss] canvas")
    box = curve.bounding_box()
    assert box
    left, right = 30, box["width"] - 6  # where static/stage/curves.js draws the loss
    curve.click(position={"x": (left + right) / 2, "y": box["height"] / 2})
    expect_step(page, 250 + 1)  # half-way from 1 to 500, rounded up
    curve.click(position={"x": 2, "y": box["height"] / 2})
    expect_step(page, 1)


def test_a_click_on_a_curve_of_the_live_page_opens_its_step(page: Page, app_url: str) -> None:
    page.set_viewport_size(WIDE)
    # More steps than a chart has pixels, so that hardly any two places mean the same step.
    newest = 2_000
    page.goto(link_to(app_url, newest))
    for chart in ("loss", "weights"):
        sought = click_on_curve(page, chart)
        assert 0.3 * newest < sought < 0.5 * newest
        expect_step(page, sought)
        page.get_by_role("link", name="Live").evaluate("link => link.click()")


def click_on_curve(page: Page, chart: str) -> int:
    """Click two fifths along a chart of the live page; return the step that is opened."""
    area = page.locator(f".st-key-{chart} .nsewdrag")
    expect(area).to_be_visible()
    area.scroll_into_view_if_needed()
    box = area.bounding_box()
    assert box
    page.mouse.click(box["x"] + 0.4 * box["width"], box["y"] + 0.5 * box["height"])
    expect(page.locator(".st-key-workbench .stage[data-step]")).to_be_visible()
    return int(page.get_by_role("spinbutton", name="Step, 1 to").input_value())


def test_a_run_of_one_step_can_be_looked_at(page: Page, step_url: str) -> None:
    opened(page, step_url, "steps=1")
    expect(page.locator(".counter")).to_contain_text("step 1 ")
    expect(page.get_by_role("slider", name="Step")).to_be_disabled()


# ---- Batches and filters ----


def test_the_image_within_the_batch_is_chosen(page: Page, step_url: str) -> None:
    opened(page, step_url, "steps=20&at=7&batch=32")
    step = step_at(7, batch=32)
    expect(page.get_by_text("mean over the 32 images")).to_be_visible()
    pin_class(page, "probabilities", 0)
    p = step.forward.probabilities[:, 0]
    expect(heading(page)).to_contain_text(f"{p[0]:.4f}")
    box = page.get_by_role("spinbutton", name="Image of the batch")
    box.fill("20")
    box.press("Enter")
    expect(heading(page)).to_contain_text(f"{p[19]:.4f}")
    expect(page.locator(".story")).to_contain_text("Image 20 of 32")
    # The gradient is the batch's, whichever image is looked at.
    pin(page, "filter_gradient", 1, 1, 3)
    gradient = step.backward.gradients.filters[0, 1, 1]
    expect(heading(page)).to_contain_text(f"{gradient:.6f}".replace("-", "−"))


def test_another_filter_takes_the_pinned_cell_along(page: Page, step_url: str) -> None:
    opened(page, step_url, "steps=20&at=7&filters=8")
    pin(page, "z", 11, 12, 26)
    page.locator(".strip [role=radio]").nth(5).click()
    z = step_at(7, filters=8).forward.z[0, 5, 11, 12]
    expect(heading(page)).to_contain_text(f"z[11,12] = {z:.4f}".replace("-", "−"))
    expect(page.locator(".readout strong")).to_contain_text(f"{z:.4f}".replace("-", "−"))


# ---- Going on ----


def test_a_fork_goes_on_from_here_and_the_old_run_is_kept(page: Page, step_url: str) -> None:
    opened(page, step_url)
    page.get_by_role("button", name="Continue from here").click()
    page.get_by_role("slider", name="Learning rate").focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")  # 0.02, 0.025, 0.03, 0.04
    page.get_by_role("button", name="Continue from step 250 with η 0.04").click()
    expect(page.get_by_text("shares its first 250 steps with run 1")).to_be_visible()
    expect(page.get_by_text("learning rate 0.04")).to_be_visible()
    expect(page.get_by_text("A new run shares this one's first")).to_be_hidden()
    expect_step(page, 250)
    expect(page.get_by_role("button", name="Play on from step 250")).to_be_visible()
    page.get_by_role("button", name="Runs: 2").click()
    earlier = re.compile("run 1, on the digits “bundled”, at step 500")
    page.get_by_role("button", name=earlier).click()
    expect(page.get_by_role("button", name="Play on from step 500")).to_be_visible()
    expect(page.get_by_text("In hand:")).to_be_hidden()
    expect_step(page, 250)  # which the two share
    page.keyboard.press("Home")
    expect_step(page, 1)


def test_the_past_is_only_looked_at_and_the_run_plays_on_from_the_newest(
    page: Page, step_url: str
) -> None:
    opened(page, step_url)
    page.keyboard.press("PageUp")
    expect_step(page, 150)
    pin(page, "z", 5, 5, 26)
    page.get_by_role("button", name="Play on from step 500").click()
    expect(page.get_by_text("live: step 500, playing")).to_be_visible()


def test_a_visit_to_the_step_page_pauses_and_says_so(page: Page, step_url: str) -> None:
    opened(page, step_url)
    page.get_by_role("button", name="Play on from step 500").click()
    expect(page.get_by_text("live: step 500, playing")).to_be_visible()
    page.get_by_role("link", name="Any step").click()
    expect_step(page, 250)
    page.get_by_role("link", name="Live").evaluate("link => link.click()")
    expect(page.get_by_text("live: step 500, paused")).to_be_visible()


# ---- Looks ----


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_the_screen(page: Page, step_url: str, scheme: Scheme) -> None:
    page.emulate_media(color_scheme=scheme)
    opened(page, step_url, "steps=30&at=20&filters=2&batch=4", {"width": 1920, "height": 900})
    pin(page, "hidden", 1, 1, 4)
    expect(heading(page)).to_be_visible()
    for width, mode in ((1920, "wide"), (1440, "wide"), (1024, ""), (768, ""), (390, "narrow")):
        page.set_viewport_size({"width": width, "height": 900})
        stage = page.locator(".stage")
        if mode:
            expect(stage).to_have_attribute("data-mode", mode)
        page.wait_for_function("innerWidth >= document.documentElement.scrollWidth")
        inspector, drawn = page.locator(".st-key-inspector").bounding_box(), stage.bounding_box()
        assert inspector
        assert drawn
        assert drawn["x"] + drawn["width"] <= width
        if width >= 1440:
            assert inspector["x"] >= drawn["x"] + drawn["width"]
        if width <= 768:  # it rises over the lower part of the screen
            assert inspector["x"] == pytest.approx(drawn["x"], abs=2)
            assert 450 < inspector["y"] < 900
        for table in page.locator(".arithmetic table").all():
            assert table.evaluate("e => e.scrollWidth <= e.parentElement.clientWidth + 1")


def test_a_tap_pins_on_a_small_screen(browser: Browser, step_url: str) -> None:
    context = browser.new_context(viewport=NARROW, has_touch=True, is_mobile=True)
    page = opened(context.new_page(), step_url, size=NARROW)
    area = canvas(page, "dz")
    area.scroll_into_view_if_needed()
    area.tap(position={"x": 60, "y": 60})
    expect(heading(page)).to_contain_text("dz[")
    context.close()


def test_the_arithmetic_is_text_for_those_who_hear_the_page(page: Page, step_url: str) -> None:
    opened(page, step_url)
    pin(page, "delta1", 2, 1, 4)
    region = page.get_by_role("region", name="the pinned number")
    expect(region).to_contain_text("δ1[9]")
    expect(region.get_by_role("row").first).to_contain_text("W2[0,9]")
    expect(region.get_by_role("rowheader").first).to_be_visible()
