"""Sweeps on the experiments page, without a browser, on real processes."""

import hashlib
import os
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from mounting import figures, trace
from opening import drawn, held, opened, press, text
from streamlit.runtime.scriptrunner import RerunData
from streamlit.runtime.scriptrunner_utils.script_requests import ScriptRequests
from streamlit.testing.v1 import app_test
from streamlit.testing.v1.local_script_runner import LocalScriptRunner
from sweeps_page import brought, field, finished, small_sweep

from cnn import Recipe
from data import Digits, named_by_content
from experiments import Outcome, Record, Sweep, digest_of, read_record
from experiments.record import Keeper
from experiments.running import _processes
from pages.parts.keys import Key
from pages.parts.session import Session
from pages.parts.sweeping import Sweeping, begun, gone_on, kept_sweeps, taken_up
from pages.parts.task import Progress, Task

pytestmark = pytest.mark.usefixtures("alone", "kept_apart")


def test_a_sweep_from_the_fields_to_the_time_machine(visit: Session, tmp_path: Path) -> None:
    app = opened("experiments", visit)
    small_sweep(app)
    assert "**4 runs** of at most 200; 800 steps in all" in text(app)
    press(app, "Start the sweep")
    sweeping = finished(app)
    record = sweeping.record
    assert record.missing == []
    assert read_record(sweeping.path.read_bytes()).outcomes == record.outcomes
    (figure,) = (f for f in figures(app) if f["layout"]["xaxis"].get("type") == "log")
    shares = {p: o.held_out_accuracy for p, o in record.outcomes.items()}
    runs = trace(figure, "runs")
    assert [runs["customdata"][at] for at in range(4)] == [0, 1, 2, 3]
    assert list(runs["y"]) == [shares[place] for place in range(4)]
    medians = [np.median([shares[0], shares[1]]), np.median([shares[2], shares[3]])]
    assert list(trace(figure, "median of the seeds")["y"]) == pytest.approx(medians)

    # By keyboard: the box does what a click on a dot does.
    app.selectbox(key=Key.SWEEP_RUN).set_value(1)
    drawn(app)
    session = held(app)
    assert session.run.recipe == Recipe(seed=1, batch=10, learning_rate=0.01)
    assert session.run.step == 200
    assert session.held.name == "η 0.01, seed 1"
    assert session.run.at(200).after.vector.tobytes() == session.run.parameters.vector.tobytes()

    ended = hashlib.sha256(session.run.parameters.vector.tobytes()).hexdigest()
    assert ended == record.outcomes[1].parameters


class OnePart(LocalScriptRunner):
    """Draws the whole page, and from then on at each request one part of it alone.

    So Streamlit does where a click and the timer of another part come at the same time.
    """

    parts: ClassVar[set[str]] = set()
    part: ClassVar[str | None] = None

    def request_rerun(self, rerun_data: RerunData) -> bool:
        if self.part:
            self._requests = ScriptRequests()  # it was to draw the whole page first
        return super().request_rerun(replace(rerun_data, fragment_id=self.part))

    def _on_script_finished(self, *given: Any) -> None:
        super()._on_script_finished(*given)
        if self.part is None:
            OnePart.parts = {message.delta.fragment_id for message in self.forward_msgs()} - {""}


def test_a_run_of_a_sweep_opens_whichever_part_of_the_page_hears_of_it(
    digits: Digits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app_test, "LocalScriptRunner", OnePart)
    record = Record(Sweep((0.03,), seeds=(5,)), digest_of(digits))
    record.outcomes = {0: Outcome(0, "finished", step=20, held_out_accuracy=0.5)}
    heard: set[str] = set()
    while heard != OnePart.parts or not heard:
        visit = Session.begun(digits, Recipe())
        visit.kept.sweeping = Sweeping(record, digits, Path("unused"))
        visit.play()
        monkeypatch.setattr(OnePart, "part", None)
        app = opened("experiments", visit)
        monkeypatch.setattr(OnePart, "part", min(OnePart.parts - heard))
        heard.add(OnePart.part or "")
        app.selectbox(key=Key.SWEEP_RUN).set_value(0)
        drawn(app)
        session = held(app)
        assert session.run.recipe == Recipe(seed=5, learning_rate=0.03)
        assert session.run.step == 20  # the live page has trained it
        assert not app.subheader  # of the experiments page
    assert len(heard) >= 4


