"""A link: what it says, what is made of it, and that nothing in it can hurt."""

from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from cnn import Recipe
from data import Digits
from pages.parts.keys import Key
from pages.parts.link import link, wanted
from pages.parts.refusal import plain
from pages.parts.session import Session

ROOT = Path(__file__).parents[2]
HERE = "https://learn.example/class/step"


def query(address: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(address).query, strict_parsing=True))


def test_a_link_is_written_as_one_reads_it() -> None:
    recipe = Recipe(seed=3, filters=2, learning_rate=[(1, 0.01), (501, 0.1)])
    assert link(f"{HERE}?seed=8&step=4#top", recipe, 700) == (
        f"{HERE}?seed=3&filters=2&learning_rate=0.01,501:0.1&step=700"
    )
    for live in ("http://localhost:8501", "http://localhost:8501/"):
        assert link(live, Recipe(), 12) == "http://localhost:8501/?step=12"


def test_what_the_run_does_after_the_step_is_not_said() -> None:
    recipe = Recipe(learning_rate=[(1, 0.01), (501, 0.1), (900, 0.02)])
    assert query(link(HERE, recipe, 899))["learning_rate"] == "0.01,501:0.1"
    assert "learning_rate" not in query(link(HERE, recipe, 500))


RECIPES = st.builds(
    Recipe,
    data=st.sampled_from(["bundled", "mnist", "own-1a2b3c4d"]),
    seed=st.integers(0, 2**32 - 1),
    filters=st.integers(1, 8),
    hidden=st.integers(1, 256),
    batch=st.integers(1, 1_000),
    bias_rule=st.sampled_from(["exact", "notes"]),
    learning_rate=st.floats(1e-12, 1e6),
)


@given(RECIPES, st.integers(1, 2_000_000))
def test_a_link_is_read_as_it_was_written(recipe: Recipe, step: int) -> None:
    asked = wanted(query(link(HERE, recipe, step)))
    assert (asked.recipe, asked.step, asked.ignored) == (recipe, step, None)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"step": "0"}, "step is a whole number from 1 to 2,000,000, not '0'."),
        ({"step": "2000001"}, "step is a whole number"),
        ({"step": "1e3"}, "step is a whole number"),
        ({"step": "١"}, "step is a whole number"),  # a digit, though not one of ours
        ({"step": "9" * 5_000}, "step is a whole number"),
        ({"seed": "-1"}, "seed is a whole number from 0 to 4,294,967,295, not '-1'."),
        ({"filters": "9"}, "filters is a whole number from 1 to 8, not 9."),
        ({"hidden": ""}, "hidden is a whole number from 1 to 256, not ''."),
        ({"bias_rule": "<script>alert(1)</script>"}, "bias_rule is 'exact' or 'notes'"),
        ({"data": "../../etc/passwd"}, "data is a name of 1 to 40 letters"),
        ({"learning_rate": "nan"}, "learning_rate is a number above 0"),
        ({"learning_rate": "0.1,0.2"}, "learning_rate is written like"),
        ({"learning_rate": "0.1," * 9_999}, "learning_rate is written like"),
    ],
)
def test_a_link_that_makes_no_sense_gives_the_default_run(
    parameters: dict[str, str], words: str
) -> None:
    asked = wanted({"batch": "4"} | parameters)
    assert (asked.recipe, asked.step) == (Recipe(), 1)
    assert asked.ignored is not None
    assert words in asked.ignored
    assert len(asked.ignored) < 250


def test_what_other_sites_add_is_named_and_left_alone() -> None:
    asked = wanted({"utm_source": "x", "seed": "4", "y" * 99: "", "a": "", "b": "", "c": ""})
    assert asked.recipe == Recipe(seed=4)
    assert asked.ignored == (
        f"What the link says of “utm_source”, “{'y' * 20}”, “a” and 2 more means nothing here "
        "and was ignored."
    )


@given(st.dictionaries(st.text(max_size=20) | st.sampled_from(["step", "seed"]), st.text()))
def test_whatever_the_address_says_there_is_a_run(parameters: dict[str, str]) -> None:
    asked = wanted(parameters)
    assert 1 <= asked.step <= 2_000_000
    assert isinstance(asked.recipe, Recipe)


def opened(**parameters: str) -> AppTest:
    app = AppTest.from_file(ROOT / "app.py", default_timeout=60)
    for name, text in parameters.items():
        app.query_params[name] = text
    return app.run()


def session(app: AppTest) -> Session:
    held: Session = app.session_state[Key.SESSION]
    return held


def test_a_link_is_trained_to_its_step() -> None:
    app = opened(step="1500", seed="3", learning_rate="0.0123,1001:0.05")
    run = session(app).run
    assert run.step == 1_500
    assert run.recipe == Recipe(seed=3, learning_rate=[(1, 0.0123), (1_001, 0.05)])
    assert session(app).goal is None
    assert not app.warning


def test_what_a_link_is_quoted_with_is_no_markdown() -> None:
    """Otherwise a link could make the page fetch a picture from anywhere."""
    (warning,) = opened(**{"![](//a.example/b)": "1", "[c](//d.example)": "2"}).warning
    assert r"\!\[\]\(//a\.example/b\)" in warning.value
    assert r"\[c\]\(//d\.example\)" in warning.value


@pytest.mark.parametrize("data", ["mnist", "own-1a2b3c4d"])
def test_a_link_to_digits_that_are_not_here_says_so(data: str) -> None:
    app = opened(step="1500", data=data, seed="5")
    assert session(app).run.recipe == Recipe()
    assert session(app).run.step == 1
    (warning,) = app.warning
    assert plain(f"digits called “{data}”, which are not here") in warning.value
    app.button[[button.label for button in app.button].index("All right")].click().run()
    assert not app.warning


def test_the_run_that_is_started_on_a_links_digits_is_the_links(digits: Digits) -> None:
    app = opened(step="70", data="own-1a2b3c4d", seed="5", batch="2")
    own = replace(digits, name="own-1a2b3c4d", images=digits.images[:90], labels=digits.labels[:90])
    session(app).start(digits, Recipe(seed=8))
    assert session(app).run.recipe == Recipe(seed=8)
    session(app).start(own, Recipe(data="own-1a2b3c4d"))
    app.run()
    assert session(app).run.recipe == Recipe(data="own-1a2b3c4d", seed=5, batch=2)
    assert session(app).run.step == 70
    assert session(app).digits is own
