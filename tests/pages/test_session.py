"""The live page without a browser: what the buttons, the slider and the form do to the run."""

import json
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest
from threadpoolctl import threadpool_limits

from cnn import Recipe, Run
from cnn.evaluation import is_dead
from cnn.run import Divergence
from data import Digits
from pages.parts.pace import FASTEST, PACES
from pages.parts.rates import RATES
from pages.parts.session import MOST_OTHERS, Key, Session

APP = Path(__file__).parents[2] / "app.py"

# One of the few recipes that leave the range of a float32: at step 4. The slider cannot ask for it.
DIVERGING = Recipe(
    seed=15, filters=3, hidden=100, batch=2, learning_rate=((1, 0.01), (2, 100_000.0))
)


@pytest.fixture(autouse=True)
def _alone() -> Iterator[None]:
    st.cache_resource.clear()
    with threadpool_limits(limits=1, user_api="blas"):
        yield


@pytest.fixture
def app() -> AppTest:
    return opened()


def opened(begun: Session | None = None) -> AppTest:
    app = AppTest.from_file(str(APP), default_timeout=60)
    if begun:
        app.session_state[Key.SESSION] = begun
    return ran(app)


def ran(app: AppTest) -> AppTest:
    """Run the script, as a rerun or a tick would; it must not fail."""
    app.run()
    assert not app.exception
    return app


def held(app: AppTest) -> Session:
    session: Session = app.session_state[Key.SESSION]
    return session


def press(app: AppTest, label: str) -> None:
    (button,) = (button for button in app.button if button.label == label)
    button.click()
    ran(app)


def press_beginning_with(app: AppTest, label: str) -> None:
    (found,) = (button.label for button in app.button if button.label.startswith(label))
    press(app, found)


def disabled(app: AppTest) -> dict[str, bool]:
    return {button.label: button.disabled for button in app.button}


def set_rate(app: AppTest, rate: float) -> None:
    app.select_slider(key=held(app).rate_key).set_value(rate)


def set_pace(app: AppTest, name: str) -> None:
    app.segmented_control(key=Key.PACE).set_value(name)
    ran(app)


def run_until(app: AppTest, there: Callable[[Session], bool]) -> None:
    """Tick until it is so. A tick that comes too early does nothing, so they are not counted."""
    for _ in range(2_000):
        if there(held(app)):
            return
        ran(app)
    pytest.fail("it did not come to that")


def straight(digits: Digits, recipe: Recipe, steps: int) -> Run:
    run = Run(recipe, digits.images, digits.labels)
    run.advance(steps)
    return run


def meta(session: Session) -> dict[str, Any]:
    frame = session.frame(session.shown)
    (length,) = struct.unpack_from("<I", frame)
    header: dict[str, Any] = json.loads(frame[4 : 4 + length])
    return header["meta"]


# ---- Transport ----


def test_it_opens_at_step_one_of_the_default_recipe(app: AppTest, digits: Digits) -> None:
    session = held(app)
    assert session.run.recipe == Recipe()
    assert session.run.step == 1
    assert not session.playing
    expected = straight(digits, Recipe(), 1)
    assert (session.run.parameters.vector == expected.parameters.vector).all()
    assert app.select_slider(key=held(app).rate_key).value == 0.01
    assert app.segmented_control(key=Key.PACE).value == FASTEST
    assert [*app.error, *app.warning, *app.info] == []


def test_two_visitors_have_runs_of_their_own_and_share_the_digits(app: AppTest) -> None:
    other = opened()
    press(other, "Step")
    assert held(other).run.step == 2
    assert held(app).run.step == 1
    assert held(app).digits is held(other).digits
    assert not held(app).digits.images.flags.writeable


def test_step_takes_one_step_and_a_rerun_none(app: AppTest, digits: Digits) -> None:
    for number in (2, 3, 4):
        press(app, "Step")
        ran(app)
        assert held(app).run.step == number
    expected = straight(digits, Recipe(), 4)
    assert (held(app).run.parameters.vector == expected.parameters.vector).all()


def test_play_trains_with_every_tick_until_pause(app: AppTest, digits: Digits) -> None:
    press(app, "Play")
    assert held(app).playing
    assert "Pause" in disabled(app)
    run_until(app, lambda session: session.run.step > 50)
    press(app, "Pause")
    stood = held(app).run.step
    for _ in range(3):
        ran(app)
    assert held(app).run.step == stood
    assert "Play" in disabled(app)
    expected = straight(digits, Recipe(), stood)
    assert (held(app).run.parameters.vector == expected.parameters.vector).all()