def test_a_sweep_that_was_left_is_found_again_and_goes_on(digits: Digits, visit: Session) -> None:
    """What a closed tab or a stopped server leaves: a file, half way."""
    app = opened("experiments", visit)
    small_sweep(app)
    press(app, "Start the sweep")
    sweeping = finished(app)
    lines = sweeping.path.read_bytes().splitlines(keepends=True)
    sweeping.path.write_bytes(b"".join(lines[:3]))  # the sweep and two runs

    app = opened("experiments", Session.begun(digits, Recipe()))  # another visit
    small_sweep(app)
    assert "of which 2 are there already" in text(app)
    app.selectbox(key=Key.SWEEP_KEPT).set_value(0)
    drawn(app)
    press(app, "Go on")
    again = finished(app)
    assert again.path == sweeping.path
    assert again.path.read_bytes().startswith(b"".join(lines[:3]))
    ends = {place: o.parameters for place, o in sweeping.record.outcomes.items()}
    assert {place: o.parameters for place, o in again.record.outcomes.items()} == ends


def test_what_goes_on_while_another_sweep_runs(digits: Digits, tmp_path: Path) -> None:
    """One run has ended and two have failed; another visitor, whose turn it is, runs one of them.

    What a test holds here is the turn.
    """
    sweep = Sweep((0.01,), batch=(10,), seeds=(0, 1, 2), epochs=None, steps=20)
    record = Record(sweep, digest_of(digits))
    record.outcomes = {place: Outcome(place, "failed", "No room.") for place in (1, 2)}
    record.outcomes[0] = Outcome(0, "finished", step=20)
    sweeping = Sweeping(record, digits, tmp_path / "sweep.jsonl")
    assert sweeping.done == 3
    with _processes:
        sweeping.go()
        assert sweeping.task
        deadline = time.monotonic() + 60
        while not sweeping.waiting or not sweeping.path.exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert (sweeping.done, sweeping.left) == (1, None)
        others = Outcome(1, "finished", step=20, seconds=123.0)
        Keeper(sweeping.path, record).keep(others)
    sweeping.task.join()
    assert sweeping.task.error is None
    assert sweeping.record.outcomes[1] == others
    assert [sweeping.record.outcomes[place].end for place in range(3)] == ["finished"] * 3
    assert (sweeping.todo, sweeping.ended) == (1, 1)  # it has run but one itself
    assert sweeping.path.read_bytes().count(b"\n") == 6


