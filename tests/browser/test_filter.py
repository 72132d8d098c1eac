"""The filter page in a real browser: a click on a curve, the choices, and every file."""

import csv
import io
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect
from watching import edges, link_to, no_overflow_of_main, play_past, run_of

from data import Digits

pytestmark = pytest.mark.browser

STEPS = 1_200


def opened(page: Page, url: str, width: int = 1440, **recipe: Any) -> Page:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(link_to(f"{url}/filter", STEPS, **recipe))
    expect(page.locator(".film figure")).to_have_count(13)
    expect(page.locator(".js-plotly-plot .scatterlayer")).to_have_count(2)
    return page


def saved(page: Page, name: str | re.Pattern[str]) -> bytes:
    with page.expect_download() as download:
        page.get_by_role("button", name=name).click()
    return Path(download.value.path()).read_bytes()


def test_a_click_on_a_weight_goes_to_its_step(page: Page, app_url: str, digits: Digits) -> None:
    opened(page, app_url)
    plot = page.locator(".st-key-filter_weights .nsewdrag.drag").first
    box = plot.bounding_box()
    assert box
    axis = "document.querySelector('.st-key-filter_weights .js-plotly-plot')._fullLayout"
    bias = run_of(digits, STEPS).history.filter_bias
    step = STEPS // 3
    x = page.evaluate(f"{axis}.xaxis.d2p({step})")
    y = page.evaluate(f"{axis}.yaxis.d2p({float(bias[step - 1, 0])})")
    page.mouse.move(box["x"] + x, box["y"] + y)
    page.mouse.click(box["x"] + x, box["y"] + y)
    expect(page.locator(".stage")).to_have_attribute("data-step", re.compile(r"\d"))
    shown = int(page.locator(".stage").get_attribute("data-step") or 0)
    assert abs(shown - step) <= 6  # a point on the screen is some steps wide


def test_the_files_are_what_they_say(page: Page, app_url: str, digits: Digits) -> None:
    opened(page, app_url, filters=2)
    page.get_by_role("radiogroup", name="Filter").get_by_role("radio", name="2").click()
    picture = Image.open(io.BytesIO(saved(page, "Filmstrip as PNG")))
    picture.load()
    assert picture.format == "PNG"
    assert ET.fromstring(saved(page, "Filmstrip as SVG")).tag.endswith("svg")
    history = run_of(digits, STEPS, filters=2).history
    rows = list(csv.DictReader(io.StringIO(saved(page, "History as CSV").decode())))
    assert [int(row["step"]) for row in rows] == list(range(1, STEPS + 1))
    losses = np.array([row["loss"] for row in rows], np.float32)
    assert (losses == history.loss).all()
    last = np.array([rows[-1][f"filter2_k{n // 3}{n % 3}"] for n in range(9)], np.float32)
    assert (last == history.filters[-1, 1].ravel()).all()


def test_a_film_is_made_stopped_and_saved(page: Page, app_url: str) -> None:
    opened(page, app_url)
    frames = page.get_by_role("spinbutton", name="Frames of the film")
    frames.fill("100")
    frames.press("Enter")
    make = page.get_by_role("button", name="Make an animated GIF")
    make.click()
    expect(page.get_by_role("progressbar")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("progressbar")).to_have_count(0)
    expect(page.get_by_role("button", name="Save the film")).to_have_count(0)
    frames.fill("4")
    frames.press("Enter")
    expect(make).to_be_enabled()
    make.click()
    gif = Image.open(io.BytesIO(saved(page, re.compile("Save the film"))))
    assert (gif.format, gif.n_frames) == ("GIF", 4)


def test_everything_fits_a_narrow_page_that_plays(page: Page, app_url: str) -> None:
    opened(page, app_url, width=390, filters=8, batch=32)
    play_past(page, page.locator(".film figcaption", has_text="step 1,200"))
    no_overflow_of_main(page)
    sides = edges(page.locator(".js-plotly-plot, .film, .kernels"))
    assert len(sides) >= 8
    assert 0 <= min(sides) <= max(sides) <= 390
    expect(page.get_by_test_id("stException")).to_have_count(0)
