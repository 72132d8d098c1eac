"""The live page without a browser: runs that diverge, networks that die, and the way on."""

import pytest
from live_page import disabled, press_beginning_with, run_until, set_rate
from opening import held, opened, press
from streamlit.testing.v1 import AppTest

from cnn import Recipe
from cnn.evaluation import is_dead
from cnn.step import Divergence
from data import Digits
from pages.parts.session import Session

# One of the few recipes that leave the range of a float32: at step 4. The slider cannot ask for it.
DIVERGING = Recipe(
    seed=15, filters=3, hidden=100, batch=2, learning_rate=((1, 0.01), (2, 100_000.0))
)


pytestmark = pytest.mark.usefixtures("alone")


@pytest.fixture
def app() -> AppTest:
    return opened("live")


# ---- Where a run ends ----


def test_a_diverged_run_says_so_and_is_rescued(digits: Digits) -> None:
    session = Session.begun(digits, DIVERGING)
    session.run.advance(10)
    app = opened("live", session)
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
    assert app.select_slider(key=held(app).slider.key).value == 10_000.0  # beyond what it had
    press(app, "Step")
    assert rescued.step == 3
    assert rescued.recipe.learning_rate == ((1, 0.01), (2, 100_000.0), (3, 10_000.0))
    # Still far too much, and it says so again, until it is not.
    rates = []
    while held(app).run.step < 6:
        press(app, "Step")
        if app.error:
            press_beginning_with(app, "Go on from step 2 with a tenth of the rate")
            rates.append(app.select_slider(key=held(app).slider.key).value)
    assert rates == [1_000.0, 100.0, 10.0]


def test_a_run_that_diverges_at_its_second_step_begins_anew(digits: Digits) -> None:
    """The first step did it, so nothing but the starting weights is left to go on from."""
    session = Session.begun(digits, Recipe(learning_rate=1e6))
    session.run.diverged = Divergence(2, 1, 1e6)
    app = opened("live", session)
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
    assert dead.select_slider(key=held(dead).slider.key).value == 0.1
    press(dead, "Step")
    assert revived.recipe.learning_rate == ((1, 1.0), (run.step, 0.1))
    assert not dead.warning


def test_a_dead_network_plays_on_when_asked_to(dead: AppTest) -> None:
    died = held(dead).run.step
    press(dead, "Play")
    run_until(dead, lambda session: session.run.step > died + 20)
    assert held(dead).playing
    assert dead.warning
