"""The step page in a real browser: time, the inspector's sums, forks, small screens."""

import re
from collections.abc import Callable
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect
from prepared.app import recipe

from cnn import Run, Step
from cnn.arithmetic import EXPLANATIONS
from data import load_bundled
from pages.parts.inspector import axes_of
from pages.parts.quiz import question

pytestmark = pytest.mark.browser

Serve = Callable[..., str]

ROOT = Path(__file__).parents[2]
APP = Path(__file__).parent / "prepared" / "app.py"
MARGIN = 2  # CSS pixels around the cells of a canvas
WIDE = {"width": 1440, "height": 900}
NARROW = {"width": 390, "height": 844}
SLOW = 30_000


@pytest.fixture(scope="module")
def url(serve: Serve) -> str:
    return serve(APP, pages=tuple((ROOT / "pages").glob("*.py")))


@cache
def run_of(filters: int = 1, batch: int = 1, rule: str = "exact") -> Run:
    digits = load_bundled()
    return Run(recipe(filters, batch, rule), digits.images, digits.labels)


def step_at(number: int, filters: int = 1, batch: int = 1, rule: str = "exact") -> Step:
    """The same step as the server's."""
    run = run_of(filters, batch, rule)
    run.advance(max(0, number - run.step))
    return run.at(number)


def opened(page: Page, url: str, query: str = "steps=500&at=250", size: Any = WIDE) -> Page:
    page.set_viewport_size(size)
    page.goto(f"{url}/?{query}")
    expect(page.locator(".st-key-workbench .stage")).to_have_attribute(
        "data-step", re.compile(r"\d"), timeout=SLOW
    )
    return page


def expect_step(page: Page, number: int) -> None:
    """Stage, box, scrubber and story all belong to one step."""
    expect(page.locator(".stage")).to_have_attribute("data-step", str(number), timeout=SLOW)
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


# ---- Time ----


def test_keys_move_in_time_and_everything_belongs_to_the_step(page: Page, url: str) -> None:
    opened(page, url)
    expect_step(page, 250)
    for key, number in (
        ("ArrowRight", 251),
        ("ArrowLeft", 250),
        ("ArrowLeft", 249),
        ("PageDown", 349),
        ("PageUp", 249),
        ("PageUp", 149),
        ("PageUp", 49),
        ("PageUp", 1),
        ("End", 500),
        ("Home", 1),
    ):
        page.keyboard.press(key)
        expect_step(page, number)
        loss = f"{step_at(number).loss:.4f}"
        expect(page.locator(".story")).to_contain_text(f"= {loss}.")


def test_the_ends_are_ends(page: Page, url: str) -> None:
    opened(page, url, "steps=30")
    expect_step(page, 30)
    for name in ("+1", "+100", "Newest"):
        expect(page.get_by_role("button", name=name, exact=False).first).to_be_disabled()
    page.keyboard.press("Home")
    expect_step(page, 1)
    for name in ("First", "−100", "−1"):
        expect(page.get_by_role("button", name=name, exact=False).first).to_be_disabled()


def test_a_step_can_be_typed_and_scrubbed(page: Page, url: str) -> None:
    opened(page, url)
    box = page.get_by_role("spinbutton", name="Step, 1 to")
    box.fill("77")
    box.press("Enter")
    expect_step(page, 77)
    page.get_by_role("slider", name="Step").focus()
    page.keyboard.press("ArrowRight")  # the slider's own key
    expect_step(page, 78)


def test_a_click_on_a_curve_seeks_its_step_and_marks_it(page: Page, url: str) -> None:
    opened(page, url)
    curve = page.locator(".curve[data-panel=loss] canvas")
    box = curve.bounding_box()
    assert box
    left, right = 30, box["width"] - 6  # where static/stage/curves.js draws the loss
    curve.click(position={"x": (left + right) / 2, "y": box["height"] / 2})
    expect_step(page, 250 + 1)  # half-way from 1 to 500, rounded up
    curve.click(position={"x": 2, "y": box["height"] / 2})
    expect_step(page, 1)


