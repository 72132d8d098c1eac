"""The live page in a real browser: playing, its rate, another run, one digit all the time."""

from collections.abc import Callable

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from watching import (
    arrays,
    button,
    check_bits,
    check_readouts,
    choose_pace,
    expect_step,
    fill,
    filter_read_off,
    meta,
    open_panel,
    pause,
    paused,
    play,
    rate_slider,
    same_run,
    set_rate_of_one,
    start_new_run,
    step,
    wait_for_rate,
    wait_for_step,
)

from cnn import Run, backward, forward
from data import Digits

pytestmark = pytest.mark.browser


# ---- It opens ----


def test_it_opens_with_a_real_first_step_and_no_click(live: Page, digits: Digits) -> None:
    expect_step(live, 1)
    expect(live.locator(".counter")).to_have_text("step 1 · image 1 of 4,000 · epoch 1 · η 0.01")
    check_bits(live, same_run(live, digits).at(1))
    check_readouts(live, same_run(live, digits).at(1))
    expect(live.locator(".js-plotly-plot")).to_have_count(3)
    expect(live.locator("[data-testid=stException]")).to_have_count(0)


def test_reload_comes_back_with_a_real_step(live: Page, digits: Digits) -> None:
    play(live)
    wait_for_step(live, 200)
    live.reload()
    expect_step(live, 1)
    expect(button(live, "Play")).to_be_visible()
    check_bits(live, same_run(live, digits).at(1))
    button(live, "Step").click()
    expect_step(live, 2)


# ---- Transport ----


def test_play_pause_step_and_reset(live: Page, digits: Digits) -> None:
    start = filter_read_off(live)
    drawn = live.evaluate("globalThis.drawn.length")
    play(live)
    live.wait_for_function("(count) => globalThis.drawn.length >= count + 5", arg=drawn)
    steps = live.evaluate("globalThis.drawn")[drawn:]
    assert steps == sorted(steps)
    assert len(set(steps)) >= 4
    stood = pause(live)
    assert stood >= steps[-1]
    button(live, "Step").click()
    expect_step(live, stood + 1)  # nothing was trained between the pause and the step
    check_bits(live, same_run(live, digits).at(stood + 1))
    assert filter_read_off(live) != start
    button(live, "Reset").click()
    expect_step(live, 1)
    assert filter_read_off(live) == start
    check_bits(live, same_run(live, digits).at(1))


def test_reset_while_it_plays_stands_at_the_first_step(live: Page) -> None:
    play(live)
    wait_for_step(live, 100)
    button(live, "Reset").click()
    expect_step(live, 1)
    assert paused(live) == 1


def test_space_plays_and_pauses_and_the_right_arrow_steps(live: Page) -> None:
    live.keyboard.press("ArrowRight")
    expect_step(live, 2)
    live.keyboard.press("ArrowRight")
    expect_step(live, 3)
    live.keyboard.press("Space")
    wait_for_step(live, 20)
    expect(button(live, "Pause")).to_be_visible()
    live.keyboard.press("Space")
    stood = paused(live)
    live.keyboard.press("ArrowRight")
    expect_step(live, stood + 1)


def test_a_pace_draws_so_many_steps_a_frame(live: Page) -> None:
    for pace, steps in (("10/s", 1), ("100/s", 10)):
        choose_pace(live, pace)
        live.evaluate("globalThis.drawn = [globalThis.meta.step]")
        play(live)
        live.wait_for_function("new Set(globalThis.drawn).size >= 12")
        between = np.diff(sorted(set(live.evaluate("globalThis.drawn"))))
        # A busy machine may leave a frame out, but never draws half of one.
        assert (between % steps == 0).all(), pace
        assert between.min() == steps
        pause(live)


def test_a_step_a_second_draws_every_step(live: Page) -> None:
    choose_pace(live, "1 step/s")
    play(live)
    wait_for_step(live, 4)
    assert sorted(set(live.evaluate("globalThis.drawn")))[:4] == [1, 2, 3, 4]


def test_slow_motion_lights_forward_then_backward_then_the_update(live: Page) -> None:
    order = (
        ["image"],
        ["filter_before", "z"],
        ["feature_map"],
        ["pooled"],
        ["hidden"],
        ["probabilities"],
        ["delta2"],
        ["delta1"],
        ["delta0"],
        ["backfill"],
        ["dz"],
        ["filter_gradient"],
        ["filter_change", "filter_after"],
    )
    choose_pace(live, "slow motion")
    live.evaluate("globalThis.watchLights()")
    play(live)
    live.wait_for_function("globalThis.lights.some(({ lit }) => lit.includes('filter_after'))")
    lights = live.evaluate("globalThis.lights")
    first = next(at for at, light in enumerate(lights) if "filter_after" in light["lit"])
    lights = lights[: first + 1]
    places = [order.index(sorted(light["lit"], key=_place_in(order))) for light in lights]
    assert places == sorted(places)
    assert len(set(places)) >= 8  # a busy machine may leave a light out
    for place, light in zip(places, lights, strict=True):
        assert set(light["dark"]) == {panel for later in order[place + 1 :] for panel in later}
    button(live, "Pause").click()
    paused(live)
    # At rest everything is shown, whatever the pace; and a step by hand is slow as well.
    choose_pace(live, "as fast as it goes")
    expect(live.locator(".panel.unreached")).to_have_count(0)


def _place_in(order: tuple[list[str], ...]) -> Callable[[str], int]:
    return [panel for lit in order for panel in lit].index


# ---- The learning rate ----


