"""Links that make no sense: a run all the same, and one sentence about what was ignored."""

from hypothesis import given, settings
from hypothesis import strategies as st
from mutations import assert_plain
from tally import tries

from cnn import Recipe
from cnn.recipe import MAX_STEPS
from pages.parts.link import wanted

OWN = ("step", "data", "seed", "filters", "hidden", "batch", "bias_rule", "learning_rate")

TEXTS = st.one_of(
    st.text(max_size=40),
    st.integers().map(str),
    st.floats().map(repr),
    st.lists(st.floats(), max_size=5).map(lambda rates: ",".join(map(repr, rates))),
    st.lists(st.tuples(st.integers(-1, 9), st.floats(0, 1)), max_size=5).map(
        lambda entries: ",".join(f"{step}:{rate}" for step, rate in entries)
    ),
    st.sampled_from(
        ["", "9" * 5_000, "0.01," + ",".join(f"{n}:0.1" for n in range(2, 3_000)), "٣", "²", "1_0",
         "1e999", "nan", "../../etc/passwd", "<img src=x onerror=alert(1)>", "exact\x00", "own-"]
    ),
)  # fmt: skip


@settings(max_examples=1_500)
@given(st.dictionaries(st.one_of(st.sampled_from(OWN), st.text(max_size=30)), TEXTS, max_size=6))
@tries("links")
def test_whatever_the_address_says_there_is_a_run(query: dict[str, str]) -> None:
    asked = wanted(query)
    assert 1 <= asked.step <= MAX_STEPS
    assert isinstance(asked.recipe, Recipe)
    if asked.ignored is not None:
        assert_plain(ValueError(asked.ignored), " ".join([*query, *query.values()]))


@settings(max_examples=500)
@given(st.sampled_from(OWN), TEXTS)
@tries("links")
def test_one_parameter_that_makes_no_sense_is_named(name: str, text: str) -> None:
    asked = wanted({name: text})
    if asked.ignored is not None:
        assert_plain(ValueError(asked.ignored), text)
        assert asked.recipe == Recipe()
        assert asked.step == 1
