"""Keys after a mouse, keys on what has the focus, and the way to another page, in a browser."""

import re

import on_the_step_page
import pytest
import watching
from playwright.sync_api import Page, expect
from watching import (
    NARROW,
    button,
    choose_pace,
    expect_step,
    meta,
    pause,
    paused,
    play,
    rate_slider,
    wait_for_step,
)

pytestmark = pytest.mark.browser


def component_is_there(page: Page) -> None:
    """It may come later than the stage, on a busy machine."""
    asked = "performance.getEntriesByType('resource').some(({ name }) => name.includes('controls'))"
    page.wait_for_function(asked)
    page.wait_for_load_state("networkidle")


# ---- The page's keys ----


def test_space_and_arrow_work_after_a_click_on_the_pace_or_a_button(live: Page) -> None:
    choose_pace(live, "1 step/s")
    live.keyboard.press("ArrowRight")
    expect_step(live, 2)
    expect(live.get_by_role("radio", name="1 step/s", exact=True)).to_be_checked()
    live.keyboard.press("Space")
    expect(button(live, "Pause")).to_be_visible()
    choose_pace(live, "as fast as it goes")
    wait_for_step(live, 20)
    live.keyboard.press("Space")
    paused(live)
    button(live, "Reset").click()
    expect_step(live, 1)
    live.keyboard.press("Space")
    expect(button(live, "Pause")).to_be_visible()


def test_space_pauses_after_the_rate_was_dragged(live: Page) -> None:
    play(live)
    box = rate_slider(live).locator("xpath=ancestor::*[@data-testid='stSlider']").bounding_box()
    assert box
    live.mouse.move(box["x"] + 30, box["y"] + box["height"] - 18)
    live.mouse.down()
    live.mouse.move(box["x"] + 90, box["y"] + box["height"] - 18, steps=5)
    live.mouse.up()
    live.wait_for_function("meta.rate_changes.length > 1")
    live.keyboard.press("Space")
    paused(live)


def test_space_is_for_the_control_that_was_reached_by_keyboard(live: Page) -> None:
    button(live, "Step").click()
    expect_step(live, 2)
    panel = live.locator("details", has_text="Watch one digit")
    panel.locator("summary").focus()
    live.keyboard.press("Space")
    expect(panel).to_have_attribute("open", "")
    button(live, "Reset").focus()
    live.keyboard.press("Space")
    expect_step(live, 1)
    expect(button(live, "Play")).to_be_visible()
    rate_slider(live).focus()
    live.keyboard.press("Space")  # of which a slider makes nothing
    expect(button(live, "Pause")).to_be_visible()


@pytest.mark.parametrize("by_mouse", [True, False])
def test_page_keys_go_by_a_hundred_also_on_the_scrubber(
    page: Page, step_url: str, by_mouse: bool
) -> None:
    on_the_step_page.opened(page, step_url)
    slider = page.get_by_role("slider", name="Step")
    if by_mouse:
        box = page.locator(".st-key-scrubber").bounding_box()
        assert box
        page.mouse.click(box["x"] + 0.7 * box["width"], box["y"] + box["height"] / 2)
    else:
        slider.focus()
        page.keyboard.press("ArrowRight")
    expect(page.locator(".stage")).not_to_have_attribute("data-step", "250")
    start = int(slider.input_value())
    on_the_step_page.expect_step(page, start)
    page.keyboard.press("PageUp")
    on_the_step_page.expect_step(page, start - 100)
    page.keyboard.press("PageDown")
    on_the_step_page.expect_step(page, start)


# ---- On the way to another page ----


@pytest.mark.parametrize("by_mouse", [True, False])
def test_what_is_pressed_on_the_page_that_is_left_does_not_keep_it(
    live: Page, by_mouse: bool
) -> None:
    experiments = live.get_by_role("heading", name="The runs of this visit")
    stage = live.locator(".stage[data-step]")
    expect_step(live, 1)
    component_is_there(live)
    for title, there in ("Experiments", experiments), ("Live", stage), (None, experiments):
        box = live.get_by_role("button", name=re.compile("^(Play|Pause)")).bounding_box()
        assert box
        if title:
            live.get_by_role("link", name=title, exact=True).click()
        else:
            live.evaluate("""() => new Promise((resolve) => {
              addEventListener("popstate", () => setTimeout(resolve), { once: true })
              history.back()
            })""")
        if by_mouse:
            live.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        else:
            live.keyboard.press("Space")
        expect(there).to_be_visible()
        button(live, "Play").or_(button(live, "Pause")).click(trial=True)


def test_what_was_pressed_just_before_is_done_and_the_other_page_comes(live: Page) -> None:
    """A busy browser hears of both in one go."""
    experiments = live.get_by_role("heading", name="The runs of this visit")
    expect_step(live, 1)
    component_is_there(live)
    # There and back, so that the slider is drawn for a second time.
    for title, there in ("Experiments", experiments), ("Live", live.locator(".stage[data-step]")):
        live.get_by_role("link", name=title, exact=True).click()
        expect(there).to_be_visible()
    expect(live.locator(".stApp[data-test-script-state=notRunning]")).to_be_visible()
    live.evaluate("""() => {
      const links = [...document.querySelectorAll("[data-testid=stPageLink-NavLink]")]
      const buttons = [...document.querySelectorAll("button")]
      buttons.find((button) => button.innerText.startsWith("Play")).click()
      links.find((link) => link.innerText.trim() === "Experiments").click()
    }""")
    expect(experiments).to_be_visible()
    live.get_by_role("link", name="Live", exact=True).click()
    wait_for_step(live, 20)
    pause(live)
    assert meta(live)["rate_changes"] == [[1, 0.01]]


def test_who_stays_after_all_has_the_page_back(live: Page) -> None:
    expect_step(live, 1)
    component_is_there(live)
    inert = live.evaluate("""() => ["Experiments", "Notes", "Live"].map((title) => {
      const links = [...document.querySelectorAll("[data-testid=stPageLink-NavLink]")]
      links.find((link) => link.innerText.trim() === title).click()
      return document.querySelector("[data-testid=stMain]").inert
    })""")
    assert inert == [True, True, False]
    button(live, "Step").click()
    expect_step(live, 2)


# ---- A phone ----


def test_the_sidebar_closes_over_the_page_that_was_chosen(phone: Page, app_url: str) -> None:
    watching.opened(phone, app_url, NARROW)
    component_is_there(phone)
    phone.get_by_test_id("stExpandSidebarButton").tap()
    phone.get_by_test_id("stSidebar").get_by_role("link", name="Notes").tap()
    expect(phone.get_by_role("heading", name=re.compile("notes", re.I)).first).to_be_visible()
    expect(phone.get_by_test_id("stExpandSidebarButton")).to_be_visible()
    expect(phone.get_by_test_id("stSidebar")).not_to_be_in_viewport()
