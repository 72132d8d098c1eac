"""A run gives back every step of its past to the last bit, after anything, in little memory.

What a step must be comes from `plain.Plain`.
"""

import math
import tracemalloc
from typing import Any

import numpy as np
import pytest
from agreement import assert_same
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from plain import Plain, assert_history, assert_step, pair

from cnn import Recipe, RecipeError, Run, backward, forward, updated
from data import Digits

# The time machine


class Travels(RuleBasedStateMachine):
    """Runs that are advanced, looked back on, changed and forked, each beside its plain loop."""

    runs = Bundle("runs")

    def __init__(self, digits: Digits) -> None:
        super().__init__()
        self.digits = digits
        self.pairs: list[tuple[Run, Plain]] = []

    def together(self, run: Run, plain: Plain) -> tuple[Run, Plain]:
        self.pairs.append((run, plain))
        return run, plain

    rates = st.floats(0.001, 0.3)

    @initialize(
        target=runs,
        seed=st.integers(0, 9),
        filters=st.integers(1, 2),
        hidden=st.integers(2, 12),
        batch=st.sampled_from([1, 1, 3, 7]),
        bias_rule=st.sampled_from(["exact", "notes"]),
        later=st.dictionaries(st.integers(2, 60), rates, max_size=2),
        rate=rates,
    )
    def start(
        self,
        seed: int,
        filters: int,
        hidden: int,
        batch: int,
        bias_rule: str,
        later: dict[int, float],
        rate: float,
    ) -> tuple[Run, Plain]:
        schedule = [(1, rate), *sorted(later.items())]
        recipe = Recipe("bundled", seed, filters, hidden, batch, bias_rule, schedule)
        return self.together(*pair(recipe, self.digits, count=20))

    @rule(of=runs, steps=st.integers(0, 25))
    def advance(self, of: tuple[Run, Plain], steps: int) -> None:
        run, plain = of
        plain.advance(steps)
        assert run.advance(steps) == steps
        assert_history(run, plain)

    @rule(of=runs, rate=rates)
    def set_learning_rate(self, of: tuple[Run, Plain], rate: float) -> None:
        for one in of:
            one.set_learning_rate(rate)
        assert of[0].learning_rate == rate

    @rule(of=runs, data=st.data())
    def at(self, of: tuple[Run, Plain], data: st.DataObject) -> None:
        run, plain = of
        if run.step:
            number = data.draw(st.integers(1, run.step))
            assert_step(run.at(number), number, plain)

    @rule(target=runs, of=runs, data=st.data(), rate=st.none() | rates)
    def fork(
        self, of: tuple[Run, Plain], data: st.DataObject, rate: float | None
    ) -> tuple[Run, Plain]:
        run, plain = of
        number = data.draw(st.integers(0, run.step))
        return self.together(run.fork(number, rate), plain.fork(number, rate))

    @invariant()
    def every_run_stands_where_its_loop_does(self) -> None:
        for run, plain in self.pairs:
            assert run.step == len(plain.steps)
            assert run.parameters.vector.tobytes() == plain.after(run.step)

    def teardown(self) -> None:
        for run, plain in self.pairs:
            assert_history(run, plain)
            for number in {1, run.step // 2, run.step - 1, run.step} & set(range(1, run.step + 1)):
                assert_step(run.at(number), number, plain)


def test_any_step_can_be_had_back_after_anything(digits: Digits) -> None:
    run_state_machine_as_test(
        lambda: Travels(digits),
        settings=settings(
            max_examples=60,
            stateful_step_count=20,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(seed=1, learning_rate=0.02),
        Recipe(seed=1, filters=8, batch=3, bias_rule="notes", learning_rate=0.05),
        Recipe(seed=1, filters=2, batch=64, learning_rate=0.1),
    ],
    ids=repr,
)
def test_every_step_in_any_order(digits: Digits, recipe: Recipe) -> None:
    """Backwards, at random and forwards, past the first checkpoints and into a second epoch."""
    run, plain = pair(recipe, digits, count=70)
    for rate in (0.03, 0.01):
        run.advance(36)
        plain.advance(36)
        run.set_learning_rate(rate)
        plain.set_learning_rate(rate)
    numbers = list(range(1, 73))
    shuffled = np.random.default_rng(0).permutation(numbers)

    for number in [*reversed(numbers), *shuffled, *numbers]:
        expected = plain.steps[number - 1]
        step = run.at(int(number))
        assert step.after.vector.tobytes() == expected.after.vector.tobytes(), number
        assert step.before.vector.tobytes() == expected.before.vector.tobytes(), number
    for number in (1, 16, 17, 36, 37, 72):
        assert_step(run.at(number), number, plain)


def test_looking_back_does_not_disturb_training(digits: Digits) -> None:
    recipe = Recipe(batch=7, learning_rate=0.05)
    disturbed, _ = pair(recipe, digits)
    straight, _ = pair(recipe, digits)
    for number in range(1, 61):
        disturbed.advance(1)
        disturbed.at(1 + number * 7 % number)
        disturbed.at(number)
    straight.advance(60)

    assert disturbed.parameters.vector.tobytes() == straight.parameters.vector.tobytes()
    assert_same(disturbed.history.loss, straight.history.loss)


def test_what_was_handed_out_stays_as_it_was(digits: Digits) -> None:
    """A step and the parameters that somebody still looks at, while the run goes on."""
    run, plain = pair(Recipe(learning_rate=0.05), digits)
    run.advance(20)
    plain.advance(20)
    step, parameters, losses = run.at(20), run.parameters, run.history.loss
    copies = parameters.vector.tobytes(), losses.tobytes()
    run.advance(1_500)  # the history has to make room meanwhile

    assert_step(step, 20, plain)
    assert (parameters.vector.tobytes(), losses.tobytes()) == copies
    assert run.history.loss[:20].tobytes() == copies[1]


@pytest.mark.parametrize("number", [-1, 0, 11, 2_000_000])
def test_a_step_that_is_not_there_is_refused(digits: Digits, number: int) -> None:
    run, _ = pair(Recipe(), digits)
    run.advance(10)

    with pytest.raises(ValueError, match=f"^The run has the steps 1 to 10, not {number:,}[.]$"):
        run.at(number)


# Forks


def test_a_fork_with_the_old_rate_is_the_parent_again(digits: Digits) -> None:
    recipe = Recipe(batch=3, learning_rate=[(1, 0.02), (30, 0.05), (50, 0.01)])
    run, _ = pair(recipe, digits)
    run.advance(60)
    for number in (0, 1, 15, 16, 17, 33, 59, 60):
        child = run.fork(number)
        assert child.step == number
        assert child.advance(60 - number) == 60 - number

        assert child.parameters.vector.tobytes() == run.parameters.vector.tobytes()
        for name in ("loss", "correct", "learning_rate", "filters", "filter_bias"):
            assert_same(getattr(child.history, name), getattr(run.history, name), name)
        assert child.recipe == run.recipe


def test_a_fork_with_another_rate_differs_from_the_next_step_on(digits: Digits) -> None:
    run, plain = pair(Recipe(learning_rate=0.02), digits)
    run.advance(60)
    plain.advance(60)
    child = run.fork(33, learning_rate=0.04)
    other = plain.fork(33, 0.04)
    child.advance(27)
    other.advance(27)

    assert child.recipe == Recipe(learning_rate=[(1, 0.02), (34, 0.04)])
    assert_same(child.history.loss[:34], run.history.loss[:34])  # step 34 starts from the same
    assert_same(child.history.filters[:33], run.history.filters[:33])
    assert (child.history.filters[33:] != run.history.filters[33:]).any(axis=(1, 2, 3)).all()
    for number in (1, 32, 33, 34, 60):
        assert_step(child.at(number), number, other)
    # And the first step apart is twice as long, by nothing but its rate.
    assert_same(child.at(34).backward.gradients.vector, run.at(34).backward.gradients.vector)


def test_a_fork_leaves_its_parent_alone(digits: Digits) -> None:
    """And the parent the fork: each goes its way, whichever goes first."""
    run, plain = pair(Recipe(learning_rate=0.02), digits)
    run.advance(40)
    plain.advance(40)
    recipe = run.recipe
    child = run.fork(25, learning_rate=0.1)
    grandchild = child.fork(20, learning_rate=0.2)
    ways = [(run, plain), (child, plain.fork(25, 0.1)), (grandchild, plain.fork(20, 0.2))]
    assert run.step == 40
    assert run.recipe == run.history.recipe == recipe

    for steps in (1, 30, 17):
        for one, way in ways:
            one.advance(steps)
            way.advance(steps)
    for one, way in ways:
        assert_history(one, way)
        for number in (1, 20, 21, 25, 26, 40, 41, one.step):
            assert_step(one.at(number), number, way)


@pytest.mark.parametrize("number", [-1, 11])
def test_a_fork_from_nowhere_is_refused(digits: Digits, number: int) -> None:
    run, _ = pair(Recipe(), digits)
    run.advance(10)

    with pytest.raises(ValueError, match=f"^The run can be forked at 0 to 10, not {number}[.]$"):
        run.fork(number)


def test_a_rate_that_makes_no_sense_changes_nothing(digits: Digits) -> None:
    run, _ = pair(Recipe(learning_rate=0.02), digits)
    run.advance(5)
    for rate in (0, -1, math.nan, math.inf, True, None, "0.1"):
        with pytest.raises(RecipeError, match=r"^learning_rate"):
            run.set_learning_rate(rate)
        with pytest.raises(RecipeError, match=r"^learning_rate"):
            run.fork(3, learning_rate=rate if rate is not None else math.nan)

    assert run.recipe == Recipe(learning_rate=0.02)
    assert run.step == 5


# Memory


def trained(steps: int, *of_a_run: Any) -> tuple[Run, int, int]:
    """Return a run that has advanced, and the bytes that its history and the rest of it take.

    Of everything that was allocated and is still held: what history.py allocated, and what any
    other file did, which is the checkpoints and the step's own arrays.
    """
    tracemalloc.start()
    try:
        run = Run(*of_a_run)
        assert run.advance(steps) == steps
        held = tracemalloc.take_snapshot().statistics("filename")
    finally:
        tracemalloc.stop()
    sizes = {entry.traceback[0].filename: entry.size for entry in held}
    history = sum(size for name, size in sizes.items() if name.endswith("history.py"))
    return run, history, sum(sizes.values()) - history


MEGABYTE = 1_000_000  # allowed for a step's own arrays and for tracing


def test_the_memory_of_a_long_run_is_bounded(digits: Digits) -> None:
    """30,000 steps of the default recipe: the checkpoints are thinned at 8,900 and 17,700."""
    held_out = digits.held_out_images[:10], digits.held_out_labels[:10]

    run, history, rest = trained(30_000, Recipe(), digits.images, digits.labels, held_out)

    # A loss and ten weights are 44 bytes: fewer, and the measure would be blind.
    assert 44 <= history / 30_000 <= 64
    assert 4 * MEGABYTE <= rest <= 16 * MEGABYTE + MEGABYTE
    for number in (1, 777, 17_728, 29_999):
        assert_same(run.at(number).after.vector, run.at(number + 1).before.vector)
        assert_same(run.at(number).after.filters, run.history.filters[number - 1])
        assert run.at(number).loss == run.history.loss[number - 1]
    assert_same(run.at(30_000).after.vector, run.parameters.vector)


@pytest.mark.parametrize(
    ("filters", "hidden", "budget", "steps"), [(1, 256, 16, 5_600), (8, 256, 64, 1_500)]
)
def test_thinned_checkpoints_give_back_the_same_bits(
    digits: Digits, filters: int, hidden: int, budget: int, steps: int
) -> None:
    """The widest networks: so few of their parameters fit that thinning comes soon, and again."""
    recipe = Recipe(filters=filters, hidden=hidden, learning_rate=0.01)
    images, labels = digits.images[:50], digits.labels[:50]
    run, _, rest = trained(steps, recipe, images, labels)
    size = run.parameters.vector.nbytes
    # Beside the checkpoints: the parameters now, before and at first, and the gradient.
    assert budget * MEGABYTE / 4 < rest <= budget * MEGABYTE + 4 * size + MEGABYTE
    # Had every sixteenth step's parameters been kept, they would not have fit, by far.
    assert steps / 16 * size > 1.8 * budget * MEGABYTE

    looked_at = {1, 2, 15, 16, 17, 500, 736, 737, 1000, 1376, 1377, 1400, steps}
    parameters, order = recipe.initial_parameters(), np.empty(0, int)
    for number in range(1, max(looked_at & set(range(steps + 1))) + 1):
        if not len(order):
            order = recipe.order((number - 1) // 50 + 1, 50)
        chosen, order = order[:1], order[1:]
        values = forward(parameters, images[chosen])
        after = updated(parameters, backward(parameters, values, labels[chosen]).gradients, 0.01)
        if number in looked_at:
            step = run.at(number)
            assert step.before.vector.tobytes() == parameters.vector.tobytes(), number
            assert step.after.vector.tobytes() == after.vector.tobytes(), number
        parameters = after
    assert run.parameters.vector.tobytes() == parameters.vector.tobytes()