def test_a_click_on_a_curve_of_the_live_page_opens_its_step(page: Page, serve: Serve) -> None:
    page.set_viewport_size(WIDE)
    page.goto(serve(ROOT / "app.py"))
    stage = page.locator(".stage[data-step]")
    expect(stage).to_be_visible(timeout=SLOW)
    page.get_by_role("button", name="Play").click()
    # More steps than a chart has pixels, so that hardly any two places mean the same step.
    expect(stage).to_have_attribute("data-step", re.compile(r"\d{4}"), timeout=SLOW)
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    for chart in ("loss", "weights"):
        sought = click_on_curve(page, chart)
        box = page.get_by_role("spinbutton", name="Step, 1 to")
        newest = int((box.get_attribute("aria-label") or "").split()[-1].replace(",", ""))
        assert 0.3 * newest < sought < 0.5 * newest
        expect_step(page, sought)
        page.get_by_role("link", name="Live").evaluate("link => link.click()")


def click_on_curve(page: Page, chart: str) -> int:
    """Click two fifths along a chart of the live page; return the step that is opened."""
    plot = page.locator(f".st-key-{chart}")
    area = plot.locator(".nsewdrag").first
    area.scroll_into_view_if_needed()
    box = area.bounding_box()
    assert box
    # A chart that is being drawn anew misses a click.
    for _ in range(10):
        page.mouse.move(box["x"] + 0.39 * box["width"], box["y"] + 0.5 * box["height"])
        page.mouse.move(box["x"] + 0.4 * box["width"], box["y"] + 0.5 * box["height"])
        if plot.locator(".hoverlayer .axistext, .hoverlayer .hovertext").count():
            break
        page.wait_for_timeout(200)
    page.mouse.click(box["x"] + 0.4 * box["width"], box["y"] + 0.5 * box["height"])
    expect(page.locator(".st-key-workbench .stage[data-step]")).to_be_visible(timeout=SLOW)
    return int(page.get_by_role("spinbutton", name="Step, 1 to").input_value())


def test_a_run_of_one_step_can_be_looked_at(page: Page, url: str) -> None:
    opened(page, url, "steps=1")
    expect(page.locator(".counter")).to_contain_text("step 1 ")
    expect(page.get_by_role("slider", name="Step")).to_be_disabled()


# ---- The inspector ----


def test_a_clicked_cell_is_written_out_and_escape_lets_go(page: Page, url: str) -> None:
    opened(page, url)
    pin(page, "z", 12, 7, 26)
    z = step_at(250).forward.z[0, 0, 12, 7]
    expect(heading(page)).to_contain_text(f"z[12,7] = {z:.4f}".replace("-", "−"))
    expect(page.locator(".arithmetic .patch td")).to_have_count(9)
    expect(page.locator(".arithmetic [data-part=term]")).to_have_count(9)
    # The pin is a place: the next step's number stands there.
    page.keyboard.press("ArrowRight")
    z = step_at(251).forward.z[0, 0, 12, 7]
    expect(heading(page)).to_contain_text(f"z[12,7] = {z:.4f}".replace("-", "−"))
    expect(page.locator(".readout.pinned strong")).to_contain_text("z[12,7]")
    page.keyboard.press("Escape")
    expect(page.locator(".arithmetic .sheet")).to_have_count(0)
    expect(page.locator(".readout.pinned")).to_have_count(0)
    expect_step(page, 251)


def test_the_keyboard_alone_pins_and_lets_go(page: Page, url: str) -> None:
    opened(page, url)
    canvas(page, "pooled").focus()
    for key in ("ArrowRight", "ArrowUp", "Enter"):
        page.keyboard.press(key)
    expect(heading(page)).to_contain_text("P[5,7]")
    expect_step(page, 250)  # the arrow keys are the stage's while it has the focus
    page.keyboard.press("Escape")
    expect(page.locator(".arithmetic .sheet")).to_have_count(0)


