"""The four panels of the step page in a real browser: by mouse and by keyboard, wide and narrow."""

import re
from pathlib import Path

import pytest
from panels_app import STEPS, begun
from playwright.sync_api import Locator, Page, expect
from watching import Scheme, Serve, no_overflow_of_main

from cnn import forward
from cnn.whatif import with_parameter
from pages.parts.questions import question

pytestmark = pytest.mark.browser

APP = Path(__file__).with_name("panels_app.py")


@pytest.fixture(scope="module")
def url(serve: Serve) -> str:
    return serve(APP)


@pytest.fixture
def wide(page: Page, url: str) -> Page:
    return opened(page, url)


def opened(page: Page, url: str, query: str = "", width: int = 1440) -> Page:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"{url}/?{query}")
    expect(page.get_by_role("button", name="Check all")).to_be_visible()
    return page


def switch(page: Page, label: str) -> None:
    page.locator("label", has_text=label).click()


def metric(page: Page, label: str) -> Locator:
    return page.get_by_test_id("stMetric").filter(has_text=label).get_by_test_id("stMetricValue")


def test_a_gradient_is_checked_and_broken(wide: Page) -> None:
    wide.get_by_role("button", name="Check all 7,220 gradients").click()
    expect(wide.get_by_text("7,220 of 7,220 agree")).to_be_visible()
    expect(wide.locator(".js-plotly-plot .scatterlayer")).to_have_count(1)

    switch(wide, "the notes' bias rule")

    expect(wide.get_by_text("1 gradient of 7,220 is wrong.")).to_be_visible()
    expect(wide.get_by_text("takes the sum of the nine filter gradients")).to_be_visible()
    expect(wide.locator(".legendtext", has_text="wrong")).to_be_visible()


def test_a_weight_is_moved_by_keyboard_and_put_back(wide: Page) -> None:
    switch(wide, "What if this weight")
    step = begun().run.at(STEPS)
    real = float(step.before.filters[0, 0, 0])
    before = f"{step.loss:.6f}"
    expect(metric(wide, "Loss of the image")).to_have_text(before)

    slider = wide.get_by_role("slider", name=re.compile(r"k\[0,0\]"))
    slider.focus()
    for _ in range(25):
        slider.press("ArrowRight")

    expect(metric(wide, "Loss of the image")).not_to_have_text(before)
    wide.wait_for_timeout(1_500)  # until the last of the 25 has arrived
    # The browser rounds what it was given to a few decimals.
    value = float(slider.get_attribute("aria-valuetext") or "nan")
    assert abs(value - (real + 0.5)) < 0.02
    moved = forward(with_parameter(step.before, "filters", 0, value), step.images)
    loss = -float(moved.log_probabilities[0, step.labels[0]])
    written = float(metric(wide, "Loss of the image").inner_text())
    assert written == pytest.approx(loss, abs=1e-4)
    expect(wide.locator(".heatmaplayer .hm")).to_have_count(6)
    wide.get_by_role("button", name="Back to the real value").click()
    expect(metric(wide, "Loss of the image")).to_have_text(before)


def test_the_rates_are_drawn_with_the_steps_own(wide: Page) -> None:
    switch(wide, "What would another rate")

    expect(wide.get_by_text("With this step's rate, η = 0.02")).to_be_visible()
    expect(wide.locator(".legendtext", has_text="this step's rate")).to_be_visible()


def test_a_question_is_answered_by_keyboard(wide: Page) -> None:
    switch(wide, "Quiz: predict")
    first = question(begun().run.at(STEPS), 0, 1)
    box = wide.get_by_label("Your answer")
    box.fill(f"{first.answer:.4f}")
    box.press("Enter")

    expect(wide.get_by_text("Right: you said")).to_be_visible()
    expect(wide.get_by_label(re.compile("arithmetic of")).first).to_be_visible()
    wide.get_by_role("button", name="Next question").click()
    expect(wide.get_by_text("Question 2 · 1 of 1 right in this visit")).to_be_visible()


def test_everything_fits_a_narrow_page(page: Page, url: str) -> None:
    opened(page, url, "filters=2&batch=2&step=30", width=390)
    page.get_by_role("button", name="Check all").click()
    expect(page.get_by_text("is the worst")).to_be_visible()
    for label in ("What would another rate", "What if this weight", "Quiz: predict"):
        switch(page, label)
    expect(page.locator(".js-plotly-plot")).to_have_count(4)
    expect(page.get_by_role("button", name="Check", exact=True)).to_be_visible()

    no_overflow_of_main(page)
    for plot in page.locator(".js-plotly-plot").all():
        box = plot.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_zero_is_nearly_the_pages_colour(page: Page, url: str, scheme: Scheme) -> None:
    """In both themes an empty corner of a map is close to the background."""
    page.emulate_media(color_scheme=scheme)
    opened(page, url)
    switch(page, "What if this weight")
    expect(page.locator(".heatmaplayer .hm")).to_have_count(6)

    background = page.locator(".stApp").evaluate("e => getComputedStyle(e).backgroundColor")
    paper = [int(n) for n in re.findall(r"\d+", background)[:3]]
    corner = page.locator(".heatmaplayer image").first.evaluate(
        """async (image) => {
          const picture = new Image()
          picture.src = image.href.baseVal
          await picture.decode()
          const canvas = document.createElement("canvas")
          const context = canvas.getContext("2d")
          context.drawImage(picture, 0, 0)
          return [...context.getImageData(1, 1, 1, 1).data.slice(0, 3)]
        }"""
    )
    assert max(abs(a - b) for a, b in zip(corner, paper, strict=True)) < 40
