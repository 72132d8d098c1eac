"""The live page in a real browser where it is hard: a run that ends, a visitor in a hurry."""

import re
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, expect
from serving import ROOT
from watching import (
    NARROW,
    WIDE,
    Serve,
    arrays,
    button,
    check_bits,
    choose_pace,
    expect_step,
    fill,
    meta,
    no_overflow,
    open_panel,
    opened,
    pause,
    paused,
    play,
    rate_shown,
    rate_slider,
    same_run,
    set_rate_of_one,
    start_new_run,
    step,
    wait_for_step,
)

from cnn import Recipe
from data import Digits

pytestmark = pytest.mark.browser


# ---- Where a run ends ----


def test_a_network_that_dies_while_it_plays_stops_and_is_revived(
    live: Page, digits: Digits
) -> None:
    set_rate_of_one(live)
    button(live, "Play").click()  # a fast machine gets there before one can see it play
    expect_dead(live)
    died = paused(live)
    back = revived(live, died)
    expect(rate_shown(live)).to_have_text("0.1")
    button(live, "Step").click()
    expect_step(live, back + 1)
    changes = meta(live)["rate_changes"]
    assert (changes[0], changes[-1]) == ([1, 0.01], [back + 1, 0.1])
    check_bits(live, same_run(live, digits).at(back + 1))


def test_a_network_that_dies_step_by_step_says_so_and_is_revived(live: Page) -> None:
    set_rate_of_one(live)
    button(live, "Reset").click()  # now the first step has the rate as well, which is quicker
    live.wait_for_function("globalThis.meta.learning_rate === 1")
    for number in range(2, 40):
        button(live, "Step").click()
        expect_step(live, number)
        if not arrays(live)["a1"].any() and live.get_by_role("alert").count():
            break
    expect_dead(live)
    died = step(live)
    back = revived(live, died)
    button(live, "Step").click()
    expect_step(live, back + 1)
    assert meta(live)["learning_rate"] == 0.1


def revived(page: Page, died: int) -> int:
    """Go back; return the step at which the run stands then."""
    page.get_by_role("button", name="Go back to where it did best").click()
    expect(page.get_by_role("alert")).to_be_hidden()
    page.wait_for_function("(died) => globalThis.meta.step < died", arg=died)
    return step(page)


def expect_dead(page: Page) -> None:
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("The network has died")
    expect(alert).to_contain_text("The learning rate 1 was too high.")


def test_a_dead_network_may_be_played_on(live: Page) -> None:
    set_rate_of_one(live)
    button(live, "Play").click()
    expect_dead(live)
    died = paused(live)
    play(live)
    wait_for_step(live, died + 100)
    pause(live)
    expect_dead(live)


# Nothing that the slider has leaves the range of a float32, so here the address names the recipe.
BY_ADDRESS = """
import runpy

import streamlit as st

from cnn import Recipe
from pages.parts import session
from pages.parts.digits import digits_called
from pages.parts.pace import BUDGET
from pages.parts.keys import Key
from pages.parts.session import Session

strings = st.query_params.to_dict()
session.BUDGET = float(strings.pop("budget", BUDGET))
if Key.SESSION not in st.session_state:
    recipe = Recipe.from_strings(strings)
    st.session_state[Key.SESSION] = Session.begun(digits_called("bundled"), recipe)
runpy.run_path("app.py")
"""


