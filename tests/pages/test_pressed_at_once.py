"""Who leaves a field by pressing a button sends both at once: the button goes by the field."""

import pytest
from data_page import choose, idx_files, upload
from opening import drawn, held, opened, press
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import TextInput

from cnn import Recipe
from data import Digits
from pages.parts.digit_browser import PER_PAGE
from pages.parts.keys import Key
from pages.parts.session import Session


@pytest.fixture
def visit(digits: Digits) -> Session:
    """Three runs, the last of them in hand."""
    visit = Session.begun(digits, Recipe())
    visit.run.advance(29)
    visit.fork(10, 0.2)
    visit.fork(10, 0.4)
    return visit


@pytest.mark.usefixtures("alone")
def test_a_run_on_other_digits_has_the_names_just_typed(digits: Digits) -> None:
    app = opened("data")
    choose(app, "idx")
    upload(app, *idx_files(digits).items())
    names = [f"class {label}" for label in range(10)]
    new_names(app).set_value(", ".join(names))
    press(app, "Start a new run on these")
    assert held(app).digits.classes == tuple(names)


@pytest.mark.usefixtures("alone")
def test_names_that_cannot_be_start_no_run(digits: Digits) -> None:
    app = opened("data")
    choose(app, "idx")
    upload(app, *idx_files(digits).items())
    new_names(app).set_value("one, two")
    press(app, "Start a new run on these")
    assert held(app).digits.name == "bundled"
    assert "2 names are given" in app.error[0].value


def new_names(app: AppTest) -> TextInput:
    prefix = f"{Key.NEW_CLASS_NAMES}_"
    (field,) = (one for one in app.text_input if str(one.key).startswith(prefix))
    return field


@pytest.mark.usefixtures("alone")
def test_a_sweep_is_the_one_just_typed(visit: Session) -> None:
    app = opened("experiments", visit)
    rates = app.text_input(key=f"{Key.SWEEP_FIELD}_learning_rate")
    app.number_input(key=Key.SWEEP_COUNT).set_value(20)
    app.button_group(key=Key.SWEEP_LENGTH).set_value("steps")
    rates.set_value("0.03")
    press(app, "Start the sweep")
    sweeping = held(app).kept.sweeping
    assert sweeping
    assert sweeping.task
    sweeping.task.join()
    assert sweeping.record.sweep.learning_rate == (0.03,)
    assert {outcome.step for outcome in sweeping.record.outcomes.values()} == {20}


@pytest.mark.usefixtures("alone")
def test_a_sweep_that_cannot_be_is_not_started(visit: Session) -> None:
    app = opened("experiments", visit)
    app.text_input(key=f"{Key.SWEEP_FIELD}_learning_rate").set_value("fast")
    press(app, "Start the sweep")
    assert held(app).kept.sweeping is None
    assert "no number" in app.error[0].value


@pytest.mark.parametrize(
    ("button", "in_hand", "there"), [("Take in hand", 2, [1, 2, 3]), ("Remove", 3, [1, 3])]
)
def test_it_is_the_run_just_chosen(
    visit: Session, button: str, in_hand: int, there: list[int]
) -> None:
    app = opened("experiments", visit)
    app.selectbox(key=Key.RUN_CHOSEN).set_value(1)
    drawn(app)
    app.selectbox(key=Key.RUN_CHOSEN).set_value(2)
    press(app, button)
    assert held(app).held.number == in_hand
    assert sorted(held(app).runs) == there


def test_the_next_page_of_digits_is_that_after_the_one_just_typed(digits: Digits) -> None:
    app = opened("data")
    app.number_input(key=Key.BROWSED_PAGE).set_value(7)
    press(app, "Next")
    assert app.number_input(key=Key.BROWSED_PAGE).value == 8
    last = len(digits.images) // PER_PAGE
    app.number_input(key=Key.BROWSED_PAGE).set_value(last)
    press(app, "Next")
    assert app.number_input(key=Key.BROWSED_PAGE).value == last


def test_a_film_is_of_what_was_just_chosen(visit: Session, digits: Digits) -> None:
    app = opened("filter", visit)
    app.number_input(key=Key.FRAMES).set_value(3)
    app.number_input(key=Key.FILM_DIGIT).set_value(6)
    press(app, "Make an animated GIF")
    film = held(app).kept.film
    assert film
    film.join()
    assert film.result
    assert len(film.result.strip.steps) == 3
    assert (film.result.strip.image == digits.images[6]).all()


def test_a_fork_has_the_rate_just_chosen(visit: Session) -> None:
    app = opened("step", visit)
    app.select_slider(key=Key.FORK_RATE).set_value(1.0)
    (fork,) = (button for button in app.button if button.label.startswith("Continue from step"))
    fork.click()
    drawn(app)
    assert held(app).run.learning_rate == 1.0