def test_the_rate_moves_while_it_plays_and_never_resets(live: Page, digits: Digits) -> None:
    play(live)
    wait_for_step(live, 50)
    run = meta(live)["run"]
    rate_slider(live).focus()
    live.keyboard.press("ArrowRight")
    wait_for_rate(live, 0.012)
    live.keyboard.press("ArrowRight")
    wait_for_rate(live, 0.015)
    live.keyboard.press("ArrowLeft")
    wait_for_rate(live, 0.012)
    assert meta(live)["run"] == run
    drawn = live.evaluate("globalThis.drawn")
    assert drawn == sorted(drawn)
    stood = pause(live)
    changes = meta(live)["rate_changes"]
    assert [rate for _, rate in changes] == [0.01, 0.012, 0.015, 0.012]
    assert changes[0][0] == 1
    assert 50 < changes[1][0] < changes[2][0] < changes[3][0] <= stood
    expect(live.locator(".counter")).to_contain_text("η 0.012")
    # The marks below, which follow gently.
    plots = live.locator(".js-plotly-plot")
    expect(plots).to_have_count(3)
    for plot in plots.all():
        expect(plot.locator(".annotation-text")).to_have_text(["η 0.012", "η 0.015", "η 0.012"])
    at = live.locator(".js-plotly-plot").first.evaluate(
        "(plot) => plot.layout.shapes.map(({ x0 }) => x0)"
    )
    assert at == [step for step, _ in changes[1:]]
    # And the numbers on the screen are those of a run with just this schedule.
    newest = same_run(live, digits).at(stood)
    assert newest.learning_rate == 0.012
    check_bits(live, newest)


def test_the_numbers_drawn_are_those_that_cnn_computes(live: Page, digits: Digits) -> None:
    for number in (2, 3, 4):
        button(live, "Step").click()
        expect_step(live, number)
    check_bits(live, same_run(live, digits).at(4))
    check_readouts(live, same_run(live, digits).at(4))
    play(live)
    wait_for_step(live, 300)
    rate_slider(live).focus()
    live.keyboard.press("ArrowRight")
    wait_for_rate(live, 0.012)
    stood = pause(live)
    newest = same_run(live, digits).at(stood)
    check_bits(live, newest)
    check_readouts(live, newest)


def test_a_rate_set_at_rest_holds_from_the_next_step_on(live: Page) -> None:
    set_rate_of_one(live)
    assert meta(live)["rate_changes"] == [[1, 0.01]]
    button(live, "Step").click()
    expect_step(live, 2)
    assert meta(live)["rate_changes"] == [[1, 0.01], [2, 1.0]]


# ---- A new run ----


def test_a_new_run_is_announced_and_then_begins(live: Page, digits: Digits) -> None:
    play(live)
    wait_for_step(live, 30)
    open_panel(live, "New run")
    expect(live.get_by_text("Starts a new run")).to_be_visible()
    fill(live, "Filters, 1 to 8", 3)
    fill(live, "Images a step (batch), 1 to 1,000", 8)
    fill(live, "Seed, 0 to 4,294,967,295", 11)
    assert meta(live)["filters"] == 1  # not before it is asked for
    start_new_run(live)
    assert paused(live) == 1
    expect(live.locator(".strip [role=radio]")).to_have_count(3)
    expect(live.locator(".counter")).to_contain_text("images 1–8 of 4,000")
    recipe = {"filters": 3, "batch": 8, "seed": 11}
    check_bits(live, same_run(live, digits, **recipe).at(1))
    button(live, "Step").click()
    expect_step(live, 2)
    check_bits(live, same_run(live, digits, **recipe).at(2))
    button(live, "Reset").click()
    expect_step(live, 1)
    assert meta(live)["filters"] == 3


# ---- One digit all the time ----


def test_a_watched_digit_is_shown_while_the_run_trains_on(live: Page, digits: Digits) -> None:
    play(live)
    wait_for_step(live, 30)
    open_panel(live, "Watch one digit")
    fill(live, "Number of the digit", 17)
    live.get_by_text("Watch this one:").click()
    expect(live.locator(".banner")).to_have_text(
        "Watching digit #17 with the parameters after this step — it is not trained on."
    )
    wait_for_step(live, step(live) + 100)
    stood = pause(live)
    run = same_run(live, digits)
    assert run.step == stood
    check_watched(live, run, digits.images[17], int(digits.labels[17]))
    # A held-out digit comes after the 4,000 of the training.
    fill(live, "Number of the digit", 4005)
    live.wait_for_function("globalThis.meta.watching === 4005")
    check_watched(live, run, digits.held_out_images[5], int(digits.held_out_labels[5]))
    live.get_by_role("radiogroup", name="The next").get_by_text("7", exact=True).click()
    position = 4000 + next(at for at, c in enumerate(digits.held_out_labels) if at > 5 and c == 7)
    live.wait_for_function("(at) => globalThis.meta.watching === at", arg=position)
    assert meta(live)["label"] == 7
    live.get_by_text("Watch this one:").click()
    expect(live.locator(".banner")).to_be_hidden()
    check_bits(live, run.at(stood))


def check_watched(page: Page, run: Run, image: np.ndarray, label: int) -> None:
    """What the newest parameters make of the digit, and the error that it would send back."""
    values = forward(run.parameters, image[np.newaxis])
    errors = backward(run.parameters, values, np.array([label]))
    shown = arrays(page)
    assert meta(page)["label"] == label
    assert np.array_equal(shown["image"], np.float32(image) / np.float32(255))
    assert np.array_equal(shown["z"], values.z[0])
    assert np.array_equal(shown["probabilities"], values.probabilities[0])
    assert np.array_equal(shown["filters_gradient"], errors.gradients.filters)
    assert np.array_equal(shown["filters_before"], run.parameters.filters)
    assert np.array_equal(shown["filters_after"], run.parameters.filters)
