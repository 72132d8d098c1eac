"""The step page in a browser, with a run from `prepared/app.py`."""

import re
from decimal import Decimal
from functools import cache
from pathlib import Path

from playwright.sync_api import Locator, Page, ViewportSize, expect
from prepared.app import recipe
from watching import WIDE

from cnn import Run, Step
from data import load_bundled

APP = Path(__file__).parent / "prepared" / "app.py"


MARGIN = 2  # CSS pixels around the cells of a canvas


@cache
def run_of(filters: int = 1, batch: int = 1, rule: str = "exact") -> Run:
    digits = load_bundled()
    return Run(recipe(filters, batch, rule), digits.images, digits.labels)


def step_at(number: int, filters: int = 1, batch: int = 1, rule: str = "exact") -> Step:
    """The same step as the server's."""
    run = run_of(filters, batch, rule)
    run.advance(max(0, number - run.step))
    return run.at(number)


def opened(
    page: Page, url: str, query: str = "steps=500&at=250", size: ViewportSize = WIDE
) -> Page:
    page.set_viewport_size(size)
    page.goto(f"{url}/?{query}")
    expect(page.locator(".st-key-workbench .stage")).to_have_attribute(
        "data-step", re.compile(r"\d")
    )
    return page


def expect_step(page: Page, number: int) -> None:
    """Stage, box, scrubber and story all belong to one step."""
    expect(page.locator(".stage")).to_have_attribute("data-step", str(number))
    expect(page.get_by_role("spinbutton", name="Step, 1 to")).to_have_value(str(number))
    expect(page.get_by_role("slider", name="Step")).to_have_value(str(number))
    expect(page.locator(".counter")).to_contain_text(f"step {number:,} ")


def canvas(page: Page, panel: str) -> Locator:
    return page.locator(f".panel[data-panel={panel}] canvas")


def pin(page: Page, panel: str, row: float, column: float, cells: int) -> None:
    """Click a cell of a panel of so many cells in a row."""
    area = canvas(page, panel)
    area.scroll_into_view_if_needed()
    box = area.bounding_box()
    assert box
    side = (box["width"] - 2 * MARGIN) / cells
    x, y = (MARGIN + (at + 0.5) * side for at in (column, row))
    area.click(position={"x": x, "y": y})


def pin_class(page: Page, panel: str, number: int) -> None:
    """Click a digit's row of the probabilities or of their errors."""
    area = canvas(page, panel)
    box = area.bounding_box()
    assert box
    row = (box["height"] - 2 * MARGIN) / 10
    area.click(position={"x": 40, "y": MARGIN + (number + 0.5) * row})


def heading(page: Page) -> Locator:
    return page.locator(".arithmetic .sheet h4").first


def number(text: str) -> Decimal:
    return Decimal(text.replace("−", "-"))


# ---- What is written adds up ----


def choose(page: Page, label: str, text: str, exact: bool = False) -> None:
    """Choose from a list by typing; where the page is drawn anew meanwhile, the list is whole."""
    box = page.get_by_role("combobox", name=label)
    box.click()
    box.fill(text)
    page.get_by_role("option", name=text, exact=exact).first.click()