def test_a_hidden_unit_shows_its_weights_as_a_picture(page: Page, url: str) -> None:
    opened(page, url)
    pin(page, "hidden", 3, 2, 4)
    expect(heading(page)).to_contain_text("a1[14]")
    expect(page.locator(".pictures img")).to_have_count(3)
    weights = page.locator(".pictures img").first
    assert weights.evaluate("image => [image.naturalWidth, image.naturalHeight]") == [13, 13]
    expect(page.locator(".sheet[data-quantity=z1] [data-part=rest]")).to_have_count(1)
    page.get_by_text("All 169 terms of z1[14]").click()
    expect(page.locator(".all [data-part=term]")).to_have_count(169)


def test_one_number_leads_to_another_and_back(page: Page, url: str) -> None:
    opened(page, url)
    pin_class(page, "delta2", 4)
    expect(heading(page)).to_contain_text("δ2[4]")
    choose(page, "Follow one of these numbers", "p[4]")
    expect(heading(page)).to_contain_text("p[4]")
    expect(page.locator(".readout.pinned strong")).to_contain_text("p[4]")
    page.get_by_role("button", name="Back", exact=True).click()
    expect(heading(page)).to_contain_text("δ2[4]")


def test_a_panels_name_explains_it(page: Page, url: str) -> None:
    opened(page, url)
    page.locator(".panel[data-panel=backfill] h3 button").click()
    words = page.locator(".explanation")
    expect(words).to_contain_text(EXPLANATIONS["backfill"].words)
    pin(page, "z", 3, 3, 26)
    expect(words).to_have_count(0)


def test_every_quantity_is_explained_in_plain_words(page: Page, url: str) -> None:
    opened(page, url)
    page.get_by_role("button", name="What is what?").click()
    expect(page.locator(".explanation")).to_have_count(29)
    for known in EXPLANATIONS.values():
        if not known.name.startswith(("weight", "bias of a", "bias of an", "loss of the step")):
            expect(page.locator(".explanation", has_text=known.words).first).to_be_attached()


# ---- What is written adds up ----


def choose(page: Page, label: str, text: str, exact: bool = False) -> None:
    """Choose from a list by typing; where the page is drawn anew meanwhile, the list is whole."""
    box = page.get_by_role("combobox", name=label)
    box.click()
    box.fill(text)
    page.get_by_role("option", name=text, exact=exact).first.click()


def stored(step: Step, quantity: str) -> np.ndarray:
    """Where a step keeps a quantity, of its first image and filter; by hand, from DESIGN.md."""
    there, back = step.forward, step.backward
    gradients = back.gradients
    return {
        "x": there.x[0],
        "z": there.z[0, 0],
        "feature_map": there.feature_map[0, 0],
        "pooled": there.pooled[0, 0],
        "a0": there.a0[0],
        "z1": there.z1[0],
        "a1": there.a1[0],
        "z2": there.z2[0],
        "probabilities": there.probabilities[0],
        "loss": back.losses[0],
        "batch_loss": np.asarray(step.loss),
        "delta2": back.delta2[0],
        "delta1": back.delta1[0],
        "delta0": back.delta0[0, 0],
        "backfill": back.backfill[0, 0],
        "dz": back.dz[0, 0],
        "dk": gradients.filters[0],
        "db": gradients.filter_bias[0],
        "dW1": gradients.hidden_weights,
        "db1": gradients.hidden_bias,
        "dW2": gradients.output_weights,
        "db2": gradients.output_bias,
        "filters": step.before.filters[0],
        "filter_bias": step.before.filter_bias[0],
        "hidden_weights": step.before.hidden_weights,
        "hidden_bias": step.before.hidden_bias,
        "output_weights": step.before.output_weights,
        "output_bias": step.before.output_bias,
        "new_filters": step.after.filters[0],
        "new_filter_bias": step.after.filter_bias[0],
        "new_hidden_weights": step.after.hidden_weights,
        "new_hidden_bias": step.after.hidden_bias,
        "new_output_weights": step.after.output_weights,
        "new_output_bias": step.after.output_bias,
    }[quantity]


