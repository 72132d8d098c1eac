"""A recipe: what it turns into and back, its rates, and what it determines."""

import json
import math
import os
import subprocess
import sys
from dataclasses import FrozenInstanceError, asdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from recipes import DEFAULTS, RATES, RECIPES, STEPS, schedules

from cnn import Recipe
from cnn.recipe import MAX_LEARNING_RATE, MAX_STEPS

ROOT = Path(__file__).parents[2]


def rate_by_scanning(schedule: tuple[tuple[int, float], ...], step: int) -> float:
    """The rate of the last entry that is not later than the step."""
    rates = [rate for from_step, rate in schedule if from_step <= step]
    return rates[-1]


# The value itself


def test_what_is_not_asked_for_takes_the_defaults_of_the_notes() -> None:
    assert asdict(Recipe()) == DEFAULTS


def test_a_single_rate_stands_for_one_from_step_1_on() -> None:
    assert Recipe(learning_rate=0.1) == Recipe(learning_rate=[(1, 0.1)])
    assert Recipe(learning_rate=1).learning_rate == ((1, 1.0),)


def test_numpys_numbers_become_pythons() -> None:
    """So that a recipe made from a slider's or an array's value turns to JSON like any other."""
    recipe = Recipe(
        seed=np.int64(7), batch=np.uint8(3), learning_rate=[(np.int32(1), np.float32(0.5))]
    )

    assert recipe == Recipe(seed=7, batch=3, learning_rate=0.5)
    assert json.loads(recipe.to_json())["seed"] == 7
    assert type(recipe.learning_rate[0][0]) is int
    assert type(recipe.learning_rate[0][1]) is float


@pytest.mark.parametrize("field", DEFAULTS)
def test_it_cannot_be_changed(field: str) -> None:
    recipe = Recipe()

    with pytest.raises(FrozenInstanceError):
        setattr(recipe, field, getattr(recipe, field))
    with pytest.raises(FrozenInstanceError):
        delattr(recipe, field)
    assert asdict(recipe) == DEFAULTS


def test_a_list_that_it_was_made_from_has_no_hold_on_it() -> None:
    rates = [[1, 0.1], [5, 0.2]]
    recipe = Recipe(learning_rate=rates)
    rates[1][1] = 0.9
    rates.append([9, 0.3])

    assert recipe.learning_rate == ((1, 0.1), (5, 0.2))


def test_equal_recipes_are_one_key() -> None:
    assert len({Recipe(seed=1), Recipe(seed=1), Recipe(seed=2)}) == 2


# To text and back


@given(RECIPES)
@example(Recipe(learning_rate=5e-324))
@example(Recipe(learning_rate=[(1, 0.1 + 0.2), (2, MAX_LEARNING_RATE), (MAX_STEPS, 1e-300)]))
def test_json_and_back_is_the_same_recipe(recipe: Recipe) -> None:
    text = recipe.to_json()

    assert Recipe.from_json(text) == recipe
    # And the text says what the fields are, to any reader of JSON.
    values = json.loads(text)
    assert list(values) == list(DEFAULTS)
    assert [tuple(entry) for entry in values.pop("learning_rate")] == list(recipe.learning_rate)
    assert values == {field: getattr(recipe, field) for field in values}


@given(RECIPES)
@example(Recipe(learning_rate=5e-324))
@example(Recipe(learning_rate=[(1, 0.1 + 0.2), (2, MAX_LEARNING_RATE), (MAX_STEPS, 1e-300)]))
def test_strings_and_back_is_the_same_recipe(recipe: Recipe) -> None:
    strings = recipe.to_strings()

    assert Recipe.from_strings(strings) == recipe
    assert set(strings) == {name for name in DEFAULTS if getattr(recipe, name) != DEFAULTS[name]}


