"""A recipe: what it refuses, in one sentence."""

import json
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recipes import DEFAULTS, INF, NAN, RATES, WHOLE

from cnn import Recipe, RecipeError
from cnn.recipe import MAX_LEARNING_RATE, MAX_STEPS

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


@pytest.mark.parametrize("field", WHOLE)
@pytest.mark.parametrize("text", ["abc", "-1", "1.5", "9" * 11, "9" * 20, "9" * 5_000])
def test_it_is_said_which_whole_numbers_there_are(field: str, text: str) -> None:
    least, most = WHOLE[field]
    with pytest.raises(RecipeError) as caught:
        Recipe.from_strings({field: text})
    assert str(caught.value).startswith(
        f"{field} is a whole number from {least:,} to {most:,}, not"
    )


def test_a_whole_number_that_is_too_large_is_quoted_as_it_is() -> None:
    with pytest.raises(RecipeError) as caught:
        Recipe.from_strings({"seed": "9" * 20})
    sentence = "seed is a whole number from 0 to 4,294,967,295, not 99999999999999999999."
    assert str(caught.value) == sentence


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


@pytest.mark.parametrize("rate", [0, -1, NAN, INF, True, "0.1", None, 1e7])
def test_a_rate_that_makes_no_sense_is_refused_there_too(rate: float) -> None:
    assert_refused(lambda: Recipe().with_rate(5, rate), "learning_rate")