@pytest.fixture(scope="module")
def by_address(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> str:
    app = tmp_path_factory.mktemp("by_address") / "app.py"
    app.write_text(BY_ADDRESS)
    another = tmp_path_factory.mktemp("pages") / "another.py"
    another.touch()  # with pages Streamlit knows the app itself as one, to which the sidebar links
    return serve(app, pages=(another, *(ROOT / "pages").glob("*.py")))


def opened_with(page: Page, address: str, recipe: Recipe, **more: str) -> Page:
    return opened(page, f"{address}/?{urlencode(recipe.to_strings() | more)}")


def test_a_run_that_diverges_says_so_and_goes_on_with_a_tenth_of_the_rate(
    quiet: Page, by_address: str
) -> None:
    rates = ((1, 0.01), (2, 100_000.0))
    recipe = Recipe(seed=15, filters=3, hidden=100, batch=2, learning_rate=rates)
    live = opened_with(quiet, by_address, recipe)
    button(live, "Play").click()
    alert = live.get_by_role("alert")
    expect(alert).to_contain_text(re.compile("^Step 3 with the learning rate 100000 .+ finite"))
    assert paused(live) == 3
    for name in ("Play", "Step"):
        expect(button(live, name)).to_be_disabled()
    live.get_by_role("button", name="Go on from step 2 with a tenth of the rate").click()
    expect(alert).to_be_hidden()
    expect_step(live, 2)
    expect(rate_shown(live)).to_have_text("10000")
    button(live, "Step").click()
    expect_step(live, 3)
    assert meta(live)["rate_changes"] == [[1, 0.01], [2, 100_000.0], [3, 10_000.0]]


def test_rates_that_the_slider_does_not_have_are_shown_and_trained_until_it_is_moved(
    quiet: Page, by_address: str, digits: Digits
) -> None:
    recipe = Recipe(learning_rate=((1, 0.0123), (300, 0.0456)))
    live = opened_with(quiet, by_address, recipe)
    thumb = rate_shown(live)
    expect(thumb).to_have_text("0.0123")
    play(live)
    wait_for_step(live, 400)
    expect(thumb).to_have_text("0.0456")
    stood = pause(live)
    assert meta(live)["rate_changes"] == [[1, 0.0123], [300, 0.0456]]
    check_bits(live, same_run(live, digits).at(stood))
    rate_slider(live).focus()
    live.keyboard.press("ArrowRight")
    expect(thumb).to_have_text("0.05")
    button(live, "Step").click()
    expect_step(live, stood + 1)
    assert meta(live)["rate_changes"] == [[1, 0.0123], [300, 0.0456], [stood + 1, 0.05]]
    rate_slider(live).focus()
    live.keyboard.press("ArrowLeft")
    expect(thumb).to_have_text("0.0456")  # it stays to be had


# ---- A visitor in a hurry ----


def test_a_click_in_the_middle_of_a_tick_waits_for_its_end(
    quiet: Page, by_address: str, digits: Digits
) -> None:
    """In another thread beside it, the page would show a step that is no longer the newest."""
    live = opened_with(quiet, by_address, Recipe(), budget="0.6")
    run = same_run(live, digits)
    for name in ("Pause", "Step"):
        before = step(live)
        play(live)
        wait_for_step(live, before + 1)
        live.wait_for_timeout(200)  # into the next tick
        button(live, name).click()
        stood = paused(live)
        run.advance(stood - run.step)
        check_bits(live, run.at(stood))
        live.wait_for_timeout(800)  # longer than a tick
        button(live, "Step").click()
        live.wait_for_function("(stood) => globalThis.meta.step !== stood", arg=stood)
        assert step(live) == stood + 1
    run.advance(1)
    check_bits(live, run.at(run.step))


def test_a_narrow_screen_while_it_plays_and_back(live: Page) -> None:
    play(live)
    for size, mode in ((NARROW, "narrow"), (WIDE, "wide"), (NARROW, "narrow"), (WIDE, "wide")):
        live.set_viewport_size(size)
        expect(live.locator(".stage")).to_have_attribute("data-mode", mode)
        no_overflow(live)
        wait_for_step(live, step(live) + 20)
    pause(live)


def test_double_clicks_on_everything(live: Page) -> None:
    open_panel(live, "Watch one digit")
    open_panel(live, "New run")
    expect(button(live, "Start a new run")).to_be_visible()
    for control in (
        live.locator(".st-key-play button"),
        button(live, "Step"),
        button(live, "Reset"),
        *(live.get_by_role("radio", name=name, exact=True) for name in ("10/s", "slow motion")),
        live.get_by_role("radiogroup", name="The next").get_by_text("3", exact=True),
        live.get_by_text("Watch this one:"),
        button(live, "Start a new run"),
        live.get_by_test_id("stSlider").filter(visible=True),
        live.locator("[data-panel=z] canvas"),
        live.get_by_text("follows the step", exact=True),
    ):
        control.dblclick()
    choose_pace(live, "as fast as it goes")
    works_still(live)


def test_play_and_step_in_turn_as_fast_as_it_can_be_pressed(live: Page) -> None:
    playing = live.locator(".st-key-play button")
    for _ in range(4):
        playing.click()
        button(live, "Step").click()
    works_still(live)


def test_the_slider_dragged_to_both_ends_while_it_plays(live: Page) -> None:
    play(live)
    thumb = rate_shown(live).locator("..")
    box = live.get_by_test_id("stSlider").filter(visible=True).bounding_box()
    assert box is not None
    run = meta(live)["run"]
    for _ in range(2):
        for end in (box["x"] + box["width"] + 9, box["x"] - 9):
            grip = thumb.bounding_box()
            assert grip is not None
            live.mouse.move(grip["x"] + grip["width"] / 2, grip["y"] + grip["height"] / 2)
            live.mouse.down()
            live.mouse.move(end, grip["y"] + grip["height"] / 2, steps=8)
            live.mouse.up()
    expect(rate_shown(live)).to_have_text("0.0001")
    assert meta(live)["run"] == run
    works_still(live)


def test_a_new_run_is_started_again_and_again_while_it_plays(live: Page) -> None:
    open_panel(live, "New run")
    for seed in (1, 2):
        play(live)
        wait_for_step(live, 20)
        fill(live, "Seed, 0 to 4,294,967,295", seed)
        start_new_run(live)
    works_still(live)


def works_still(page: Page) -> None:
    """Whatever has happened: Reset leads to step 1, from which one step and then play go on."""
    rate_slider(page).focus()
    page.keyboard.press("Home")  # a rate at which nothing dies
    expect(rate_shown(page)).to_have_text("0.0001")
    button(page, "Reset").click()
    expect_step(page, 1)
    assert paused(page) == 1
    button(page, "Step").click()
    expect_step(page, 2)
    play(page)
    wait_for_step(page, 50)
    pause(page)
    expect(page.locator("[data-testid=stException]")).to_have_count(0)
