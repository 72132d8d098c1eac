"""The arithmetic behind every number, on the step page in a real browser."""

import re
from decimal import Decimal

import numpy as np
import pytest
from on_the_step_page import (
    canvas,
    choose,
    expect_step,
    heading,
    number,
    opened,
    pin,
    pin_class,
    step_at,
)
from playwright.sync_api import Page, expect

from cnn import Step
from cnn.arithmetic import EXPLANATIONS
from pages.parts.inspector import axes_of
from pages.parts.questions import question

pytestmark = pytest.mark.browser


# ---- The inspector ----


def test_a_clicked_cell_is_written_out_and_escape_lets_go(page: Page, step_url: str) -> None:
    opened(page, step_url)
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


def test_the_keyboard_alone_pins_and_lets_go(page: Page, step_url: str) -> None:
    opened(page, step_url)
    canvas(page, "pooled").focus()
    for key in ("ArrowRight", "ArrowUp", "Enter"):
        page.keyboard.press(key)
    expect(heading(page)).to_contain_text("P[5,7]")
    expect_step(page, 250)  # the arrow keys are the stage's while it has the focus
    page.keyboard.press("Escape")
    expect(page.locator(".arithmetic .sheet")).to_have_count(0)


def test_a_hidden_unit_shows_its_weights_as_a_picture(page: Page, step_url: str) -> None:
    opened(page, step_url)
    pin(page, "hidden", 3, 2, 4)
    expect(heading(page)).to_contain_text("a1[14]")
    expect(page.locator(".pictures img")).to_have_count(3)
    weights = page.locator(".pictures img").first
    assert weights.evaluate("image => [image.naturalWidth, image.naturalHeight]") == [13, 13]
    expect(page.locator(".sheet[data-quantity=z1] [data-part=rest]")).to_have_count(1)
    page.get_by_text("All 169 terms of z1[14]").click()
    expect(page.locator(".all [data-part=term]")).to_have_count(169)


def test_one_number_leads_to_another_and_back(page: Page, step_url: str) -> None:
    opened(page, step_url)
    pin_class(page, "delta2", 4)
    expect(heading(page)).to_contain_text("δ2[4]")
    choose(page, "Follow one of these numbers", "p[4]")
    expect(heading(page)).to_contain_text("p[4]")
    expect(page.locator(".readout.pinned strong")).to_contain_text("p[4]")
    page.get_by_role("button", name="Back", exact=True).click()
    expect(heading(page)).to_contain_text("δ2[4]")


def test_a_panels_name_explains_it(page: Page, step_url: str) -> None:
    opened(page, step_url)
    page.locator(".panel[data-panel=backfill] h3 button").click()
    words = page.locator(".explanation")
    expect(words).to_contain_text(EXPLANATIONS["backfill"].words)
    pin(page, "z", 3, 3, 26)
    expect(words).to_have_count(0)


def test_every_quantity_is_explained_in_plain_words(page: Page, step_url: str) -> None:
    opened(page, step_url)
    page.get_by_role("button", name="What is what?").click()
    expect(page.locator(".explanation")).to_have_count(29)
    for known in EXPLANATIONS.values():
        if not known.name.startswith(("weight", "bias of a", "bias of an", "loss of the step")):
            expect(page.locator(".explanation", has_text=known.words).first).to_be_attached()


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
            for written in of("total"):  # with the digits of the number that it is
                total = round(total, -written.as_tuple().exponent)
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
    page: Page, step_url: str, filters: int, batch: int, rule: str
) -> None:
    """By its name and position, which needs no pointer; the terms are read from the page."""
    opened(page, step_url, f"steps=40&at=33&filters={filters}&batch={batch}&rule={rule}")
    step = step_at(33, filters, batch, rule)
    page.get_by_role("button", name="Any number").click()
    seen: set[str] = set()
    for quantity, known in reversed(EXPLANATIONS.items()):  # the last have most others below them
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
        expect(sheet).to_have_attribute("data-quantity", quantity)
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


def test_every_panel_can_be_clicked_and_adds_up(page: Page, step_url: str) -> None:
    opened(page, step_url)
    for panel, row, column, cells, quantity in PANELS:
        pin(page, panel, row, column, cells)
        sheet = page.locator(".arithmetic .sheet").first
        expect(sheet).to_have_attribute("data-quantity", quantity)
        if panel == "filter_after":
            expect(sheet).to_have_attribute("data-index", "3")
        assert check_sheets(page, step_at(250))[0] == quantity


# ---- The quiz ----


def test_what_the_quiz_asks_for_is_shown_nowhere_until_it_is_answered(
    page: Page, step_url: str
) -> None:
    opened(page, step_url)
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
