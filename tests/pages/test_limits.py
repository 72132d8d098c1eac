"""The limits that the server's owner sets, as a visitor meets them."""

import re
import time
from collections.abc import Iterator

import pytest
import streamlit as st
from live_page import set_pace
from opening import drawn, held, opened, press, text

from cnn import Recipe
from data import Digits
from pages.parts.limits import Limits, LimitsError, limits
from pages.parts.pace import FASTEST
from pages.parts.session import Session
from pages.parts.turns import TURNS, Allowance, Turns

LONGEST, STEPS_A_SECOND, VISITORS, SWEEPS = (
    f"WATCH_IT_LEARN_{name}"
    for name in ("LONGEST_RUN", "STEPS_A_SECOND", "VISITORS_TRAINING", "SWEEP_PROCESSES")
)


@pytest.fixture(autouse=True)
def _read_again() -> Iterator[None]:
    limits.cache_clear()
    yield
    limits.cache_clear()


def _until_nobody_plays() -> None:
    while TURNS.players:  # who played in the tests before
        time.sleep(0.1)


def test_nothing_said_is_the_defaults() -> None:
    assert Limits.said({LONGEST: "", STEPS_A_SECOND: " "}) == Limits()
    assert Limits().longest_run == 2_000_000


@pytest.mark.parametrize(
    ("name", "said", "least", "most"),
    [
        (LONGEST, "0", "1", "2,000,000"),
        (LONGEST, "2000001", "1", "2,000,000"),
        (LONGEST, "many", "1", "2,000,000"),
        (LONGEST, "9" * 5_000, "1", "2,000,000"),
        (LONGEST, "٣", "1", "2,000,000"),
        (STEPS_A_SECOND, "-5", "1", "10,000,000"),
        (STEPS_A_SECOND, "1.5", "1", "10,000,000"),
        (VISITORS, "1e3", "1", "1,000"),
        ("WATCH_IT_LEARN_ALLOW_PATHS", "yes", "0", "1"),
    ],
)
def test_nonsense_is_refused_in_a_sentence(name: str, said: str, least: str, most: str) -> None:
    with pytest.raises(LimitsError) as refusal:
        Limits.said({name: said})
    assert str(refusal.value) == (
        f"The owner of this server has set {name} to “{said[:40]}”: "
        f"it has to be a whole number from {least} to {most}."
    )


def test_a_page_says_so_and_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LONGEST, "<b>long</b>")
    app = opened("live")
    (error,) = app.error
    assert r"\<b\>long\</b\>" in error.value
    assert not app.button


def test_a_run_ends_where_the_owner_says(digits: Digits, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LONGEST, "25")
    app = opened("live", Session.begun(digits, Recipe(batch=4)))
    press(app, "Play")
    while held(app).playing:
        drawn(app)
    assert held(app).run.step == 25
    assert "25 steps, where every run ends" in app.info[0].value
    press(app, "Reset")
    assert held(app).run.step == 1


def test_a_link_beyond_the_end_comes_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LONGEST, "25")
    app = opened("live")
    held(app).goal = 400
    drawn(app)
    assert held(app).run.step == 25
    assert held(app).goal is None


