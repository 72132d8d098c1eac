"""The draw page in a real browser: by mouse, by touch, by keyboard, and with a picture."""

import base64
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect
from watching import PATIENCE, link_to, no_overflow_of_main

from data import Digits
from data.picture import digit_from_picture

pytestmark = pytest.mark.browser

Point = tuple[float, float]

SEVEN = [(0.25, 0.2), (0.75, 0.2), (0.45, 0.85)]


@pytest.fixture(scope="module")
def trained(browser: Browser, app_url: str) -> Iterator[Page]:
    """The draw page at 1440 pixels, with a run in hand that knows digits."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(link_to(f"{app_url}/draw", 20_000))
    square(page).wait_for()
    yield page
    context.close()


@pytest.fixture
def blank(trained: Page) -> Page:
    """The same page with nothing drawn."""
    clear = trained.get_by_role("button", name="Clear", exact=True)
    if clear.is_enabled():
        clear.click()
    expect(trained.get_by_text("Draw a digit, 0 to 9")).to_be_visible()
    return trained


def square(page: Page) -> Locator:
    return page.get_by_role("application", name="Drawing square")


def line(page: Page, points: list[Point], up: bool = True) -> None:
    """Draw with the mouse; places in shares of the square."""
    square(page).scroll_into_view_if_needed()
    box = square(page).bounding_box()
    assert box is not None
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=8)
    if up:
        page.mouse.up()


def expect_answer(page: Page, name: str) -> None:
    expect(page.locator("p.answer")).to_contain_text(f"takes it for {name},")


def seen(page: Page) -> NDArray[np.uint8]:
    """The pixels of what the network sees, the picture's opacity; none while there is no digit."""
    image = page.locator(".verdict .plate:first-child img")
    sources = image.evaluate_all("images => images.map((image) => image.src)")
    if not sources:
        return np.empty(0, np.uint8)
    with Image.open(io.BytesIO(base64.b64decode(sources[0].partition(",")[2]))) as picture:
        return np.asarray(picture)[..., 3]


def settled(page: Page) -> NDArray[np.uint8]:
    """What is seen once the whole of a stroke has come: it stays the same for a second."""
    digit, same = seen(page), 0
    while same < 10:
        page.wait_for_timeout(100)
        before, digit = digit, seen(page)
        same = same + 1 if np.array_equal(before, digit) else 0
    return digit


