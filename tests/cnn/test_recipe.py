"""A recipe: what it lets in, what it turns into and back, and what it determines."""

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import FrozenInstanceError, asdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cnn import Recipe, RecipeError
from cnn.recipe import MAX_LEARNING_RATE, MAX_STEPS

ROOT = Path(__file__).parents[2]
DEFAULTS = {
    "data": "bundled",
    "seed": 0,
    "filters": 1,
    "hidden": 40,
    "batch": 1,
    "bias_rule": "exact",
    "learning_rate": ((1, 0.01),),
}
WHOLE = {"seed": (0, 2**32 - 1), "filters": (1, 8), "hidden": (1, 256), "batch": (1, 1000)}

RATES = st.floats(0, MAX_LEARNING_RATE, exclude_min=True)
STEPS = st.integers(1, MAX_STEPS)


@st.composite
def schedules(draw: st.DrawFn) -> tuple[tuple[int, float], ...]:
    later = draw(st.sets(st.integers(2, MAX_STEPS), max_size=5))
    return tuple((step, draw(RATES)) for step in (1, *sorted(later)))


NAMES = st.text("abcXYZ019-_.", min_size=1, max_size=40)
RECIPES = st.builds(
    Recipe,
    data=NAMES,
    **{field: st.integers(least, most) for field, (least, most) in WHOLE.items()},
    bias_rule=st.sampled_from(["exact", "notes"]),
    learning_rate=schedules(),
)


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


# What is refused

NAN, INF = math.nan, math.inf
NOT_WHOLE = [True, False, np.True_, 1.0, np.float32(1), "1", None, [1], (1,), {}, b"1", 1j, NAN]
NOT_A_RATE = [True, np.True_, 0, 0.0, -0.0, -0.1, NAN, INF, -INF, np.float32(NAN), 1e7, 10**400,
              np.longdouble(1e7), None, 1j, Ellipsis]  # fmt: skip
NONSENSE: list[tuple[str, object]] = [
    *[(field, value) for field in WHOLE for value in NOT_WHOLE],
    *[(field, least - 1) for field, (least, _) in WHOLE.items()],
    *[(field, most + 1) for field, (_, most) in WHOLE.items()],
    *[(field, sign * 10**5000) for field in WHOLE for sign in (1, -1)],
    *[("bias_rule", value) for value in ("", "Exact", "exact ", "both", None, 0, True, ["exact"])],
    ("bias_rule", np.array(["exact", "notes"])),
    *[
        ("data", value)
        for value in ("", "a" * 41, "a b", "a/b", "a\nb", "<b>", "é", "\ud800", "x,")
    ],
    *[("data", value) for value in (None, 0, True, b"mnist", ["mnist"])],
    *[("learning_rate", value) for value in NOT_A_RATE],
    *[("learning_rate", [(1, value)]) for value in [*NOT_A_RATE, "0.1", [0.1]]],
    *[("learning_rate", [(1, 0.1), (value, 0.1)]) for value in [*NOT_WHOLE, 0, -1, MAX_STEPS + 1]],
    ("learning_rate", [(1, 0.1), (10**5000, 0.1)]),
    ("learning_rate", []),
    ("learning_rate", ""),
    ("learning_rate", {}),
    ("learning_rate", "0.1"),
    ("learning_rate", "ab"),
    ("learning_rate", [0.1]),
    ("learning_rate", ["ab"]),
    ("learning_rate", [None]),
    ("learning_rate", [(1,)]),
    ("learning_rate", [(1, 0.1, 0.2)]),
    ("learning_rate", [{1: 0.1}]),
    ("learning_rate", np.array(0.1)),
    ("learning_rate", [(2, 0.1)]),  # nothing says what step 1 does
    ("learning_rate", [(1, 0.1), (1, 0.2)]),
    ("learning_rate", [(1, 0.1), (9, 0.2), (5, 0.3)]),
    ("learning_rate", [(1, 0.1), (9, 0.2), (9, 0.2)]),
]


def assert_refused(make: Callable[[], Recipe], named: str) -> None:
    """One sentence, short enough to read, on one line, that names the field."""
    with pytest.raises(RecipeError) as caught:
        make()
    text = str(caught.value)
    assert named in text
    assert text.endswith(".")
    assert text.isprintable(), "a line break or worse"
    assert text[0].isupper() or text.startswith(named)
    assert len(text) <= 140


def shown(value: object) -> str:
    try:
        return repr(value)[:30]
    except ValueError:  # Python does not write a number of 5,000 digits
        return "huge"


@pytest.mark.parametrize(
    ("field", "value"), NONSENSE, ids=[f"{field}-{shown(value)}" for field, value in NONSENSE]
)
def test_nonsense_is_refused_in_one_sentence(field: str, value: object) -> None:
    assert_refused(lambda: Recipe(**{field: value}), field)


def test_the_sentences() -> None:
    """Three of them in full, as a person reads them."""
    for fields, sentence in (
        ({"filters": 9}, "filters is a whole number from 1 to 8, not 9."),
        ({"learning_rate": 0}, "learning_rate is a number above 0 and at most 1,000,000, not 0."),
        (
            {"learning_rate": [(1, 0.1), (500, 0.2), (20, 0.3)]},
            "The steps of learning_rate begin with 1 and rise, which step 20 does not fit.",
        ),
    ):
        with pytest.raises(RecipeError) as caught:
            Recipe(**fields)
        assert str(caught.value) == sentence


