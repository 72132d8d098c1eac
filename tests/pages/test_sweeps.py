"""Sweeps on the experiments page, without a browser, on real processes."""

import hashlib
import os
import re
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
from streamlit.testing.v1 import AppTest, app_test
from streamlit.testing.v1.local_script_runner import LocalScriptRunner

from cnn import Recipe
from data import Digits, named_by_content
from data.cache import VARIABLE
from experiments import Outcome, Record, Sweep, digest_of, read_record
from experiments.record import Keeper
from experiments.running import _processes
from pages.parts.keys import Key
from pages.parts.session import Session
from pages.parts.sweeping import Sweeping, kept_sweeps
from pages.parts.task import Progress, Task

pytestmark = pytest.mark.usefixtures("alone")


@pytest.fixture(autouse=True)
def _kept_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sweeps are kept in a folder of the test's own."""
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    monkeypatch.delenv("WATCH_IT_LEARN_SCHEDULER", raising=False)


@pytest.fixture
def visit(digits: Digits) -> Session:
    """A visit that has just begun."""
    return Session.begun(digits, Recipe())


def field(app: AppTest, name: str, value: str) -> None:
    app.text_input(key=f"{Key.SWEEP_FIELD}_{name}").set_value(value)


def small_sweep(app: AppTest) -> None:
    field(app, "learning_rate", "0.01, 0.3")
    field(app, "batch", "10")
    field(app, "seeds", "0, 1")
    drawn(app)
    app.button_group(key=Key.SWEEP_LENGTH).set_value("steps")
    app.number_input(key=Key.SWEEP_COUNT).set_value(200)
    drawn(app)


def finished(app: AppTest) -> Sweeping:
    sweeping = held(app).kept.sweeping
    assert sweeping
    assert sweeping.task
    sweeping.task.join()
    assert sweeping.task.error is None
    drawn(app)
    return sweeping


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
    assert session.held.name == "sweep, run 2"
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
    sweeping.begun = {1: 1.0, 2: 3.0, 3: 2.0}
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


def brought(app: AppTest, content: bytes) -> AppTest:
    (uploader,) = (one for one in app.file_uploader if "results of a sweep" in one.label)
    uploader.set_value(("sweep.jsonl", content, "application/jsonl"))
    return drawn(app)


def test_a_file_is_opened_and_its_ends_are_marked(digits: Digits, visit: Session) -> None:
    record = Record(Sweep((0.01, 0.1), seeds=(0,)), digest_of(digits))
    record.outcomes = {
        0: Outcome(0, "diverged", "Why.", 3, held_out_accuracy=0.1),
        1: Outcome(1, "dead", "Why.", 4_000, held_out_accuracy=0.2),
    }
    app = brought(opened("experiments", visit), record.to_bytes())
    (figure,) = (f for f in figures(app) if f["layout"]["xaxis"].get("type") == "log")
    assert trace(figure, "runs")["marker"]["symbol"] == ["x", "diamond-open"]
    names = {one.get("name") for one in figure["data"]}
    assert {"diverged", "died: learns no more"} <= names
    table = app.dataframe[-1].value
    assert table["End"].tolist() == ["diverged", "died: learns no more"]
    assert not app.warning


def test_what_has_failed_is_said_although_it_has_no_dot(digits: Digits, visit: Session) -> None:
    record = Record(Sweep((0.01, 0.1), seeds=(0, 1)), digest_of(digits))
    record.outcomes = {
        0: Outcome(0, "finished", step=9, held_out_accuracy=0.5),
        1: Outcome(1, "failed", "The *worker* died."),
        2: Outcome(2, "failed", "The *worker* died."),
    }
    app = brought(opened("experiments", visit), record.to_bytes())
    assert [one.value for one in app.warning] == [r"2 runs failed. The \*worker\* died\."]
    assert trace(figures(app)[-1], "runs")["customdata"] == [0]
    assert "Go on" in [button.label for button in app.button]


def test_rates_that_are_close_are_named_but_once(digits: Digits, visit: Session) -> None:
    rates = (0.011, 0.013, 0.3, 100.0)  # the first two are 0.07 of four decades apart
    record = Record(Sweep(rates, seeds=(0,)), digest_of(digits))
    record.outcomes = {
        place: Outcome(place, "finished", step=9, held_out_accuracy=0.5) for place in range(4)
    }
    app = brought(opened("experiments", visit), record.to_bytes())
    (figure,) = (f for f in figures(app) if f["layout"]["xaxis"].get("type") == "log")
    assert figure["layout"]["xaxis"]["ticktext"] == ["0.011", "0.3", "100"]
    assert list(trace(figure, "runs")["x"]) == [*rates]  # each with its dot