def test_who_asks_for_a_sweep_that_runs_is_given_it(
    digits: Digits, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A visitor starts one, another asks for it, and both have it until the second leaves too."""
    tabs = {"first", "second"}
    monkeypatch.setattr("pages.parts.sweeping._is_there", tabs.__contains__)

    def as_visitor(name: str) -> None:
        monkeypatch.setattr("pages.parts.sweeping._visitor", lambda: name)

    as_visitor("first")
    record = Record(Sweep((0.01,), seeds=(0, 1), epochs=500), digest_of(digits))
    one = begun(record, digits)
    one.go()
    assert one.task
    try:
        deadline = time.monotonic() + 60
        while not one.path.exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        as_visitor("second")
        again = Record(record.sweep, record.digits)
        other = begun(again, digits)
        assert other is one
        assert gone_on(other) is one
        assert taken_up(one.path, {"bundled": digits}.get) is one
        seen = taken_up(one.path, {}.get)  # by somebody who has not its digits
        assert (seen.digits, seen.running) == (None, False)
        assert gone_on(seen) is seen
        left = other.cancelled()
        assert (left.running, one.running) == (False, True)  # the first still waits for it
        assert left.left_to_others
        assert gone_on(left) is one
        tabs.remove("first")  # whose tab is closed
        assert one.cancelled() is one
        assert not one.running
    finally:
        one.task.cancel()
        one.task.join()
    assert begun(again, digits) is not one


def test_a_sweep_that_a_reload_took_out_of_the_hand_is_offered(
    digits: Digits, visit: Session
) -> None:
    app = opened("experiments", visit)
    assert "Take it up" not in [button.label for button in app.button]
    small_sweep(app)
    press(app, "Start the sweep")
    path = finished(app).path
    assert "Show the sweep" not in [button.label for button in app.button]  # it is shown
    app = opened("experiments", Session.begun(digits, Recipe()))
    assert "Take it up" not in [button.label for button in app.button]  # it has ended
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:3]))
    app = opened("experiments", Session.begun(digits, Recipe()))
    assert "kept here: 2 of 4 runs, η 0.01 to 0.3, bundled" in text(app).replace("\\", "")
    press(app, "Take it up")
    sweeping = held(app).kept.sweeping
    assert sweeping
    assert (sweeping.path, sweeping.done) == (path, 2)
    assert "Go on" in [button.label for button in app.button]


def test_what_nobody_has_foreseen_is_said_too(
    digits: Digits, visit: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*given: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("pages.parts.sweeping.run_sweep", broken)
    app = opened("experiments", visit)
    press(app, "Start the sweep")
    sweeping = held(app).kept.sweeping
    assert sweeping
    assert sweeping.task
    sweeping.task.join()
    drawn(app)
    assert "nobody has foreseen (ZeroDivisionError)" in app.error[-1].value.replace("\\", "")


def test_the_time_that_is_left_is_that_of_the_runs_still_to_run(digits: Digits) -> None:
    """Of four runs one has ended before, and two of the others within ten seconds.

    Those were to take one and three seconds of a core, and the last is to take two.
    """
    record = Record(Sweep((0.01,), seeds=(0, 1, 2, 3)), digest_of(digits))
    record.outcomes = {place: Outcome(place, "finished", step=9) for place in (0, 1, 2)}
    sweeping, over = Sweeping(record, digits, Path("unused")), threading.Event()

    def work(report: Progress) -> None:
        over.wait(60)

    sweeping.task = Task(work)
    sweeping.todo, sweeping.ended, sweeping.since = 3, 2, time.monotonic() - 10
    sweeping.costs = {1: 1.0, 2: 3.0, 3: 2.0}
    assert sweeping.left == pytest.approx(5, abs=1)
    assert sweeping.done == 3
    over.set()
    sweeping.task.join()


def test_the_list_of_sweeps_reads_a_file_again_only_when_it_has_changed(
    digits: Digits, tmp_path: Path
) -> None:
    path = tmp_path / "sweeps" / "0.jsonl"
    record = Record(Sweep((0.01,), seeds=(0, 1)), digest_of(digits))
    Keeper(path, record).keep(Outcome(0, "finished"))
    assert [kept.ended for kept in kept_sweeps()] == [1]
    stat = path.stat()
    path.write_bytes(b" " * stat.st_size)  # damaged, and nothing outside tells
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert [kept.ended for kept in kept_sweeps()] == [1]
    path.write_bytes(record.to_bytes())
    assert [kept.ended for kept in kept_sweeps()] == [0]
    path.write_bytes(b"damaged")
    assert kept_sweeps() == []


def test_a_cancelled_sweep_ends(visit: Session) -> None:
    app = opened("experiments", visit)
    field(app, "learning_rate", "0.01")
    drawn(app)
    app.number_input(key=Key.SWEEP_COUNT).set_value(500)
    drawn(app)
    press(app, "Start the sweep")
    press(app, "Cancel the sweep")
    sweeping = held(app).kept.sweeping
    assert sweeping
    assert sweeping.task
    sweeping.task.join()
    assert sweeping.record.outcomes == {}
    assert not sweeping.running


def test_a_file_that_is_opened_again_has_what_came_of_it_since(
    digits: Digits, visit: Session
) -> None:
    record = Record(
        Sweep((0.01,), batch=(10,), seeds=(0, 1), epochs=None, steps=20), digest_of(digits)
    )
    record.outcomes = {0: Outcome(0, "finished", step=20, held_out_accuracy=0.5)}
    app = brought(opened("experiments", visit), record.to_bytes())
    # The fields above it still say five rates and three seeds.
    assert "learning rates **0.01**, images a step **10**" in text(app)
    assert "seeds **0, 1**; **20** steps each" in text(app)
    (save,) = (b.proto for b in app.get("download_button") if "Save the results" in b.proto.label)
    assert save.deferred_file_id  # nothing is made of it until somebody asks
    press(app, "Go on")
    ended = finished(app).record.outcomes
    assert len(ended) == 2
    app = brought(opened("experiments", Session.begun(digits, Recipe())), record.to_bytes())
    sweeping = held(app).kept.sweeping
    assert sweeping
    assert sweeping.record.outcomes == ended
    assert "Go on" not in [button.label for button in app.button]
    assert kept_sweeps() == []  # what a file says is offered to nobody else


def test_the_shell_is_offered_no_digits_of_ones_own(digits: Digits, visit: Session) -> None:
    def offered(visit: Session) -> list[str]:
        app = opened("experiments", visit)
        assert "Start the sweep" in [button.label for button in app.button]
        return [button.proto.label for button in app.get("download_button")]

    shell = "The same for the shell (.toml)"
    assert shell in offered(visit)
    own = named_by_content(digits)
    assert shell not in offered(Session.begun(own, Recipe(data=own.name)))


def test_a_damaged_file_and_one_on_other_digits(digits: Digits, visit: Session) -> None:
    app = brought(opened("experiments", visit), b"no sweep")
    assert "not the file of a sweep" in app.error[0].value
    record = Record(Sweep(seeds=(0,)), "0" * 64)
    app = brought(opened("experiments", visit), record.to_bytes())
    assert any("trained on digits called" in warning.value for warning in app.warning)
    assert {b.label: b.disabled for b in app.button}["Go on"]
