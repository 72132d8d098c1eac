"""A run that leaves the range of its numbers stops at its last finite step, and says why.

What a step must be comes from `plain.Plain`.
"""

import math

import numpy as np
import pytest
from plain import Plain, assert_history, pair

from cnn import Recipe, Run, backward, forward
from data import Digits


def found(digits: Digits, kind: str) -> Recipe:
    """The first recipe of a family whose run leaves float32's range in the way asked for.

    Mostly so high a rate kills all ReLUs at once and the loss stays finite, so that which seeds
    diverge hangs on a few signs, and these perhaps on the machine: hence the search.
    """
    for seed in range(300):
        if kind == "late":  # after twenty good steps
            recipe = Recipe("bundled", seed, 8, 10, 16, "notes", [(1, 0.05), (21, 1_000_000.0)])
        else:
            rate = 250_000.0 if kind == "parameters" else 100_000.0
            recipe = Recipe("bundled", seed, 8, 40, 1, "notes", rate)
        run = Run(recipe, digits.images, digits.labels)
        run.advance(30)
        if not run.diverged:
            continue
        if kind == "parameters":  # the last gradients are finite; times 1,000,000 they are not
            recipe = recipe.with_rate(run.step, 1_000_000.0)
        if kind in ("late", what_breaks(Plain(recipe, digits.images, digits.labels))):
            return recipe
    pytest.fail(f"no seed diverges by its {kind}")


def what_breaks(plain: Plain) -> str:
    """What is the first to be not finite when the plain loop goes on and on."""
    with np.errstate(all="ignore"):
        while len(plain.steps) < 100:
            plain.advance(1)
            step = plain.steps[-1]
            images, labels = plain.images[step.chosen], plain.labels[step.chosen]
            errors = backward(
                step.before, forward(step.before, images), labels, plain.recipe.bias_rule
            )
            if not math.isfinite(step.loss):
                return "loss"
            if not np.isfinite(errors.gradients.vector).all():
                return "gradients"
            if not np.isfinite(step.after.vector).all():
                return "parameters"
    pytest.fail("it does not diverge")


@pytest.fixture(scope="module", params=["late", "loss", "gradients", "parameters"])
def diverging(request: pytest.FixtureRequest, digits: Digits) -> Recipe:
    return found(digits, request.param)


def train_to_the_last_finite_step(plain: Plain) -> tuple[int, int]:
    """Train until a step is not finite, and take that one back.

    Returns:
        The last step, and the one whose update was too much: the next one if the parameters
        after it are the first that is not finite, else the last.
    """
    broken = what_breaks(plain)
    plain.steps.pop()
    return len(plain.steps), len(plain.steps) + (broken == "parameters")


def test_a_run_that_diverges_stops_at_its_last_finite_step(
    digits: Digits, diverging: Recipe
) -> None:
    run, plain = pair(diverging, digits, count=4_000)
    last, cause = train_to_the_last_finite_step(plain)

    assert run.advance(100) == last
    assert run.step == last
    assert run.diverged is not None
    assert (run.diverged.step, run.diverged.cause) == (last + 1, cause)
    assert run.diverged.learning_rate == plain.recipe.rate_at(cause)
    assert run.advance(10) == 0
    assert run.step == last
    # Everything up to there is kept, and is finite.
    assert run.parameters.vector.tobytes() == plain.after(last)
    assert np.isfinite(run.parameters.vector).all()
    assert np.isfinite(run.history.loss).all()
    assert_history(run, plain)
    for number in range(last, 0, -1):
        assert run.at(number).after.vector.tobytes() == plain.after(number), number
        assert run.at(number).before.vector.tobytes() == plain.after(number - 1), number


def test_it_says_at_which_step_and_with_which_rate(digits: Digits) -> None:
    for kind, sentence in (
        (
            "gradients",
            "Step {0} with the learning rate 100000 gave parameters whose loss or gradients are "
            "no longer finite, so the run stopped there.",
        ),
        (
            "parameters",
            "Step {1} with the learning rate 1e+06 would give values that are no longer finite, "
            "so the run stopped at step {0}.",
        ),
    ):
        run, _ = pair(found(digits, kind), digits, count=4_000)
        run.advance(100)
        assert run.stopped == str(run.diverged) == sentence.format(run.step, run.step + 1)


def test_a_run_that_diverged_can_be_forked_from_any_step(digits: Digits, diverging: Recipe) -> None:
    run, plain = pair(diverging, digits, count=4_000)
    run.advance(100)
    last, _ = train_to_the_last_finite_step(plain)

    for number in range(last + 1):
        again = run.fork(number)
        assert again.stopped is None
        assert again.advance(100) == last - number
        assert str(again.diverged) == str(run.diverged)
        assert again.parameters.vector.tobytes() == plain.after(last)


def test_a_fork_before_the_cause_goes_on_with_a_lower_rate(
    digits: Digits, diverging: Recipe
) -> None:
    run, plain = pair(diverging, digits, count=4_000)
    run.advance(100)
    _, cause = train_to_the_last_finite_step(plain)
    saved, way = run.fork(cause - 1, learning_rate=1e-30), plain.fork(cause - 1, 1e-30)

    assert saved.advance(5) == 5
    way.advance(5)
    assert_history(saved, way)
    assert run.diverged is not None, "the parent still says what happened to it"


def test_with_a_lower_rate_the_same_run_goes_on_too(digits: Digits) -> None:
    """Where it was the next update that was too much, and not the last one."""
    run, plain = pair(found(digits, "parameters"), digits, count=4_000)
    run.advance(100)
    last, _ = train_to_the_last_finite_step(plain)
    run.set_learning_rate(1e-30)
    plain.set_learning_rate(1e-30)
    assert run.stopped is None

    assert run.advance(3) == 3
    plain.advance(3)
    assert run.step == last + 3
    assert_history(run, plain)


def test_where_the_last_update_was_too_much_no_rate_helps(digits: Digits) -> None:
    run, _ = pair(found(digits, "loss"), digits, count=4_000)
    last = run.advance(100)
    said = run.stopped
    run.set_learning_rate(1e-30)

    assert run.advance(1) == 0
    assert (run.step, run.stopped) == (last, said)