def test_step_while_it_plays_pauses(app: AppTest) -> None:
    press(app, "Play")
    press(app, "Step")
    assert not held(app).playing
    stood = held(app).run.step
    ran(app)
    assert held(app).run.step == stood


@pytest.mark.parametrize(("name", "steps"), [("1 step/s", 1), ("10/s", 1), ("100/s", 10)])
def test_a_tick_takes_the_steps_of_its_pace_and_not_too_early(
    app: AppTest, monkeypatch: pytest.MonkeyPatch, name: str, steps: int
) -> None:
    now = 1_000.0
    monkeypatch.setattr("pages.parts.session.time.monotonic", lambda: now)
    set_pace(app, name)
    session = held(app)
    assert session.pace is PACES[name]
    session.play()
    before = session.run.step
    session.tick()
    assert session.run.step == before + steps
    session.tick()  # at the same moment: a rerun of the page, not a tick of its own
    assert session.run.step == before + steps
    now += session.pace.interval
    session.tick()
    assert session.run.step == before + 2 * steps


def test_reset_leads_back_to_the_same_first_step(app: AppTest) -> None:
    start = held(app).run.at(1)
    number = held(app).held.number
    for _ in range(3):
        press(app, "Step")
    press(app, "Reset")
    again = held(app).run.at(1)
    assert held(app).run.step == 1
    assert (again.before.vector == start.before.vector).all()
    assert (again.after.vector == start.after.vector).all()
    assert (again.indices == start.indices).all()
    assert held(app).held.number != number  # the stage's fixed ranges start anew


def test_reset_keeps_the_recipe_and_the_rate_that_is_set(app: AppTest) -> None:
    session = held(opened(Session.begun(held(app).digits, Recipe(seed=4, filters=2, batch=3))))
    other = opened(session)
    set_rate(other, 0.1)
    press(other, "Step")
    press(other, "Reset")
    assert held(other).run.recipe == Recipe(seed=4, filters=2, batch=3, learning_rate=0.1)
    assert other.select_slider(key=held(other).rate_key).value == 0.1


# ---- The learning rate ----


def test_a_rate_takes_effect_at_the_next_step_and_history_stays(
    app: AppTest, digits: Digits
) -> None:
    press(app, "Step")
    set_rate(app, 0.1)
    ran(app)
    assert held(app).run.recipe == Recipe()  # nothing has been trained with it
    press(app, "Step")
    press(app, "Step")
    set_rate(app, 0.0025)
    press(app, "Step")
    recipe = Recipe(learning_rate=((1, 0.01), (3, 0.1), (5, 0.0025)))
    assert held(app).run.recipe == recipe
    expected = straight(digits, recipe, 5)
    assert (held(app).run.parameters.vector == expected.parameters.vector).all()
    assert held(app).run.history.learning_rate.tolist() == [0.01, 0.01, 0.1, 0.1, 0.0025]
    assert meta(held(app))["rate_changes"] == [[1, 0.01], [3, 0.1], [5, 0.0025]]


def test_a_rate_moved_there_and_back_leaves_no_mark(app: AppTest) -> None:
    set_rate(app, 0.5)
    ran(app)
    set_rate(app, 0.01)
    press(app, "Step")
    assert held(app).run.recipe == Recipe()


def test_a_rate_that_the_slider_does_not_have_is_kept_until_it_is_moved(digits: Digits) -> None:
    app = opened(Session.begun(digits, Recipe(learning_rate=0.0123)))
    slider = app.select_slider(key=held(app).rate_key)
    assert slider.value == 0.0123
    assert slider.options[slider.options.index("0.0123") - 1 :][:3] == ["0.012", "0.0123", "0.015"]
    assert len(slider.options) == len(RATES) + 1
    press(app, "Step")
    press(app, "Reset")
    press(app, "Step")
    assert held(app).run.recipe == Recipe(learning_rate=0.0123)
    expected = straight(digits, Recipe(learning_rate=0.0123), 2)
    assert (held(app).run.parameters.vector == expected.parameters.vector).all()
    fill_form(app, seed=2)
    press(app, "Start a new run")
    assert held(app).run.recipe == Recipe(seed=2, learning_rate=0.0123)
    set_rate(app, 0.1)
    press(app, "Step")
    set_rate(app, 0.012)
    press(app, "Step")
    schedule = ((1, 0.0123), (2, 0.1), (3, 0.012))
    assert held(app).run.recipe == Recipe(seed=2, learning_rate=schedule)


