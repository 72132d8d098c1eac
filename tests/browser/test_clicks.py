"""Clicks on figures that are drawn anew meanwhile, and by a finger, in a real browser."""

import re

import pytest
from playwright.sync_api import Page, expect
from watching import link_to

pytestmark = pytest.mark.browser


# In one go, for the figure may be replaced between any two; and when nothing moves any more.
PLACE = """async ([row, column]) => {
  const plot = () => document.querySelector(".st-key-confusion .nsewdrag")
  for (;;) {
    plot()?.closest(".st-key-confusion").scrollIntoView({ block: "center" })
    const before = plot()?.getBoundingClientRect()
    await new Promise((done) => setTimeout(done, 200))
    const box = plot()?.getBoundingClientRect()
    if (box?.width && box.y === before?.y) {
      return [box.x + (column + 0.3) * box.width / 10, box.y + (row + 0.7) * box.height / 10]
    }
  }
}"""


def place_of(page: Page, row: int, column: int) -> tuple[float, float]:
    """Where a cell of the confusion matrix is on the screen, not its middle."""
    page.wait_for_selector(".st-key-confusion .nsewdrag")
    x, y = page.evaluate(PLACE, [row, column])
    return x, y


def expect_cell(page: Page, row: int, column: int) -> None:
    what = re.compile(f"of class {row}, taken for {column}(;|\\.$)")
    expect(page.get_by_text(what)).to_be_visible()


def test_a_click_is_heard_although_the_figure_is_replaced_within_it(
    page: Page, app_url: str
) -> None:
    """While a run plays that happens in every second click on the matrix, or so. Here another step
    is judged between the two halves of a click."""
    page.goto(link_to(f"{app_url}/evaluate", 600))
    page.get_by_text("Follow the newest step").click()
    step = page.get_by_role("spinbutton", name="After step, 1 to 600")
    expect(step).to_be_visible()
    for row, column, other in ((4, 9, 300), (2, 2, 100)):
        page.mouse.move(*place_of(page, row, column))
        page.mouse.down()
        page.evaluate("""() => {
          const figure = document.querySelector(".st-key-confusion .js-plotly-plot")
          globalThis.replaced = () => !figure.isConnected
            && document.querySelector(".st-key-confusion .nsewdrag") !== null
        }""")
        step.fill(str(other))
        step.press("Enter")
        page.wait_for_function("globalThis.replaced()")
        page.mouse.up()
        expect_cell(page, row, column)


def test_a_tap_is_answered_where_it_was(phone: Page, app_url: str) -> None:
    phone.goto(link_to(f"{app_url}/evaluate", 600))
    for row, column in ((4, 9), (2, 2), (7, 7)):
        phone.touchscreen.tap(*place_of(phone, row, column))
        expect_cell(phone, row, column)


def test_a_drag_is_no_click(page: Page, app_url: str) -> None:
    page.goto(link_to(f"{app_url}/evaluate", 600))
    shown = page.get_by_text(re.compile("of class ., taken for ."))
    place_of(page, 0, 0)
    before = shown.inner_text()
    page.mouse.move(*place_of(page, 5, 5))
    page.mouse.down()
    page.mouse.move(*place_of(page, 5, 7), steps=4)
    page.mouse.up()
    page.wait_for_timeout(1_000)  # it would have been answered by now
    assert shown.inner_text() == before
