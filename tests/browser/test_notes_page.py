"""The notes page in a real browser: whole, offline, live, and no wider than the screen."""

import re
from decimal import Decimal
from typing import Any

import pytest
from playwright.sync_api import Page, ViewportSize, expect
from watching import NARROW, WIDE, Scheme, link_to, no_overflow_of_main

from cnn.slips import SLIPS
from pages.parts.notes_layout import PARTS, SECTIONS

pytestmark = pytest.mark.browser


def opened(page: Page, url: str, steps: int, size: ViewportSize = WIDE, **recipe: Any) -> Page:
    page.set_viewport_size(size)
    page.goto(link_to(f"{url}/notes", steps, **recipe))
    expect(page.locator(".lesson")).to_have_count(len(SLIPS))
    return page


def numbers(page: Page, sheet: str, part: str) -> list[Decimal]:
    found = page.locator(f'{sheet} [data-part="{part}"]').all_inner_texts()
    return [Decimal(text.replace("−", "-")) for text in found]


def test_it_is_whole_and_offline_and_follows_the_run(quiet: Page, app_url: str) -> None:
    page = opened(quiet, app_url, 60)

    sections = [section for part in SECTIONS.values() for section in part]
    for anchor in [*PARTS, *(section.anchor for section in sections)]:
        expect(page.locator(f"[id='{anchor}']")).to_have_count(1)
    expect(page.locator(".katex-display")).to_have_count(len(sections))
    expect(page.locator(".katex-error")).to_have_count(0)
    assert page.evaluate("document.fonts.check('16px KaTeX_Math')")

    sheet = '.sheet[data-quantity="dk"]'
    terms = [*numbers(page, sheet, "term"), *numbers(page, sheet, "rest")]
    assert len(terms) > 1
    (total,) = numbers(page, sheet, "total")
    assert round(sum(terms), -total.as_tuple().exponent) == total

    # A code block beside its loop, the loop beside and not below it.
    left, right = (
        page.get_by_test_id("stCode").filter(has_text=text).first.bounding_box()
        for text in (re.compile(r"def convolve\("), re.compile(r"def convolution\("))
    )
    assert left is not None
    assert right is not None
    assert left["x"] + left["width"] <= right["x"]
    assert left["y"] == right["y"]

    page.get_by_role("link", name="d_filter_bias = sum(dw)").focus()
    page.keyboard.press("Enter")
    expect(page.locator("[id='slip-bias-rule']")).to_be_in_viewport()

    step = page.locator(".moment")
    expect(step).to_have_attribute("data-step", "60")
    page.locator(".stMain").evaluate("main => main.scrollTo(0, 0)")
    page.get_by_role("button", name=re.compile("Play")).click()
    expect(step).not_to_have_attribute("data-step", "60")
    page.get_by_role("button", name=re.compile("Pause")).click()
    expect(page.get_by_role("button", name=re.compile("Play"))).to_be_visible()
    expect(page.locator(".lesson")).to_have_count(len(SLIPS))


def test_a_number_leads_to_the_step_page(page: Page, app_url: str) -> None:
    opened(page, app_url, 60)
    shown = page.locator('.sheet[data-quantity="delta0"] h4').inner_text()
    page.get_by_role("button", name="δ0 on the step page").click()
    pinned = page.locator(".st-key-inspector .sheet h4").first
    expect(pinned).to_have_text(shown)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_a_phone(page: Page, app_url: str, scheme: Scheme) -> None:
    page.emulate_media(color_scheme=scheme)
    opened(page, app_url, 40, NARROW, filters=8, batch=4)
    no_overflow_of_main(page)
    wider = page.evaluate(
        """() => [...document.querySelectorAll(".stMain .stHtml, .stMain .stCode, .stMain .stLatex,"
                                               + " .stMain .stMarkdown, .stMain .stButton")]
          .filter((e) => e.getBoundingClientRect().right > innerWidth + 0.5)
          .map((e) => e.textContent.slice(0, 60))"""
    )
    assert wider == []
    scrolled = (
        page.get_by_test_id("stCode")
        .filter(has_text="def forward(")
        .first.evaluate(
            """code => [code, ...code.querySelectorAll("*")].some((e) =>
          e.scrollWidth > e.clientWidth && getComputedStyle(e).overflowX === "auto")"""
        )
    )
    assert scrolled  # a long line of code, in itself