def test_a_visitor_takes_no_more_steps_a_second_than_the_owner_allows(
    digits: Digits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(STEPS_A_SECOND, "20")
    app = opened("live", Session.begun(digits, Recipe()))
    set_pace(app, FASTEST)
    press(app, "Play")
    start, before = time.monotonic(), held(app).run.step
    while time.monotonic() < start + 1.5:
        drawn(app)
        most = 20 * (time.monotonic() - start + 1)  # and a second's worth from before
        assert held(app).run.step - before <= most
    assert held(app).run.step - before >= 20
    press(app, "Pause")


def test_an_allowance_grows_to_a_seconds_worth(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    allowance = Allowance()
    assert allowance.steps(10) == 1
    allowance.take(1)
    now += 0.25
    assert allowance.steps(10) == 2
    now += 60.0
    assert allowance.steps(10) == 10
    allowance.take(10)
    assert allowance.steps(10) == 0


def test_who_comes_too_late_waits_and_goes_on_by_itself(
    digits: Digits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VISITORS, "1")
    _until_nobody_plays()
    first, second = (opened("live", Session.begun(digits, Recipe())) for _ in range(2))
    for app in (first, second):
        press(app, "Play")
        drawn(app)
    assert held(first).run.step > 1
    stood = held(second).run.step
    drawn(second)
    assert held(second).run.step == stood == 1
    assert held(second).playing
    assert any("As many visitors train" in caption.value for caption in second.caption)
    press(second, "Pause")
    press(second, "Step")  # by hand is not playing
    assert held(second).run.step == 2
    press(second, "Play")
    press(first, "Pause")
    drawn(second)
    drawn(second)
    assert held(second).run.step > 2
    assert not any("As many visitors train" in caption.value for caption in second.caption)
    press(second, "Pause")
    assert TURNS.players == 0


def test_a_page_says_how_many_share_the_machine() -> None:
    _until_nobody_plays()
    for somebody in (-1, -2):
        with TURNS.turn(somebody, 100, 60.0, 0.01):
            pass
    try:
        said = [caption.value for caption in opened("live").caption]
    finally:
        for somebody in (-1, -2):
            TURNS.leave(somebody)
    assert "2 visitors train on this machine now and share its time." in said
    assert not any("share its time" in caption.value for caption in opened("live").caption)


def test_turns_are_shorter_the_more_share_them(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 50.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    turns = Turns()
    for visitor, seconds in ((1, 0.08), (2, 0.04), (1, 0.04), (3, 0.08 / 3)):
        with turns.turn(visitor, 10, 0.06, 0.08) as end:
            assert end == pytest.approx(now + seconds)
    with turns.turn(4, 10, 4.0, None) as end:  # a step every four seconds takes nothing away
        assert end == float("inf")
    with turns.turn(1, 10, 0.06, 0.08) as end:
        assert end == pytest.approx(now + 0.08 / 3)
    with turns.turn(5, 4, 0.06, 0.08) as end:
        assert end is None
    assert turns.players == 4
    now += 3.1  # all but the slow one should have come again
    assert turns.players == 1
    with turns.turn(5, 4, 0.06, 0.08) as end:
        assert end == pytest.approx(now + 0.08)


def test_a_replay_takes_no_allowance_and_leaves_its_place(
    digits: Digits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(STEPS_A_SECOND, "1")
    _until_nobody_plays()
    app = opened("live", Session.begun(digits, Recipe()))
    held(app).goal = 300
    drawn(app)
    assert held(app).run.step == 300
    assert TURNS.players == 0


@pytest.mark.parametrize(
    ("name", "said", "sentence"),
    [
        (SWEEPS, "0", "No sweeps are run on this server: its owner has said so."),
        (
            LONGEST,
            "3999",
            "A run takes at most 3,999 steps on this server, and one of these takes 4,000: ask "
            "for fewer.",
        ),
    ],
)
def test_a_sweep_keeps_to_the_owners_limits(
    name: str, said: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, said)
    app = opened("experiments")
    assert [re.sub(r"\\", "", error.value) for error in app.error] == [sentence]
    assert "Start the sweep" not in [button.label for button in app.button]


def test_a_sweep_has_no_more_processes_than_the_owner_allows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("joblib.cpu_count", lambda: 8)
    assert "on 8 processes" in text(opened("experiments"))
    limits.cache_clear()
    monkeypatch.setenv(SWEEPS, "3")
    assert "on 3 processes" in text(opened("experiments"))


def test_a_sweep_is_never_run_by_the_server_itself() -> None:
    with pytest.raises(LimitsError, match=r"SWEEP_PROCESSES to “1”: it has to be 0, for no sweeps"):
        Limits.said({SWEEPS: "1"})


@pytest.mark.parametrize("most", ["0", "-1"])
def test_an_upload_of_nothing_is_no_limit(most: str) -> None:
    before = st.get_option("server.maxUploadSize")
    st.config.set_option("server.maxUploadSize", int(most))
    try:
        (error,) = opened("live").error
    finally:
        st.config.set_option("server.maxUploadSize", before)
    assert "STREAMLIT_SERVER_MAX_UPLOAD_SIZE" in error.value.replace("\\", "")
