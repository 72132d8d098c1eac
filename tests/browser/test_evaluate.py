"""The page that judges in a real browser: a cell is clicked, a mistake is opened, time moves."""

import re
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from watching import edges, link_to, no_overflow_of_main, play_past, run_of

from cnn import forward
from data import Digits

pytestmark = pytest.mark.browser

STEPS = 600


def opened(page: Page, url: str, width: int = 1440, **recipe: Any) -> Page:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(link_to(f"{url}/evaluate", STEPS, **recipe))
    expect(page.get_by_text("The worst mistakes")).to_be_visible()
    expect(page.locator(".heatmaplayer .hm")).to_have_count(1)
    return page


def confusion(digits: Digits, step: int) -> np.ndarray:
    """Counted by hand: rows are what it is, columns what it is taken for."""
    parameters = run_of(digits, STEPS).at(step).after
    counts = np.zeros((10, 10), int)
    said = forward(parameters, digits.held_out_images).z2.argmax(axis=1)
    for label, guess in zip(digits.held_out_labels.tolist(), said.tolist(), strict=True):
        counts[label, guess] += 1
    return counts


def click_cell(page: Page, row: int, column: int) -> None:
    """Away from the middle of the cell: all of it can be clicked."""
    plot = page.locator(".st-key-confusion .nsewdrag.drag").first
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box
    x = box["x"] + (column + 0.3) * box["width"] / 10
    y = box["y"] + (row + 0.7) * box["height"] / 10
    page.mouse.move(x, y)
    page.mouse.click(x, y)


def expect_cell(page: Page, row: int, column: int, count: int) -> None:
    what = f"{count} digits? of class {row}, taken for {column}; the highest loss first"
    expect(page.get_by_text(re.compile(what))).to_be_visible()


def judge_after(page: Page, step: int) -> None:
    page.locator("label", has_text="Follow the newest step").click()
    box = page.get_by_role("spinbutton", name="After step, 1 to")
    box.fill(str(step))
    box.press("Enter")


def test_a_clicked_cell_shows_its_digits_and_one_opens_on_the_step_page(
    page: Page, app_url: str, digits: Digits
) -> None:
    opened(page, app_url)
    counts = confusion(digits, STEPS)
    for row, column in ((9, 9), (2, 2), (4, 9)):
        if counts[row, column]:
            click_cell(page, row, column)
            expect_cell(page, row, column, counts[row, column])
    button = page.locator(".st-key-worst button").nth(1)
    label = button.inner_text()
    button.click()
    expect(page.locator(".stage")).to_have_attribute("data-step", str(STEPS))
    expect(page.get_by_role("button", name="Back to the step’s own image")).to_be_visible()
    assert re.fullmatch(r"Open #4,\d{3}", label)


def test_time_goes_back_and_a_cell_is_chosen_by_keyboard(
    page: Page, app_url: str, digits: Digits
) -> None:
    opened(page, app_url)
    judge_after(page, 200)
    counts = confusion(digits, 200)
    right = int(np.trace(counts))
    expect(page.get_by_text(f"{right:,} of 1,000")).to_be_visible()
    for name, what in (("True class", "of class 7,"), ("Taken for", "of class 7, taken for 7")):
        expect(page.locator(".stApp[data-test-script-state=notRunning]")).to_be_visible()
        box = page.get_by_role("combobox", name=name)
        box.focus()
        page.wait_for_timeout(300)  # it scrolls into sight, and scrolling closes an open list
        box.press("ArrowDown")
        expect(page.get_by_role("option").first).to_be_visible()
        page.keyboard.type("7")
        expect(page.get_by_role("option")).to_have_count(1)
        page.keyboard.press("Enter")
        expect(page.get_by_text(re.compile(what))).to_be_visible()
    expect_cell(page, 7, 7, counts[7, 7])


def test_every_class_has_its_share_written_also_where_none_is_right(
    page: Page, app_url: str, digits: Digits
) -> None:
    """Plotly writes nothing in a bar of no length."""
    opened(page, app_url)
    judge_after(page, 1)
    right = np.diag(confusion(digits, 1)).tolist()
    assert 0 in right
    words = [f"{count}.0%, {count} of 100" for count in right]
    expect(page.locator(".st-key-classes text.bartext")).to_have_text(words)


def test_everything_fits_a_narrow_page_that_plays(page: Page, app_url: str) -> None:
    opened(page, app_url, width=390, filters=8, batch=32)
    play_past(page, page.get_by_text(re.compile(r"After step 600\b")))
    no_overflow_of_main(page)
    click_cell(page, 0, 0)
    expect(page.get_by_text(re.compile("of class 0, taken for 0"))).to_be_visible()
    sides = edges(page.locator(".js-plotly-plot, .judged"))
    assert 0 <= min(sides) <= max(sides) <= 390
    expect(page.get_by_test_id("stException")).to_have_count(0)
