"""The tour: on a first visit, over the real page, and never again unless it is asked for."""

import re
import time

import pytest
from playwright.sync_api import FloatRect, Locator, Page, expect
from watching import PATIENCE

pytestmark = pytest.mark.browser


@pytest.fixture
def first_visit() -> bool:
    return True


def beside(page: Page, tour: Locator) -> FloatRect | None:
    """Where the words of a stop stand, if that is above or below what they are about."""
    shown, said = page.locator(".ring").bounding_box(), tour.bounding_box()
    assert shown
    assert said
    below = said["y"] >= shown["y"] + shown["height"]
    return said if below or said["y"] + said["height"] <= shown["y"] else None


def test_six_stops_and_never_again(page: Page, app_url: str) -> None:
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(app_url)
    tour = page.get_by_role("dialog", name="A tour of this page")
    for number in range(1, 7):
        expect(tour).to_contain_text(f"{number} of 6")
        # What is said stands beside what is shown, and both on the screen, once both have come to
        # rest: while the page is still laid out, they follow it.
        until = time.monotonic() + PATIENCE / 1000
        while not (said := beside(page, tour)):
            assert time.monotonic() < until
            page.wait_for_timeout(50)
        assert 0 <= said["x"] <= 1440 - said["width"]
        assert 0 <= said["y"] <= 900 - said["height"]
        tour.get_by_role("button", name=re.compile("^(Next|Done)$")).click()
    expect(tour).to_be_hidden()

    page.reload()
    expect(page.locator(".stage[data-step]")).to_be_visible()
    page.wait_for_timeout(500)  # it would have begun by now
    expect(tour).to_be_hidden()

    page.get_by_role("button", name="Show me around").click()
    expect(tour).to_contain_text("1 of 6")
    page.keyboard.press("ArrowRight")
    expect(tour).to_contain_text("2 of 6")
    page.keyboard.press("ArrowLeft")
    expect(tour).to_contain_text("1 of 6")
    page.keyboard.press("Escape")
    expect(tour).to_be_hidden()


def test_it_holds_nothing_up_and_can_be_skipped(page: Page, app_url: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(app_url)
    tour = page.get_by_role("dialog", name="A tour of this page")
    expect(tour).to_contain_text("1 of 6")
    box = tour.bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    page.get_by_role("button", name="Step", exact=False).first.click()
    expect(page.locator(".stage")).to_have_attribute("data-step", "2")
    for number in range(1, 7):
        expect(tour).to_contain_text(f"{number} of 6")
        box = tour.bounding_box()
        assert box
        assert 0 <= box["x"] <= 390 - box["width"]
        assert 0 <= box["y"] <= 844 - box["height"]
        if number < 6:
            tour.get_by_role("button", name="Next").click()
    tour.get_by_role("button", name="Skip").click()
    expect(tour).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
