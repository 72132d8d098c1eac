"""The live page without a browser: what the buttons, the slider and the form do to the run."""

import time

import numpy as np
import pytest
from live_page import disabled, fill_form, meta, run_until, set_pace, set_rate, straight
from opening import drawn, held, opened, press
from streamlit.testing.v1 import AppTest

from cnn import Recipe
from cnn.arithmetic import Place
from data import Digits
from pages.parts.frame import Spot
from pages.parts.keys import Key
from pages.parts.look import Look
from pages.parts.pace import FASTEST, PACES
from pages.parts.rates import RATES
from pages.parts.session import MOST_OTHERS, Session

pytestmark = pytest.mark.usefixtures("alone")


@pytest.fixture
def app() -> AppTest:
    return opened("live")


# ---- Transport ----


def test_it_opens_at_step_one_of_the_default_recipe(app: AppTest, digits: Digits) -> None:
    session = held(app)
    assert session.run.recipe == Recipe()
    assert session.run.step == 1
    assert not session.playing
    expected = straight(digits, Recipe(), 1)
    assert (session.run.parameters.vector == expected.parameters.vector).all()
    assert app.select_slider(key=held(app).slider.key).value == 0.01
    assert app.segmented_control(key=Key.PACE).value == FASTEST
    assert [*app.error, *app.warning, *app.info] == []


def test_two_visitors_have_runs_of_their_own_and_share_the_digits(app: AppTest) -> None:
    other = opened("live")
    press(other, "Step")
    assert held(other).run.step == 2
    assert held(app).run.step == 1
    assert held(app).digits is held(other).digits
    assert not held(app).digits.images.flags.writeable


def test_step_takes_one_step_and_a_rerun_none(app: AppTest, digits: Digits) -> None:
    for number in (2, 3, 4):
        press(app, "Step")
        drawn(app)
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
        drawn(app)
    assert held(app).run.step == stood
    assert "Play" in disabled(app)
    expected = straight(digits, Recipe(), stood)
    assert (held(app).run.parameters.vector == expected.parameters.vector).all()


def test_step_while_it_plays_pauses(app: AppTest) -> None:
    press(app, "Play")
    press(app, "Step")
    assert not held(app).playing
    stood = held(app).run.step
    drawn(app)
    assert held(app).run.step == stood


@pytest.mark.parametrize(("name", "steps"), [("1 step/s", 1), ("10/s", 1), ("100/s", 10)])
def test_a_tick_takes_the_steps_of_its_pace_and_not_too_early(
    app: AppTest, monkeypatch: pytest.MonkeyPatch, name: str, steps: int
) -> None:
    now = time.monotonic()
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
    session = held(
        opened("live", Session.begun(held(app).digits, Recipe(seed=4, filters=2, batch=3)))
    )
    other = opened("live", session)
    set_rate(other, 0.1)
    press(other, "Step")
    press(other, "Reset")
    assert held(other).run.recipe == Recipe(seed=4, filters=2, batch=3, learning_rate=0.1)
    assert other.select_slider(key=held(other).slider.key).value == 0.1


# ---- What is looked at ----


def look_of_a_fork(digits: Digits, at: int) -> Session:
    """A visit that looks at image 7 of a step and has a number of it pinned, and then forks."""
    session = Session.begun(digits, Recipe(batch=8))
    session.run.advance(39)
    session.look_at(30)
    session.look.pin(Place("z", 319, image=6), Spot("z", 0, 319))
    session.fork(at, 0.1)
    return session


def test_a_fork_is_looked_at_where_it_begins_and_its_parent_likewise(digits: Digits) -> None:
    session = look_of_a_fork(digits, 30)
    pinned = Place("z", 319, image=6), Spot("z", 0, 319)
    assert session.looked_at == session.run.step == 30
    assert (session.look.image, session.look.pinned, session.look.spot) == (6, *pinned)

    session.run.advance(3)
    assert session.looked_at == 33  # the newest step is followed, as in any run
    session.look_at(12)
    session.take(session.others[1])
    assert session.run.step == 40
    assert session.looked_at == 12
    assert (session.look.image, session.look.pinned, session.look.spot) == (6, *pinned)