@pytest.mark.parametrize(("rate", "stands"), [(1e-7, 0), (250.0, -1)])
def test_a_rate_beyond_the_sliders_ends_stands_there(
    digits: Digits, rate: float, stands: int
) -> None:
    app = opened(Session.begun(digits, Recipe(learning_rate=rate)))
    slider = app.select_slider(key=held(app).rate_key)
    assert float(slider.options[stands]) == slider.value == rate
    press(app, "Step")
    assert held(app).run.recipe == Recipe(learning_rate=rate)


def test_changes_that_a_recipe_has_ahead_are_made_until_the_slider_is_moved(
    digits: Digits,
) -> None:
    """As in a recipe from a link: a run of it is played on from before its last change."""
    recipe = Recipe(learning_rate=((1, 0.01), (4, 0.0345), (6, 0.002), (9, 0.5)))
    app = opened(Session.begun(digits, recipe))
    stood = [app.select_slider(key=held(app).rate_key).value]
    for _ in range(5):
        press(app, "Step")
        stood.append(app.select_slider(key=held(app).rate_key).value)
    assert stood == [0.01, 0.01, 0.0345, 0.0345, 0.002, 0.002]  # after steps 1 to 6
    assert held(app).run.recipe == recipe
    expected = straight(digits, recipe, 6)
    assert (held(app).run.parameters.vector == expected.parameters.vector).all()
    set_rate(app, 0.1)
    press(app, "Step")
    mine = Recipe(learning_rate=((1, 0.01), (4, 0.0345), (6, 0.002), (7, 0.1)))
    assert held(app).run.recipe == mine


# ---- A new run ----


def fill_form(app: AppTest, **numbers: int) -> None:
    names = {"filters": "Filters", "batch": "Images a step (batch)", "seed": "Seed"}
    names["hidden"] = "Hidden units"
    for name, value in numbers.items():
        (field,) = (field for field in app.number_input if field.label == names[name])
        field.set_value(value)


def test_the_form_starts_a_new_run_and_the_old_one_is_kept(app: AppTest, digits: Digits) -> None:
    set_rate(app, 0.05)
    press(app, "Step")
    old = held(app).held
    fill_form(app, filters=3, hidden=16, batch=8, seed=11)
    assert held(app).held is old
    press(app, "Start a new run")
    session = held(app)
    recipe = Recipe(filters=3, hidden=16, batch=8, seed=11, learning_rate=0.05)
    assert session.run.recipe == recipe
    assert session.run.step == 1
    assert not session.playing
    expected = straight(digits, recipe, 1)
    assert (session.run.parameters.vector == expected.parameters.vector).all()
    assert session.others == {old.number: old}


def test_the_form_begins_with_the_recipe_in_hand(digits: Digits) -> None:
    recipe = Recipe(filters=2, hidden=12, batch=4, seed=5, bias_rule="notes", learning_rate=0.02)
    app = opened(Session.begun(digits, recipe))
    press(app, "Start a new run")
    assert held(app).others
    assert held(app).run.recipe == recipe


def test_of_many_runs_the_oldest_is_let_go(app: AppTest) -> None:
    for seed in range(1, MOST_OTHERS + 3):
        fill_form(app, seed=seed)
        press(app, "Start a new run")
    others = held(app).others
    assert [kept.run.recipe.seed for kept in others.values()] == list(range(2, MOST_OTHERS + 2))
    assert held(app).held.number not in others


def test_a_new_run_stops_the_play(app: AppTest) -> None:
    press(app, "Play")
    fill_form(app, seed=3)
    press(app, "Start a new run")
    assert not held(app).playing
    assert held(app).run.step == 1


def test_fewer_filters_than_the_one_whose_weights_were_chosen(app: AppTest) -> None:
    fill_form(app, filters=8)
    press(app, "Start a new run")
    app.segmented_control(key=Key.WEIGHTS_OF).set_value(7)
    ran(app)
    fill_form(app, filters=2)
    press(app, "Start a new run")
    assert held(app).run.recipe.filters == 2
    press(app, "Step")


# ---- One digit all the time ----


def watch(app: AppTest, position: int) -> None:
    app.number_input(key=Key.WATCHED).set_value(position)
    app.toggle(key=Key.WATCH).set_value(True)
    ran(app)


def test_a_watched_digit_is_shown_and_not_trained_on(app: AppTest, digits: Digits) -> None:
    watch(app, 17)
    press(app, "Step")
    session = held(app)
    assert meta(session)["watching"] == 17
    step = session.shown
    assert (step.images[0] == digits.images[17]).all()
    assert step.labels.tolist() == [digits.labels[17]]
    assert step.number == session.run.step == 2
    # Seen by the newest parameters, which it leaves as they are.
    assert (step.before.vector == session.run.parameters.vector).all()
    expected = straight(digits, Recipe(), 2)
    assert (session.run.parameters.vector == expected.parameters.vector).all()
    press(app, "Reset")
    assert meta(held(app))["watching"] == 17


