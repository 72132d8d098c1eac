"""The data page in a real browser: looking through the digits, and bringing one's own."""

import io
import re
import zipfile

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, ViewportSize, expect
from watching import NARROW, WIDE, button, no_overflow

from cnn import Recipe, Run
from data import Digits, Uploaded, load_zip

pytestmark = pytest.mark.browser

FASHION = "T-shirt, Trouser, Pullover, Dress, Coat, Sandal, Shirt, Sneaker, Bag, Boot"


def opened(page: Page, url: str, size: ViewportSize = WIDE) -> Page:
    page.set_viewport_size(size)
    page.goto(f"{url}/data")
    expect(small_ones(page)).to_have_count(50)
    return page


def small_ones(page: Page) -> Locator:
    return page.locator(".st-key-digits").get_by_role("radio")


def steps(page: Page) -> int:
    """The newest step, as the page says it."""
    said = page.locator(".st-key-playing").inner_text()
    found = re.search(r"step ([\d,]+)", said)
    assert found, said
    return int(found[1].replace(",", ""))


def expect_to_play_on(page: Page) -> None:
    before = steps(page)
    page.wait_for_function(
        """(before) => {
          const said = document.querySelector(".st-key-playing").innerText
          return Number(/step ([\\d,]+)/.exec(said)[1].replaceAll(",", "")) > before + 20
        }""",
        arg=before,
    )


def numbers(page: Page) -> list[list[int]]:
    """The enlarged digit's, as they stand in the table."""
    rows: list[list[str]] = page.locator(".pixels tr").evaluate_all(
        "(rows) => rows.map((row) => [...row.querySelectorAll('td')].map((td) => td.innerText))"
    )
    return [[int(cell) for cell in row] for row in rows[1:]]


def zip_of(digits: Digits) -> bytes:
    """Five pictures of each class."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for label in range(10):
            for at, image in enumerate(digits.images[digits.labels == label][:5]):
                picture = io.BytesIO()
                Image.fromarray(image).save(picture, "PNG")
                archive.writestr(f"digits/{label}/{at}.png", picture.getvalue())
    return stream.getvalue()


def upload(page: Page, name: str, content: bytes) -> None:
    page.get_by_text("My own: a ZIP of pictures").click()
    place = page.get_by_test_id("stFileUploader").filter(has_text="ten folders of pictures")
    place.locator("input[type=file]").set_input_files(
        {"name": name, "mimeType": "application/zip", "buffer": content}
    )


def test_looking_through_the_digits_while_the_run_plays(
    quiet: Page, app_url: str, digits: Digits
) -> None:
    page = opened(quiet, app_url)
    button(page, "Play").click()
    expect(button(page, "Pause")).to_be_visible()
    expect(page.locator(".js-plotly-plot")).to_be_visible()
    sevens = np.flatnonzero(digits.labels == 7)
    page.get_by_role("radiogroup", name="Of class").get_by_text("7", exact=True).click()
    expect(small_ones(page).first).to_have_accessible_name(f"digit {sevens[0]}, 7")
    button(page, "Next").click()
    expect(small_ones(page).nth(3)).to_have_accessible_name(f"digit {sevens[53]}, 7")
    small_ones(page).nth(3).click()
    expect(page.get_by_text(f"Digit {sevens[53]}, of class 7, to train on")).to_be_visible()
    assert numbers(page) == digits.images[sevens[53]].tolist()

    # By keyboard as well.
    small_ones(page).nth(3).press("ArrowRight")
    expect(small_ones(page).nth(4)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_text(f"Digit {sevens[54]}, of class 7, to train on")).to_be_visible()
    expect_to_play_on(page)

    button(page, "Watch it on the live page").click()
    expect(page.locator(".banner")).to_contain_text(f"#{sevens[54]}")


def test_a_zip_of_ones_own_trains_under_ones_own_names(
    quiet: Page, app_url: str, digits: Digits
) -> None:
    page = opened(quiet, app_url)
    content = zip_of(digits)
    upload(page, "mine.zip", content)
    expect(page.get_by_text("40 digits to train on, 10 held out")).to_be_visible()
    names = page.get_by_role("textbox", name="Names of the ten classes")
    names.fill(FASHION)
    button(page, "Start a new run on these").click()  # which leaves the field
    expect(page.get_by_text(re.compile("Run 2, step 1 "))).to_be_visible()
    own = load_zip(Uploaded("mine.zip", content))
    expect(page.get_by_text(f"Digits of your own, {own.name}.")).to_be_visible()
    expect(small_ones(page)).to_have_count(40)
    no_overflow(page)

    page.get_by_role("link", name="Live", exact=True).click()
    expect(page.locator(".counter")).to_contain_text("image 1 of 40")
    run = Run(Recipe(data=own.name), own.images, own.labels)
    run.advance(1)
    label = FASHION.split(", ")[int(run.at(1).labels[0])]
    expect(page.locator(".stage")).to_contain_text(label)


def test_a_broken_file_is_one_sentence_and_the_run_goes_on(quiet: Page, app_url: str) -> None:
    page = opened(quiet, app_url)
    button(page, "Play").click()
    expect(button(page, "Pause")).to_be_visible()
    upload(page, "broken.zip", b"PK\3\4 and no more")
    expect(page.get_by_role("alert")).to_have_text(
        "broken.zip is not a ZIP file, or not a whole one: pack it again. The run in hand goes on."
    )
    expect_to_play_on(page)


def test_a_narrow_screen_in_the_dark(quiet: Page, app_url: str) -> None:
    quiet.emulate_media(color_scheme="dark")
    page = opened(quiet, app_url, NARROW)
    no_overflow(page)
    table = page.locator(".pixels")
    table.scroll_into_view_if_needed()
    assert table.evaluate("(table) => table.scrollWidth > table.clientWidth")
    table.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("document.querySelector('.pixels').scrollLeft > 0")
    for name in ("My own: four IDX files", "My own: a folder with IDX files"):
        page.get_by_text(name).click()
        expect(page.get_by_role("radio", name=name)).to_be_checked()
        no_overflow(page)
