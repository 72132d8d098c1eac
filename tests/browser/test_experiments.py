"""The experiments page in a real browser: a sweep beside the live page, and a click on a dot."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser


@pytest.fixture
def experiments(page: Page, app_url: str, server_logs: dict[str, Path]) -> Iterator[Page]:
    """The page as it opens, in which nothing may go wrong unseen."""
    faults: list[str] = []
    log = server_logs[app_url]
    said_before = log.stat().st_size
    page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.set_viewport_size({"width": 1440, "height": 1700})
    page.goto(app_url)
    page.get_by_role("link", name="Experiments").click()
    yield page
    assert faults == []
    assert "Traceback" not in log.read_bytes()[said_before:].decode(errors="replace")


def fill(page: Page, label: str, value: str) -> None:
    field = page.get_by_label(label, exact=True)
    field.fill(value)
    field.press("Enter")


def ended(page: Page) -> Any:
    return page.get_by_text(re.compile(r"\d+ of \d+ runs ended")).first


def test_a_sweep_beside_the_live_page_and_a_dot_that_opens_its_run(experiments: Page) -> None:
    page = experiments
    fill(page, "Learning rates", "0.003, 0.01")
    expect(page.get_by_text("6 runs", exact=True)).to_be_visible()
    expect(page.get_by_text("24,000 steps in all")).to_be_visible()
    page.get_by_role("button", name="Start the sweep").click()
    expect(ended(page)).to_contain_text("of 6 runs ended")

    # The live page draws on meanwhile.
    page.get_by_role("link", name="Live", exact=True).click()
    page.get_by_role("button", name=re.compile("^Play")).click()
    stage = page.locator(".stage[data-step]")
    seen: set[str | None] = set()
    while len(seen) < 10:
        seen.add(stage.get_attribute("data-step"))
    page.get_by_role("button", name=re.compile("^Pause")).click()

    page.get_by_role("link", name="Experiments").click()
    expect(ended(page)).to_have_text("6 of 6 runs ended")
    dots = page.locator(".stPlotlyChart").last.locator(".scatterlayer .point")
    expect(dots).to_have_count(6)
    page.get_by_role("button", name=re.compile("^Play")).click()
    expect(page.get_by_role("button", name=re.compile("^Pause"))).to_be_visible()
    dots.nth(4).hover(force=True)
    told = page.locator(".hovertext").last
    expect(told).to_contain_text("η 0.01")
    seed = re.search(r"seed (\d)", told.text_content() or "")
    assert seed
    dots.nth(4).click(force=True)
    expect(page.locator(".stage")).to_have_attribute("data-step", "4000")
    page.get_by_role("link", name="Experiments").click()
    expect(page.get_by_text("Where they part")).to_be_visible()
    expect(page.get_by_text(f"run 2 “η 0.01, seed {seed[1]}”").first).to_be_visible()


def test_cancel_really_stops_and_keeps_what_has_ended(experiments: Page) -> None:
    page = experiments
    fill(page, "Learning rates", "0.02")
    fill(page, "Each run takes", "300")
    expect(page.get_by_text("3,600,000 steps in all")).to_be_visible()
    page.get_by_role("button", name="Start the sweep").click()
    page.get_by_role("button", name="Cancel the sweep").click()
    expect(page.get_by_role("button", name="Go on")).to_be_visible()
    expect(ended(page)).to_have_text("0 of 3 runs ended")
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_timeout(300)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