@pytest.mark.parametrize(
    "text", ["", "{", "nonsense", "{'seed': 1}", '{"seed": 01}', "\x00", "1" * 5000]
)
def test_broken_json_is_refused(text: str) -> None:
    assert_refused(lambda: Recipe.from_json(text), "The recipe is not valid JSON")


@pytest.mark.parametrize("text", ["[]", "null", "1", "true", '"seed"', "NaN", '[{"seed": 1}]'])
def test_json_that_is_no_object_is_refused(text: str) -> None:
    assert_refused(lambda: Recipe.from_json(text), "The recipe is not a JSON object")


@pytest.mark.parametrize("field", DEFAULTS)
def test_json_nested_however_deep_is_refused(field: str) -> None:
    """Also where Python can read the nesting but no longer write it."""
    for depth in (1, 2, 100, *range(900, 1000), 100_000):
        with pytest.raises(RecipeError):
            Recipe.from_json(f'{{"{field}": {"[" * depth}{"]" * depth}}}')


@pytest.mark.parametrize(
    "name", ["", "Seed", "seed ", "epochs", "__class__", "self", "a" * 1000, "\n"]
)
def test_a_field_that_no_recipe_has_is_refused(name: str) -> None:
    assert_refused(lambda: Recipe.from_json(json.dumps({name: 1})), "A recipe has no field")
    assert_refused(lambda: Recipe.from_strings({name: "1"}), "A recipe has no field")


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(1, 8)
    | st.floats()
    | RATES
    | st.text(max_size=5)
    | st.sampled_from(["exact", "notes", "bundled"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=5,
)


def is_rate(value: object) -> bool:
    return type(value) in (int, float) and 0 < value <= MAX_LEARNING_RATE


def is_step(value: object) -> bool:
    return type(value) is int and 1 <= value <= MAX_STEPS


def makes_sense(field: str, value: object) -> bool:
    """What the recipe's docstring lets in, said once more."""
    if field in WHOLE:
        least, most = WHOLE[field]
        return type(value) is int and least <= value <= most
    if field == "bias_rule":
        return value in ("exact", "notes")
    if field == "data":
        letters = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")
        return isinstance(value, str) and 1 <= len(value) <= 40 and set(value) <= letters
    if not isinstance(value, list):
        return is_rate(value)
    if not all(isinstance(entry, list) and len(entry) == 2 for entry in value):
        return False
    if not value or not all(is_step(step) and is_rate(rate) for step, rate in value):
        return False
    steps = [step for step, _ in value]
    return steps[0] == 1 and steps == sorted(set(steps))


@given(
    st.sampled_from(list(DEFAULTS)),
    JSON | st.lists(st.tuples(st.integers(0, 4), RATES).map(list), max_size=3),
)
def test_any_json_makes_a_recipe_or_a_sentence(field: str, value: object) -> None:
    text = json.dumps({field: value})
    if makes_sense(field, value):
        kept = json.loads(Recipe.from_json(text).to_json())[field]
        assert kept == (value if field != "learning_rate" or type(value) is list else [[1, value]])
    else:
        assert_refused(lambda: Recipe.from_json(text), field)


HOSTILE = ["", " ", "-1", "+1", "1.0", "1e3", "0x10", "1_0", "٣", "²", "9" * 11, "9" * 5000, "nan"]


@pytest.mark.parametrize("field", WHOLE)
@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:11])
def test_a_string_that_is_no_whole_number_is_refused(field: str, text: str) -> None:
    assert_refused(lambda: Recipe.from_strings({field: text}), field)


@pytest.mark.parametrize(
    "text",
    ["", ",", "0.1,", ",0.1", "0.1,0.2", "1:0.1", "0.1,5:", "0.1,:0.2", "0.1,5:0.2:3", "0.1,-5:0.2",
     "0.1,5.0:0.2", "0.1,²:0.2", "0.1,1:0.2", "0.1,9:0.2,5:0.3", "0.1;5:0.2", "nan", "inf", "-0.1",
     "0", "1e400", "0.1,5:nan", "abc", "0.1\x00", f"0.1,{'9' * 5000}:0.2", "0.1,9999999:0.2",
     "<script>", "0.1," * 1000],
    ids=lambda text: text[:12],
)  # fmt: skip
def test_a_string_that_is_no_rate_is_refused(text: str) -> None:
    assert_refused(lambda: Recipe.from_strings({"learning_rate": text}), "learning_rate")


@given(
    st.sampled_from(list(DEFAULTS)), st.text(max_size=12) | st.text("0123456789.,:e-", max_size=12)
)
def test_any_string_makes_a_recipe_or_a_sentence(field: str, text: str) -> None:
    try:
        recipe = Recipe.from_strings({field: text})
    except RecipeError:
        assert_refused(lambda: Recipe.from_strings({field: text}), field)
    else:
        assert Recipe.from_strings(recipe.to_strings()) == recipe


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


@pytest.mark.parametrize("rate", [0, -1, NAN, INF, True, "0.1", None, 1e7])
def test_a_rate_that_makes_no_sense_is_refused_there_too(rate: float) -> None:
    assert_refused(lambda: Recipe().with_rate(5, rate), "learning_rate")


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