def test_the_strings_are_short_and_plain() -> None:
    recipe = Recipe(
        data="mnist",
        seed=3,
        filters=8,
        hidden=16,
        batch=32,
        bias_rule="notes",
        learning_rate=[(1, 0.01), (501, 0.1), (2000, 1e-05)],
    )

    assert Recipe().to_strings() == {}
    assert Recipe(learning_rate=0.3).to_strings() == {"learning_rate": "0.3"}
    assert recipe.to_strings() == {
        "data": "mnist",
        "seed": "3",
        "filters": "8",
        "hidden": "16",
        "batch": "32",
        "bias_rule": "notes",
        "learning_rate": "0.01,501:0.1,2000:1e-05",
    }


def test_fields_that_are_missing_take_their_defaults() -> None:
    assert Recipe.from_json("{}") == Recipe()
    assert Recipe.from_json('{"seed": 5}') == Recipe(seed=5)
    assert Recipe.from_json('{"learning_rate": 0.5}') == Recipe(learning_rate=0.5)
    assert Recipe.from_strings({}) == Recipe()


# The rates


def test_the_rate_of_a_step_by_hand() -> None:
    recipe = Recipe(learning_rate=[(1, 0.5), (3, 0.25), (4, 2.0)])

    assert [recipe.rate_at(step) for step in (1, 2, 3, 4, 5, MAX_STEPS)] == [
        0.5,
        0.5,
        0.25,
        2,
        2,
        2,
    ]


@given(schedules(), st.data())
def test_the_rate_of_any_step(schedule: tuple[tuple[int, float], ...], data: st.DataObject) -> None:
    near = {step + by for step, _ in schedule for by in (-1, 0, 1)} - {0}
    step = data.draw(STEPS | st.sampled_from(sorted(near)))

    assert Recipe(learning_rate=schedule).rate_at(step) == rate_by_scanning(schedule, step)


@given(schedules(), st.data(), RATES)
def test_another_rate_from_a_step_on(
    schedule: tuple[tuple[int, float], ...], data: st.DataObject, rate: float
) -> None:
    """Before the step nothing changes; from it on nothing is left of what was to come."""
    starts = [step for step, _ in schedule]
    from_step = data.draw(STEPS | st.sampled_from(starts))
    recipe = Recipe(seed=9, learning_rate=schedule)

    changed = recipe.with_rate(from_step, rate)

    for step in {1, from_step - 1, from_step, from_step + 1, MAX_STEPS, *starts} - {0}:
        expected = rate if step >= from_step else rate_by_scanning(schedule, step)
        assert changed.rate_at(step) == expected
    assert recipe.learning_rate == schedule
    assert (changed.seed, changed.hidden) == (9, 40)
    assert Recipe.from_json(changed.to_json()) == changed


def test_the_same_rate_again_is_no_entry() -> None:
    assert Recipe(learning_rate=0.1).with_rate(50, 0.1) == Recipe(learning_rate=0.1)


def test_after_the_last_step_of_any_run_there_is_no_rate_to_change() -> None:
    """The slider of a run that has ended may still be moved."""
    assert Recipe().with_rate(MAX_STEPS + 1, 0.5) == Recipe()


# What it determines

OTHERWISE = [
    Recipe(seed=5, data="mnist"),
    Recipe(seed=5, batch=64),
    Recipe(seed=5, bias_rule="notes"),
    Recipe(seed=5, learning_rate=[(1, 0.3), (7, 0.1)]),
]


OTHER_SHAPES = [Recipe(seed=5, filters=8), Recipe(seed=5, hidden=256)]


@given(st.integers(0, 2**32 - 1), st.integers(1, 2_000_000), st.integers(1, 300))
def test_an_epoch_shows_every_image_once(seed: int, epoch: int, count: int) -> None:
    assert sorted(Recipe(seed=seed).order(epoch, count)) == list(range(count))


def test_each_epoch_and_each_seed_has_its_own_order() -> None:
    """Forty orders of 100 images: two equal ones among them come up once in 10^155 trials."""
    orders = {
        Recipe(seed=seed).order(epoch, 100).tobytes()
        for seed in (0, 1, 2, 2**32 - 1)
        for epoch in range(1, 11)
    }

    assert len(orders) == 40