def test_a_run_that_does_not_share_the_step_is_looked_at_afresh(digits: Digits) -> None:
    session = look_of_a_fork(digits, 20)  # step 30 is not among those that the two share
    assert session.look == Look()

    session.run.advance(5)
    session.look.image = 2
    session.take(session.others[1])
    assert session.look == Look()

    session = look_of_a_fork(digits, 30)
    session.start(digits, Recipe())
    assert session.look == Look()


# ---- The learning rate ----


def test_a_rate_takes_effect_at_the_next_step_and_history_stays(
    app: AppTest, digits: Digits
) -> None:
    press(app, "Step")
    set_rate(app, 0.1)
    drawn(app)
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
    drawn(app)
    set_rate(app, 0.01)
    press(app, "Step")
    assert held(app).run.recipe == Recipe()


def test_a_rate_that_the_slider_does_not_have_is_kept_until_it_is_moved(digits: Digits) -> None:
    app = opened("live", Session.begun(digits, Recipe(learning_rate=0.0123)))
    slider = app.select_slider(key=held(app).slider.key)
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


def test_the_slider_is_drawn_where_it_stands(app: AppTest) -> None:
    """Its default is what a browser shows that has lost where it stood."""

    def default() -> str:
        slider = app.select_slider(key=held(app).slider.key)
        (index,) = slider.proto.default
        return str(slider.options[int(index)])

    assert default() == "0.01"
    set_rate(app, 0.5)
    drawn(app)
    assert default() == "0.5"  # moved, and not listened to yet
    press(app, "Step")
    assert default() == "0.5"


@pytest.mark.parametrize(("rate", "stands"), [(1e-7, 0), (250.0, -1)])
def test_a_rate_beyond_the_sliders_ends_stands_there(
    digits: Digits, rate: float, stands: int
) -> None:
    app = opened("live", Session.begun(digits, Recipe(learning_rate=rate)))
    slider = app.select_slider(key=held(app).slider.key)
    assert float(slider.options[stands]) == slider.value == rate
    press(app, "Step")
    assert held(app).run.recipe == Recipe(learning_rate=rate)


def test_changes_that_a_recipe_has_ahead_are_made_until_the_slider_is_moved(
    digits: Digits,
) -> None:
    """As in a recipe from a link: a run of it is played on from before its last change."""
    recipe = Recipe(learning_rate=((1, 0.01), (4, 0.0345), (6, 0.002), (9, 0.5)))
    app = opened("live", Session.begun(digits, recipe))
    stood = [app.select_slider(key=held(app).slider.key).value]
    for _ in range(5):
        press(app, "Step")
        stood.append(app.select_slider(key=held(app).slider.key).value)
    assert stood == [0.01, 0.01, 0.0345, 0.0345, 0.002, 0.002]  # after steps 1 to 6
    assert held(app).run.recipe == recipe
    expected = straight(digits, recipe, 6)
    assert (held(app).run.parameters.vector == expected.parameters.vector).all()
    set_rate(app, 0.1)
    press(app, "Step")
    mine = Recipe(learning_rate=((1, 0.01), (4, 0.0345), (6, 0.002), (7, 0.1)))
    assert held(app).run.recipe == mine


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
    app = opened("live", Session.begun(digits, recipe))
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
    drawn(app)
    fill_form(app, filters=2)
    press(app, "Start a new run")
    assert held(app).run.recipe.filters == 2
    press(app, "Step")


# ---- One digit all the time ----


def watch(app: AppTest, position: int) -> None:
    app.number_input(key=Key.WATCHED).set_value(position)
    app.toggle(key=Key.WATCH).set_value(True)
    drawn(app)


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
        shown, name = session.held.digit(position)
        assert (shown == image).all()
        assert name == label


def test_the_next_of_a_class_is_found_and_the_first_after_the_last(
    app: AppTest, digits: Digits
) -> None:
    labels = np.concatenate([digits.labels, digits.held_out_labels]).tolist()
    sevens = [position for position, label in enumerate(labels) if label == 7]
    for start, expected in ((0, sevens[0]), (sevens[0], sevens[1]), (sevens[-1], sevens[0])):
        app.number_input(key=Key.WATCHED).set_value(start)
        drawn(app)
        app.pills(key=Key.NEXT_OF_CLASS).set_value(7)
        drawn(app)
        assert held(app).watching == expected
