"""The page's address: what it names, and when."""

import json
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
from opening import APP, drawn, opened, press
from streamlit.testing.v1 import AppTest

from cnn import Recipe
from data import Digits
from pages.parts.keys import Key
from pages.parts.link import Wanted, wanted
from pages.parts.session import Session

PAGES = sorted(path.stem for path in (Path(APP).parent / "pages").glob("*.py"))


def said(app: AppTest) -> str | None:
    """What the page tells the browser to write."""
    data = [json.loads(one.proto.json) for one in app.get("bidi_component") if one.proto.json]
    (named,) = (one["run"] for one in data if "run" in one)
    assert named is None or isinstance(named, str)
    return named


def asked(app: AppTest) -> Wanted:
    return wanted(dict(parse_qsl(said(app) or "")))


def live(**parameters: str) -> AppTest:
    app = AppTest.from_file(str(APP), default_timeout=60)
    for name, text in parameters.items():
        app.query_params[name] = text
    return drawn(app)


def test_a_run_as_any_other_begins_has_the_plain_address() -> None:
    assert said(live()) == ""


def test_the_address_names_the_newest_step_and_every_rate(digits: Digits) -> None:
    app = live(seed="3", learning_rate="0.02", step="30")
    session: Session = app.session_state[Key.SESSION]
    session.run.set_learning_rate(0.05)
    session.run.advance(20)
    assert said(drawn(app)) == "seed=3&learning_rate=0.02,31:0.05&step=50"
    session.fork(40, 0.1)
    session.run.advance(5)
    session.look_at(20)
    assert said(drawn(app)) == "seed=3&learning_rate=0.02,31:0.05,41:0.1&step=45"
    assert asked(app) == (session.run.recipe, 45, None)


@pytest.mark.parametrize("page", PAGES)
def test_every_page_has_it(digits: Digits, page: str) -> None:
    session = Session.begun(digits, Recipe(seed=7, batch=2))
    assert said(opened(page, session)) == "seed=7&batch=2&step=1"


def test_a_link_to_digits_that_are_not_here_yet_stays_until_another_run_has_begun(
    digits: Digits,
) -> None:
    """So the page can be loaded again when they are here."""
    app = live(data="own-1a2b3c4d", step="70")
    session: Session = app.session_state[Key.SESSION]
    assert said(app) is None
    press(app, "Step")
    assert said(app) == "step=2"
    session.start(replace(digits, name="own-1a2b3c4d"), Recipe(data="own-1a2b3c4d"))
    assert said(drawn(app)) == "data=own-1a2b3c4d&step=70"


def test_a_rate_that_was_set_for_the_next_step_outlives_a_reload(digits: Digits) -> None:
    session = Session.begun(digits, Recipe())
    session.run.advance(99)
    session.fork(60, 0.04)
    app = opened("live", session)
    assert said(app) == "learning_rate=0.01,61:0.04&step=60"
    assert asked(app) == (Recipe(learning_rate=((1, 0.01), (61, 0.04))), 60, None)