def check_sheets(page: Page, step: Step) -> list[str]:
    """Add up every sheet on the page as it is written; return the quantities."""
    seen = []
    for sheet in page.locator(".arithmetic .sheet").all():
        quantity, index = (sheet.get_attribute(f"data-{name}") for name in ("quantity", "index"))
        assert quantity
        assert index
        parts = sheet.evaluate(
            "e => [...e.querySelectorAll('[data-part]')].map((p) => [p.dataset.part, p.innerText])"
        )

        def of(*names: str, parts: list[list[str]] = parts) -> list[Decimal]:
            return [number(text) for name, text in parts if name in names]

        (shown,) = of("stored")
        decimals = -shown.as_tuple().exponent
        value = float(np.asarray(stored(step, quantity)).reshape(-1)[int(index)])
        assert f"{value:.{decimals}f}".replace("-0." + "0" * decimals, "0." + "0" * decimals) == (
            f"{shown:f}"
        ), quantity
        terms = of("term", "rest", "bias")
        if terms:
            operation = sheet.locator(".operation")
            does = operation.inner_text() if operation.count() else ""
            total = max(terms) if quantity == "pooled" else sum(terms, Decimal(0))
            for written in of("total"):
                assert written == total, quantity
            if "max(0" in does:
                total = max(total, Decimal(0))
            elif "nothing passes" in does:
                total = Decimal(0)
            elif divisor := re.search(r"÷ (?:n = )?(\d+)", does):
                total /= int(divisor[1])
            elif "divided by Σ" in does:
                (own,) = of("operand")
                total = own / total
            assert round(total, decimals) == shown, quantity
        seen.append(quantity)
    return seen