def test_a_first_image_is_as_likely_as_another() -> None:
    """Of 2,000 epochs of ten images, each image opens about 200.

    A count has the deviation √(2000·0.1·0.9) = 13.4; five of them are allowed.
    """
    opened = [Recipe(seed=3).order(epoch, 10)[0] for epoch in range(1, 2001)]

    assert np.abs(np.bincount(opened, minlength=10) - 200).max() <= 67


@pytest.mark.parametrize("other", [*OTHERWISE, *OTHER_SHAPES], ids=repr)
def test_the_order_depends_on_seed_and_epoch_alone(other: Recipe) -> None:
    np.testing.assert_array_equal(other.order(3, 50), Recipe(seed=5).order(3, 50))


@pytest.mark.parametrize("other", OTHERWISE, ids=repr)
def test_the_first_parameters_depend_on_the_seed_and_the_shape_alone(other: Recipe) -> None:
    first = Recipe(seed=5).initial_parameters().vector

    assert other.initial_parameters().vector.tobytes() == first.tobytes()
    assert Recipe(seed=6).initial_parameters().vector.tobytes() != first.tobytes()


def test_nothing_outside_the_recipe_has_a_say() -> None:
    """Another process: its strings hash differently, its global generator stands elsewhere."""
    code = (
        "import sys, numpy; from cnn import Recipe\n"
        "numpy.random.rand(7)\n"
        "recipe = Recipe(seed=12, filters=2)\n"
        "sys.stdout.buffer.write(recipe.initial_parameters().vector.tobytes())\n"
        "sys.stdout.buffer.write(recipe.order(4, 99).tobytes())"
    )
    other = subprocess.run(
        [sys.executable, "-B", "-c", code],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "1"},
        capture_output=True,
        check=True,
    )

    recipe = Recipe(seed=12, filters=2)
    here = recipe.initial_parameters().vector.tobytes() + recipe.order(4, 99).tobytes()
    assert other.stdout == here


@pytest.mark.parametrize(("filters", "hidden"), [(1, 40), (3, 7), (8, 256)])
def test_the_first_parameters_have_the_notes_shapes(filters: int, hidden: int) -> None:
    parameters = Recipe(filters=filters, hidden=hidden).initial_parameters()

    assert parameters.filters.shape == (filters, 3, 3)
    assert parameters.hidden_weights.shape == (hidden, filters * 169)
    assert parameters.output_weights.shape == (10, hidden)
    assert parameters.vector.dtype == np.float32
    assert not parameters.vector.flags.writeable


def test_biases_start_at_0_and_weights_do_not() -> None:
    parameters = Recipe(seed=1, filters=8).initial_parameters()

    assert not parameters.filter_bias.any()
    assert not parameters.hidden_bias.any()
    assert not parameters.output_bias.any()
    assert parameters.filters.all()


@pytest.mark.parametrize(
    ("name", "shape", "variance"),
    [
        ("filters", {"filters": 8, "hidden": 1}, 2 / 9),
        ("hidden_weights", {"filters": 2, "hidden": 40}, 2 / (2 * 169)),
        ("output_weights", {"filters": 1, "hidden": 50}, 1 / 50),
    ],
)
def test_weights_are_drawn_by_he(name: str, shape: dict[str, int], variance: float) -> None:
    """The mean is 0 and the variance 2 / inputs before a ReLU, 1 / inputs before the softmax.

    All weights of a hundred seeds together, n of them. For n normal draws the mean has the
    standard deviation √(variance/n), and the variance √(2/n) of itself; five of each are
    allowed. With n ≥ 7,200 a rule that is off by a tenth does not pass.
    """
    drawn = np.concatenate(
        [
            getattr(Recipe(seed=seed, **shape).initial_parameters(), name).ravel()
            for seed in range(100)
        ]
    ).astype(np.float64)

    assert len(drawn) >= 7_200
    assert abs(drawn.mean()) <= 5 * math.sqrt(variance / len(drawn))
    assert abs((drawn**2).mean() / variance - 1) <= 5 * math.sqrt(2 / len(drawn))
