"""The stage alone in a browser: how it is opened, pointed at and looked at."""

import re
from pathlib import Path

from playwright.sync_api import Locator, Page, ViewportSize, expect
from watching import WIDE, steady

APP = Path(__file__).with_name("stage_app.py")


MARGIN = 2  # CSS pixels around the cells of a canvas, which is also the tests' screen pixels


ACCENT = {"light": (196, 17, 127), "dark": (255, 116, 196)}


def opened(page: Page, url: str, query: str = "", size: ViewportSize = WIDE) -> Page:
    page.set_viewport_size(size)
    page.goto(f"{url}/?{query}")
    expect(page.locator(".stage")).to_have_attribute("data-step", re.compile(r"\d"))
    return page


def resized(page: Page, width: int) -> Page:
    """Give the window another width, and wait until the stage has followed."""
    page.set_viewport_size({"width": width, "height": 900})
    steady(page.locator(".stage"))
    return page


def canvas(page: Page, panel: str) -> Locator:
    return page.locator(f"[data-panel={panel}] canvas")


def unit(page: Page) -> float:
    """The side of a feature map's cell, in CSS pixels."""
    text = page.locator(".stage").evaluate("e => getComputedStyle(e).getPropertyValue('--u')")
    return float(text.removesuffix("px"))


def hover(page: Page, panel: str, row: float, column: float, side: float | None = None) -> None:
    side = side or unit(page)
    x, y = (MARGIN + (index + 0.5) * side for index in (column, row))
    canvas(page, panel).hover(position={"x": x, "y": y})


def readout(page: Page) -> str:
    return page.locator(".readout").inner_text().replace("\n", " ")


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