def expect_seen(page: Page, digit: NDArray[np.uint8]) -> None:
    for _ in range(PATIENCE // 100):
        if np.array_equal(seen(page), digit):
            return
        page.wait_for_timeout(100)
    np.testing.assert_array_equal(seen(page), digit)


def test_a_seven_is_known_while_it_is_drawn(blank: Page) -> None:
    line(blank, SEVEN[:2], up=False)
    expect(blank.locator("p.answer")).to_be_visible()  # the pen is still down
    half = seen(blank)
    blank.mouse.up()
    line(blank, SEVEN[1:])

    expect_answer(blank, "7")
    assert not np.array_equal(seen(blank), half)
    expect(blank.locator(".verdict .bars tr")).to_have_count(10)
    expect(blank.get_by_alt_text(re.compile("what each pixel adds to the score"))).to_be_visible()
    expect(blank.locator(".stage")).to_contain_text("Nothing is trained on it.")
    expect(blank.locator(".stage")).to_contain_text("The way back is drawn as if that were right")


def test_strokes_are_taken_back_and_the_square_is_cleared(blank: Page) -> None:
    line(blank, SEVEN)
    expect_answer(blank, "7")
    first = settled(blank)
    line(blank, [(0.2, 0.5), (0.8, 0.55)])
    expect(blank.locator(".draw")).to_have_attribute("data-strokes", "2")
    blank.wait_for_timeout(500)
    assert not np.array_equal(seen(blank), first)

    blank.get_by_role("button", name="Undo").click()
    expect_seen(blank, first)
    blank.get_by_role("button", name="Clear", exact=True).click()
    expect(blank.get_by_text("Draw a digit, 0 to 9")).to_be_visible()
    expect(blank.locator("p.answer")).to_have_count(0)
    blank.get_by_role("button", name="Undo").click()
    expect_seen(blank, first)


def test_a_one_is_drawn_with_the_keyboard(blank: Page) -> None:
    pen = square(blank)
    expect(pen).to_have_attribute("aria-label", re.compile("arrow keys move the pen"))
    pen.focus()
    said = blank.locator(".draw [role=status]")
    pen.press("ArrowUp")
    expect(said).to_have_text("Pen up, column 14 of 28, row 6 of 28")
    expect(blank.locator(".draw")).to_have_attribute("data-strokes", "0")

    pen.press("Space")
    for _ in range(14):
        pen.press("ArrowDown")
    expect(said).to_have_text("Drawing, column 14 of 28, row 20 of 28")
    pen.press("Space")
    pen.press("ArrowRight")  # the pen is up: nothing more is drawn

    expect_answer(blank, "1")
    expect(blank.locator(".draw")).to_have_attribute("data-strokes", "1")
    # The keys were the square's: Space did not play the run.
    expect(blank.get_by_role("button", name="Play")).to_be_visible()
    pen.press("Backspace")
    expect(blank.get_by_text("Draw a digit, 0 to 9")).to_be_visible()


def test_a_drawing_outlives_another_page(blank: Page) -> None:
    line(blank, SEVEN)
    expect_answer(blank, "7")
    first = settled(blank)

    blank.get_by_test_id("stSidebar").get_by_role("link", name="Notes").click()
    expect(square(blank)).to_have_count(0)
    blank.get_by_test_id("stSidebar").get_by_role("link", name="Draw").click()

    expect(blank.locator(".draw")).to_have_attribute("data-strokes", "1")
    expect_seen(blank, first)


def test_the_true_digit_shows_a_step_that_the_run_never_takes(blank: Page) -> None:
    line(blank, SEVEN)
    expect_answer(blank, "7")
    status = blank.get_by_text(re.compile(r"Run \d+, step"))
    before = status.text_content()
    blank.get_by_test_id("stButtonGroup").get_by_text("4", exact=True).click()

    expect(blank.get_by_text("One training step on it", exact=True)).to_be_visible()
    expect(blank.locator("p.answer")).to_contain_text("it is really 4")
    expect(blank.locator(".lesson .kernels table")).to_have_count(3)
    expect(blank.locator(".lesson .maps img")).to_have_count(6)
    expect(blank.locator(".stage")).to_contain_text("This is a 4. The network says 7")
    expect(blank.locator(".stage")).to_contain_text("tried out here and thrown away")
    assert status.text_content() == before

    blank.get_by_role("button", name="Clear", exact=True).click()
    expect(blank.get_by_text("One training step on it", exact=True)).to_have_count(0)
    line(blank, SEVEN)
    expect_answer(blank, "7")
    expect(blank.locator("p.answer")).not_to_contain_text("really")


def test_a_picture_is_brought(trained: Page, digits: Digits, tmp_path: Path) -> None:
    page = trained
    page.wait_for_timeout(500)  # until the last stroke has been heard
    digit = digits.held_out_images[10]  # a zero
    page.get_by_test_id("stButtonGroup").get_by_text("A picture", exact=True).click()
    path = tmp_path / "zero.png"
    Image.fromarray(255 - np.pad(np.kron(digit, np.ones((9, 9), np.uint8)), 40)).save(path)
    field = page.get_by_test_id("stMain").locator("input[type=file]")
    field.set_input_files(path)

    expect_seen(page, digit_from_picture(path.read_bytes()))
    expect_answer(page, "0")
    (tmp_path / "broken.png").write_bytes(path.read_bytes()[:200])
    field.set_input_files(tmp_path / "broken.png")
    expect(page.get_by_text("damaged or incomplete: copy or save it again")).to_be_visible()
    expect(page.locator("p.answer")).to_have_count(0)

    page.get_by_test_id("stButtonGroup").get_by_text("Draw", exact=True).click()
    expect(square(page)).to_be_visible()


def test_a_finger_draws_on_a_narrow_dark_page(browser: Browser, app_url: str) -> None:
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, color_scheme="dark"
    )
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(f"{app_url}/draw")
    square(page).wait_for()
    square(page).scroll_into_view_if_needed()
    box: Any = square(page).bounding_box()
    touch = context.new_cdp_session(page)

    def send(kind: str, *points: Point) -> None:
        places = [
            {"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"]} for x, y in points
        ]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})

    scrolled = page.get_by_test_id("stMain").evaluate("main => main.scrollTop")
    send("touchStart", (0.5, 0.2))
    for step in range(1, 11):
        send("touchMove", (0.5, 0.2 + 0.06 * step))
    send("touchEnd")

    expect(page.locator(".draw")).to_have_attribute("data-strokes", "1")
    expect(page.locator("p.answer")).to_be_visible()
    # A stroke down the square, not a scroll down the page.
    rows = np.flatnonzero(seen(page).any(axis=1))
    assert np.ptp(rows) + 1 == 20
    assert page.get_by_test_id("stMain").evaluate("main => main.scrollTop") == scrolled
    page.get_by_test_id("stButtonGroup").get_by_text("4", exact=True).click()
    expect(page.locator(".lesson .kernels table")).to_have_count(3)
    expect(page.locator(".stage")).to_contain_text("This is a 4.")
    no_overflow_of_main(page)
    context.close()
