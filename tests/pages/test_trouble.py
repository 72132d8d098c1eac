"""The live page without a browser: runs that diverge, networks that die, and the way on."""

import pytest
from live_page import disabled, press_beginning_with, run_until, set_rate
from opening import held, opened, press
from streamlit.testing.v1 import AppTest

from cnn import Parameters, Recipe, forward
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


def test_a_dead_network_says_so_and_begins_anew_if_it_never_did_well(
    dead: AppTest, digits: Digits
) -> None:
    run = held(dead).run
    images = digits.held_out_images
    deaths = [t for t in range(1, run.step + 1) if is_dead(run.at(t).after, images[:500])]
    assert deaths == [run.step]  # it was said at once
    (warning,) = dead.warning
    assert "The network has died" in warning.value
    assert "learning rate 1 was too high" in warning.value
    press_beginning_with(dead, "Go back to where it did best")
    assert not dead.warning
    revived = held(dead).run
    assert revived.step == 1  # there is always a step to show
    start = run.recipe.initial_parameters().vector
    assert (revived.at(1).before.vector == start).all()
    assert dead.select_slider(key=held(dead).slider.key).value == 0.1
    assert revived.recipe.learning_rate == ((1, 0.1),)


def test_a_network_that_dies_of_a_new_rate_goes_back_to_before_it(digits: Digits) -> None:
    session = Session.begun(digits, Recipe(learning_rate=((1, 0.01), (1_501, 1.0))))
    session.run.advance(600)
    assert not session.held.dead
    session.run.advance(1_000)
    assert session.held.dead
    assert session.held.best_step == 1_500
    session.revive()
    assert session.run.step == 1_500
    assert session.run.recipe.rate_at(1_501) == 0.1


def test_a_page_that_plays_on_says_that_the_network_died(digits: Digits) -> None:
    session = Session.begun(digits, Recipe(learning_rate=((1, 0.01), (1_001, 1.0))))
    session.run.advance(1_100)
    app = opened("evaluate", session)
    (warning,) = app.warning
    assert "The network has died" in warning.value
    press_beginning_with(app, "Go back to where it did best")
    assert held(app).run.step == 1_000
    assert not app.warning


def test_it_did_best_where_most_held_out_digits_were_recognised(digits: Digits) -> None:
    session = Session.begun(digits, Recipe(learning_rate=0.03))
    run = session.run
    run.advance(4_500)
    judged = {step: recognised(digits, run.at(step).after) for step in range(1_000, 4_001, 1_000)}
    assert max(judged.values()) > 500
    assert session.held.best_step == max(judged, key=lambda step: (judged[step], step))


def test_where_nothing_was_learned_the_start_is_best(digits: Digits) -> None:
    session = Session.begun(digits, Recipe(learning_rate=0.000_001))
    session.run.advance(2_100)
    assert recognised(digits, session.run.parameters) < 200
    assert session.held.best_step == 0


def recognised(digits: Digits, parameters: Parameters) -> int:
    """How many of the held-out digits are recognised."""
    said = forward(parameters, digits.held_out_images).probabilities.argmax(axis=1)
    return int((said == digits.held_out_labels).sum())


def test_a_network_is_dead_when_its_filters_are(digits: Digits) -> None:
    """A bias alone keeps a hidden unit above 0; nothing that the digits say reaches it."""
    parameters = Recipe().initial_parameters()
    vector = parameters.vector.copy()
    parameters = parameters.replaced(vector)
    parameters.filters[:] = -1.0
    parameters.filter_bias[:] = -0.1
    parameters.hidden_bias[:] = 0.5
    values = forward(parameters, digits.held_out_images)
    assert not values.feature_map.any()
    assert values.a1.any()
    assert is_dead(parameters, digits.held_out_images)


def test_a_dead_network_plays_on_when_asked_to(dead: AppTest) -> None:
    died = held(dead).run.step
    press(dead, "Play")
    run_until(dead, lambda session: session.run.step > died + 20)
    assert held(dead).playing
    assert dead.warning