@pytest.mark.parametrize(
    ("filters", "batch", "rule"),
    [(1, 1, "exact"), (8, 32, "notes")],
    ids=["one filter, one image", "eight filters, a batch, the notes' rule"],
)
def test_every_quantity_is_reachable_and_adds_up(
    page: Page, url: str, filters: int, batch: int, rule: str
) -> None:
    """By its name and position, which needs no pointer; the terms are read from the page."""
    opened(page, url, f"steps=40&at=33&filters={filters}&batch={batch}&rule={rule}")
    step = step_at(33, filters, batch, rule)
    page.get_by_role("button", name="Any number").click()
    seen: set[str] = set()
    for quantity, known in EXPLANATIONS.items():
        if batch > 1 and quantity in seen:
            continue  # written out below another number
        choose(page, "Quantity", known.name)
        position = 0
        for name, count in axes_of(quantity, filters, 40):
            # Somewhere in the middle; of the first filter, which `stored` is about.
            middle, first = (0, 1) if name == "filter" else (count // 2, 0)
            position = count * position + middle
            if name == "class":
                choose(page, name, str(middle), exact=True)
                continue
            field = page.get_by_role("spinbutton", name=f"{name} ({first} to {count - 1 + first})")
            field.fill(str(middle + first))
        page.get_by_role("button", name="Show it").click()
        sheet = page.locator(".arithmetic .sheet").first
        expect(sheet).to_have_attribute("data-quantity", quantity, timeout=SLOW)
        expect(sheet).to_have_attribute("data-index", str(position))
        seen |= set(check_sheets(page, step))
    assert seen == set(EXPLANATIONS)


PANELS = [
    ("image", 14, 12, 28, "x"),
    ("filter_before", 1, 1, 3, "filters"),
    ("z", 9, 14, 26, "z"),
    ("feature_map", 9, 14, 26, "feature_map"),
    ("pooled", 6, 6, 13, "pooled"),
    ("hidden", 2, 1, 4, "a1"),
    ("probabilities", 0.2, 0.2, 1, "probabilities"),
    ("delta2", 0.2, 0.2, 1, "delta2"),
    ("delta1", 2, 1, 4, "delta1"),
    ("delta0", 6, 6, 13, "delta0"),
    ("backfill", 9, 14, 26, "backfill"),
    ("dz", 9, 14, 26, "dz"),
    ("filter_gradient", 1, 1, 3, "dk"),
    ("filter_change", 0.3, 1, 3, "new_filters"),
    ("filter_after", 0.3, 0, 3, "new_filters"),
]
"""A cell of each panel, so many in a row, and what it is."""


def test_every_panel_can_be_clicked_and_adds_up(page: Page, url: str) -> None:
    opened(page, url)
    for panel, row, column, cells, quantity in PANELS:
        pin(page, panel, row, column, cells)
        sheet = page.locator(".arithmetic .sheet").first
        expect(sheet).to_have_attribute("data-quantity", quantity)
        if panel == "filter_after":
            expect(sheet).to_have_attribute("data-index", "3")
        assert check_sheets(page, step_at(250))[0] == quantity


# ---- Batches and filters ----


def test_the_image_within_the_batch_is_chosen(page: Page, url: str) -> None:
    opened(page, url, "steps=20&at=7&batch=32")
    step = step_at(7, batch=32)
    expect(page.get_by_text("mean over the 32 images")).to_be_visible()
    pin_class(page, "probabilities", 0)
    p = step.forward.probabilities[:, 0]
    expect(heading(page)).to_contain_text(f"{p[0]:.4f}")
    box = page.get_by_role("spinbutton", name="Image of the batch")
    box.fill("20")
    box.press("Enter")
    expect(heading(page)).to_contain_text(f"{p[19]:.4f}")
    expect(page.locator(".story")).to_contain_text("Image 20 of 32")
    # The gradient is the batch's, whichever image is looked at.
    pin(page, "filter_gradient", 1, 1, 3)
    gradient = step.backward.gradients.filters[0, 1, 1]
    expect(heading(page)).to_contain_text(f"{gradient:.6f}".replace("-", "−"))


def test_another_filter_takes_the_pinned_cell_along(page: Page, url: str) -> None:
    opened(page, url, "steps=20&at=7&filters=8")
    pin(page, "z", 11, 12, 26)
    page.locator(".strip [role=radio]").nth(5).click()
    z = step_at(7, filters=8).forward.z[0, 5, 11, 12]
    expect(heading(page)).to_contain_text(f"z[11,12] = {z:.4f}".replace("-", "−"))
    expect(page.locator(".readout strong")).to_contain_text(f"{z:.4f}".replace("-", "−"))


# ---- Going on ----


def test_a_fork_goes_on_from_here_and_the_old_run_is_kept(page: Page, url: str) -> None:
    opened(page, url)
    page.get_by_role("button", name="Continue from here").click()
    page.get_by_role("slider", name="Learning rate").focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")  # 0.02, 0.025, 0.03, 0.04
    page.get_by_role("button", name="Continue from step 250 with η 0.04").click()
    expect(page.get_by_text("shares its first 250 steps with run 1")).to_be_visible()
    expect(page.get_by_text("learning rate 0.04")).to_be_visible()
    expect(page.get_by_text("A new run shares this one's first")).to_be_hidden()
    expect_step(page, 250)
    expect(page.get_by_role("button", name="Play on from step 250")).to_be_visible()
    page.get_by_role("button", name="Runs of this visit: 2").click()
    earlier = re.compile("run 1, on the digits “bundled”, at step 500")
    page.get_by_role("button", name=earlier).click()
    expect(page.get_by_role("button", name="Play on from step 500")).to_be_visible()
    expect(page.get_by_text("In hand:")).to_be_hidden()
    expect_step(page, 500)
    page.keyboard.press("Home")
    expect_step(page, 1)


def test_the_past_is_only_looked_at_and_the_run_plays_on_from_the_newest(
    page: Page, url: str
) -> None:
    opened(page, url)
    page.keyboard.press("PageUp")
    expect_step(page, 150)
    pin(page, "z", 5, 5, 26)
    page.get_by_role("button", name="Play on from step 500").click()
    expect(page.get_by_text("live: step 500, playing")).to_be_visible(timeout=SLOW)


def test_a_visit_to_the_step_page_pauses_and_says_so(page: Page, url: str) -> None:
    opened(page, url)
    page.get_by_role("button", name="Play on from step 500").click()
    expect(page.get_by_text("live: step 500, playing")).to_be_visible(timeout=SLOW)
    page.get_by_role("link", name="Any step").click()
    expect_step(page, 250)
    page.get_by_role("link", name="Live").evaluate("link => link.click()")
    expect(page.get_by_text("live: step 500, paused")).to_be_visible(timeout=SLOW)


# ---- The quiz ----


def test_what_the_quiz_asks_for_is_shown_nowhere_until_it_is_answered(page: Page, url: str) -> None:
    opened(page, url)
    step = step_at(250)
    asked = question(step, 0, 1)  # of a cell of z or f
    row, column = divmod(asked.place.index, 26)
    page.locator("label", has_text="Quiz: predict").click()
    expect(page.get_by_text("Question 1")).to_be_visible()
    for panel, name in (("z", "z"), ("feature_map", "f")):
        pin(page, panel, row, column, 26)
        expect(page.locator(".readout strong")).to_have_text("?")
        expect(page.locator(".readout .detail")).to_contain_text("The quiz asks for it")
        expect(page.locator(".st-key-inspector")).to_contain_text("The quiz asks for this number")
        expect(page.locator(".arithmetic .sheet")).to_have_count(0)
        assert f"{name}[{row},{column}] =" not in page.locator(".st-key-workbench").inner_text()
    # The sum that it stands in would tell it, too.
    pin(page, "pooled", row // 2, column // 2, 13)
    expect(page.locator(".arithmetic .sheet")).to_have_count(0)

    box = page.get_by_label("Your answer")
    box.fill(f"{asked.answer:.4f}")
    box.press("Enter")
    expect(page.get_by_text("Right: you said")).to_be_visible()
    pin(page, "z", row, column, 26)
    z = step.forward.z[0, 0, row, column]
    expect(heading(page)).to_contain_text(f"z[{row},{column}] = {z:.4f}".replace("-", "−"))
    expect(page.locator(".readout strong")).to_contain_text(f"{z:.4f}".replace("-", "−"))


# ---- Looks ----


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_the_screen(page: Page, url: str, scheme: Any) -> None:
    page.emulate_media(color_scheme=scheme)
    opened(page, url, "steps=30&at=20&filters=2&batch=4", {"width": 1920, "height": 900})
    pin(page, "hidden", 1, 1, 4)
    expect(heading(page)).to_be_visible()
    for width, mode in ((1920, "wide"), (1440, "wide"), (1024, ""), (768, ""), (390, "narrow")):
        page.set_viewport_size({"width": width, "height": 900})
        stage = page.locator(".stage")
        if mode:
            expect(stage).to_have_attribute("data-mode", mode)
        page.wait_for_function("innerWidth >= document.documentElement.scrollWidth")
        inspector, drawn = page.locator(".st-key-inspector").bounding_box(), stage.bounding_box()
        assert inspector
        assert drawn
        assert drawn["x"] + drawn["width"] <= width
        if width >= 1440:
            assert inspector["x"] >= drawn["x"] + drawn["width"]
        if width <= 768:  # it rises over the lower part of the screen
            assert inspector["x"] == pytest.approx(drawn["x"], abs=2)
            assert 450 < inspector["y"] < 900
        for table in page.locator(".arithmetic table").all():
            assert table.evaluate("e => e.scrollWidth <= e.parentElement.clientWidth + 1")


def test_a_tap_pins_on_a_small_screen(browser: Any, url: str) -> None:
    context = browser.new_context(viewport=NARROW, has_touch=True, is_mobile=True)
    page = opened(context.new_page(), url, size=NARROW)
    area = canvas(page, "dz")
    area.scroll_into_view_if_needed()
    area.tap(position={"x": 60, "y": 60})
    expect(heading(page)).to_contain_text("dz[")
    context.close()


def test_the_arithmetic_is_text_for_those_who_hear_the_page(page: Page, url: str) -> None:
    opened(page, url)
    pin(page, "delta1", 2, 1, 4)
    region = page.get_by_role("region", name="the pinned number")
    expect(region).to_contain_text("δ1[9]")
    expect(region.get_by_role("row").first).to_contain_text("W2[0,9]")
    expect(region.get_by_role("rowheader").first).to_be_visible()