def test_held_out_digits_follow_the_training_digits(app: AppTest, digits: Digits) -> None:
    session = held(app)
    for position, image, label in (
        (3999, digits.images[-1], digits.labels[-1]),
        (4000, digits.held_out_images[0], digits.held_out_labels[0]),
        (4999, digits.held_out_images[-1], digits.held_out_labels[-1]),
    ):
        shown, name = session.digit(position)
        assert (shown == image).all()
        assert name == label


def test_the_next_of_a_class_is_found_and_the_first_after_the_last(
    app: AppTest, digits: Digits
) -> None:
    labels = np.concatenate([digits.labels, digits.held_out_labels]).tolist()
    sevens = [position for position, label in enumerate(labels) if label == 7]
    for start, expected in ((0, sevens[0]), (sevens[0], sevens[1]), (sevens[-1], sevens[0])):
        app.number_input(key=Key.WATCHED).set_value(start)
        ran(app)
        app.pills(key=Key.NEXT_OF_CLASS).set_value(7)
        ran(app)
        assert held(app).watching == expected


# ---- Where a run ends ----


def test_a_diverged_run_says_so_and_is_rescued(digits: Digits) -> None:
    session = Session.begun(digits, DIVERGING)
    session.run.advance(10)
    app = opened(session)
    run = held(app).run
    assert run.step == 3
    (error,) = app.error
    assert "the learning rate 100000" in error.value
    assert "no longer finite" in error.value
    assert disabled(app)["Play"]
    assert disabled(app)["Step"]
    assert not disabled(app)["Reset"]
    # What step 3 left is so large that step 4 is out of range with any rate: step 3 goes as well.
    before = run.at(2).after.vector
    press(app, "Go on from step 2 with a tenth of the rate")
    assert not app.error
    rescued = held(app).run
    assert rescued.step == 2
    assert (rescued.parameters.vector == before).all()
    assert app.select_slider(key=held(app).rate_key).value == 10_000.0  # beyond what it had
    press(app, "Step")
    assert rescued.step == 3
    assert rescued.recipe.learning_rate == ((1, 0.01), (2, 100_000.0), (3, 10_000.0))
    # Still far too much, and it says so again, until it is not.
    rates = []
    while held(app).run.step < 6:
        press(app, "Step")
        if app.error:
            press_beginning_with(app, "Go on from step 2 with a tenth of the rate")
            rates.append(app.select_slider(key=held(app).rate_key).value)
    assert rates == [1_000.0, 100.0, 10.0]


def test_a_run_that_diverges_at_its_second_step_begins_anew(digits: Digits) -> None:
    """The first step did it, so nothing but the starting weights is left to go on from."""
    session = Session.begun(digits, Recipe(learning_rate=1e6))
    session.run.diverged = Divergence(2, 1, 1e6)
    app = opened(session)
    start = session.run.recipe.initial_parameters().vector
    press(app, "Go on from step 0 with a tenth of the rate")
    rescued = held(app).run
    assert rescued.step == 1
    assert (rescued.at(1).before.vector == start).all()
    assert rescued.at(1).learning_rate == 100_000.0


@pytest.fixture
def dead(app: AppTest) -> AppTest:
    """A page on which the network has been stepped to its death, by a rate of 1."""
    set_rate(app, 1.0)
    press(app, "Reset")
    for _ in range(50):
        press(app, "Step")
        if app.warning:
            return app
    pytest.fail("it lives")


def test_a_dead_network_is_revived_where_it_lived_last(dead: AppTest, digits: Digits) -> None:
    run = held(dead).run
    images = digits.held_out_images
    deaths = [t for t in range(1, run.step + 1) if is_dead(run.at(t).after, images[:500])]
    assert deaths == [run.step]  # it was said at once
    (warning,) = dead.warning
    assert "The network has died" in warning.value
    assert "learning rate 1 was too high" in warning.value
    press_beginning_with(dead, "Go back to when it lived")
    assert not dead.warning
    revived = held(dead).run
    assert revived.step == run.step - 1
    assert (revived.parameters.vector == run.at(run.step - 1).after.vector).all()
    assert dead.select_slider(key=held(dead).rate_key).value == 0.1
    press(dead, "Step")
    assert revived.recipe.learning_rate == ((1, 1.0), (run.step, 0.1))
    assert not dead.warning


def test_a_dead_network_plays_on_when_asked_to(dead: AppTest) -> None:
    died = held(dead).run.step
    press(dead, "Play")
    run_until(dead, lambda session: session.run.step > died + 20)
    assert held(dead).playing
    assert dead.warning