def test_the_picture_is_drawn_over_what_has_several_values(digits: Digits, visit: Session) -> None:
    def drawn_over(app: AppTest) -> tuple[str, list[str], list[float]]:
        (figure,) = (f for f in figures(app) if f["layout"]["xaxis"].get("type") == "log")
        axis = figure["layout"]["xaxis"]
        runs = [x for one in figure["data"] if one.get("mode") == "markers" for x in one["x"]]
        return axis["title"]["text"], axis["ticktext"], runs

    sweep = Sweep((0.01, 0.1), hidden=(20, 40), seeds=(7,))
    record = Record(sweep, digest_of(digits))
    record.outcomes = {p: Outcome(p, "finished", step=9, held_out_accuracy=0.5) for p in range(4)}
    app = brought(opened("experiments", visit), record.to_bytes())
    assert drawn_over(app) == ("learning rate η", ["0.01", "0.1"], [0.01, 0.1, 0.01, 0.1])
    app.button_group(key=f"{Key.SWEEP_OVER}_learning_rate_hidden_step").set_value("hidden")
    drawn(app)
    assert drawn_over(app) == ("hidden units", ["20", "40"], [20, 40, 20, 40])
    (figure,) = (f for f in figures(app) if f["layout"]["xaxis"].get("type") == "log")
    told = [line for one in figure["data"] if one.get("mode") == "markers" for line in one["text"]]
    assert told[1] == (
        "run 3: η 0.01, batch 1, filters 1, hidden 40, seed 7<br>"
        "50.00% recognised after step 9, finished"
    )

    record = Record(Sweep((0.01,), batch=(1, 16), seeds=(0,)), digest_of(digits))
    record.outcomes = {p: Outcome(p, "finished", step=9, held_out_accuracy=0.5) for p in range(2)}
    app = brought(opened("experiments", Session.begun(digits, Recipe())), record.to_bytes())
    assert drawn_over(app) == ("images a step", ["1", "16"], [1, 16])
    app.button_group(key=f"{Key.SWEEP_OVER}_batch_step").set_value("step")
    drawn(app)
    (figure,) = (f for f in figures(app) if f["layout"]["xaxis"]["title"]["text"] == "step")
    assert [one["x"] for one in figure["data"] if one.get("mode") == "markers"] == [[9], [9]]
    names = [one["name"] for one in figure["data"] if one.get("mode") == "lines"]
    assert names == ["batch 1", "batch 16"]


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


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        (
            "learning_rate",
            "0.001, abc",
            "Learning rates: 'abc' is no number. "
            "Write numbers, separated by commas, such as 0.01, 0.03.",
        ),
        (
            "learning_rate",
            " , ",
            "Learning rates: nothing is given. "
            "Write numbers, separated by commas, such as 0.01, 0.03.",
        ),
        ("learning_rate", "0.1, 0", "Learning rates: '0' is not above 0 and at most 1,000,000."),
        ("learning_rate", "nan", "Learning rates: 'nan' is no number."),
        ("learning_rate", "0.1, 0.10", "Learning rates: 0.1 is given twice. Take one of them out."),
        (
            "batch",
            "ten",
            "Images a step: 'ten' is no whole number. "
            "Write whole numbers, separated by commas, such as 1, 10.",
        ),
        ("batch", "1001", "Images a step: '1001' is not from 1 to 1,000."),
        ("filters", "9", "Filters: '9' is not from 1 to 8."),
        ("filters", "1.5", "Filters: '1.5' is no whole number."),
        ("hidden", "40; 50", "Hidden units: '40; 50' is no whole number."),
        ("hidden", "0", "Hidden units: '0' is not from 1 to 256."),
        ("seeds", "x", "Seeds: 'x' is no whole number."),
        ("seeds", "-1", "Seeds: '-1' is not from 0 to 4,294,967,295."),
        ("seeds", ", ".join(map(str, range(201))), "Seeds: 201 values, and 200 are the most."),
        ("seeds", ", ".join(map(str, range(41))), "This is 205 runs"),
    ],
)
def test_nonsense_in_a_field_is_said(visit: Session, name: str, value: str, sentence: str) -> None:
    app = opened("experiments", visit)
    field(app, name, value)
    drawn(app)
    said = app.error[0].value.replace("\\", "")
    assert sentence in said
    assert not re.search(r"learning_rate|from step|\bbatch\b|\bhidden\b", said)  # names in the code
    assert "Start the sweep" not in [button.label for button in app.button]


def test_a_list_whose_values_have_no_partner_and_a_run_without_end(visit: Session) -> None:
    app = opened("experiments", visit)
    field(app, "learning_rate", "0.01, 0.02, 0.02")
    field(app, "filters", "1, 2")
    drawn(app)
    app.button_group(key=Key.SWEEP_COMBINE).set_value("list")
    drawn(app)
    assert app.error[0].value.replace("\\", "") == (
        "In a list of settings every field with several values has the same number of them. "
        "Here they have: Learning rates: 3, Filters: 2."
    )
    field(app, "filters", "1, 2, 3")
    app.number_input(key=Key.SWEEP_COUNT).set_value(1_001)
    drawn(app)
    said = app.error[0].value.replace("\\", "")
    assert said == "Each run takes 1,000 epochs at most, not 1,001."
    app.number_input(key=Key.SWEEP_COUNT).set_value(1)
    drawn(app)
    assert not app.error
    assert "**9 runs**" in text(app)
