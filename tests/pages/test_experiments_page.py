"""The experiments page without a browser: the runs of the visit, and sweeps on real processes."""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from mounting import figures, trace
from opening import drawn, held, opened, press, text
from streamlit.testing.v1 import AppTest
from threadpoolctl import threadpool_limits

from cnn import Recipe, Run
from data import Digits
from data.cache import VARIABLE
from experiments import Outcome, Record, Sweep, read_record
from pages.parts.comparing import Parting, differences, parting
from pages.parts.held import Held
from pages.parts.keys import Key
from pages.parts.session import Session
from pages.parts.sweeping import Sweeping, digest_of


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Sweeps are kept in a folder of the test's own."""
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    monkeypatch.delenv("WATCH_IT_LEARN_SCHEDULER", raising=False)
    st.cache_resource.clear()
    with threadpool_limits(limits=1, user_api="blas"):
        yield
    st.cache_resource.clear()


@pytest.fixture
def visit(digits: Digits) -> Session:
    """A run of 300 steps, and one that was forked off after 120 with another rate."""
    visit = Session.begun(digits, Recipe(learning_rate=0.02))
    visit.run.advance(299)
    visit.fork(120, 0.2)
    visit.run.advance(80)
    return visit


# ---- The runs of the visit ----


def test_the_table_has_every_run_with_its_newest_numbers(visit: Session) -> None:
    app = opened("experiments", visit)
    table = app.dataframe[0].value
    assert table["Run"].tolist() == ["1", "2 · in hand"]
    assert table["η"].tolist() == ["0.02", "0.02 → 0.2"]
    assert table["Step"].tolist() == [300, 200]
    histories = [visit.others[1].run.history, visit.run.history]
    losses = [history.loss[-100:].mean(dtype=float) for history in histories]
    assert table["Loss"].tolist() == pytest.approx(losses)
    right = [history.correct[-100:].mean() for history in histories]
    assert table["Training"].tolist() == pytest.approx(right)


def test_runs_are_renamed_taken_in_hand_and_removed(visit: Session) -> None:
    app = opened("experiments", visit)
    app.selectbox(key=Key.RUN_CHOSEN).set_value(1)
    drawn(app)
    app.text_input(key=f"{Key.RUN_NAME}_1").set_value("  the *slow*  one ")
    drawn(app)
    assert app.dataframe[0].value["Run"].tolist() == ["1 · the *slow* one", "2 · in hand"]
    press(app, "Take in hand")
    session = held(app)
    assert (session.held.number, session.held.name, session.run.step) == (1, "the *slow* one", 300)
    app.selectbox(key=Key.RUN_CHOSEN).set_value(2)
    drawn(app)
    press(app, "Remove")
    assert list(held(app).runs) == [1]
    assert "There is one run so far" in "\n".join(caption.value for caption in app.caption)


def test_a_name_is_shown_as_it_was_typed(visit: Session) -> None:
    """Boxes take no Markdown, so nothing is escaped in them; Plotly takes HTML, so it is."""
    visit.rename(1, "a_b <b>x</b>")
    app = opened("experiments", visit)
    title = "run 1 “a_b <b>x</b>”"
    assert app.selectbox(key=Key.RUN_CHOSEN).options[0] == title
    assert app.multiselect(key=Key.COMPARED).options[0] == title
    for figure in figures(app)[:2]:
        assert len(trace(figure, "run 1 “a_b &lt;b&gt;x&lt;/b&gt;”")["x"])


def test_a_run_in_hand_cannot_be_removed(visit: Session) -> None:
    app = opened("experiments", visit)
    disabled = {button.label: button.disabled for button in app.button}
    assert disabled["Remove"]
    assert disabled["Take in hand"]
    visit.remove(visit.held.number)
    assert list(visit.runs) == [1, 2]


def test_two_runs_side_by_side(visit: Session) -> None:
    app = opened("experiments", visit)
    said = text(app).replace("\\", "")
    assert "learning rate: 0.02 in run 1, 0.02 and 0.2 from step 121 in run 2" in said
    assert "part at step **121**: the learning rate, 0.02 and 0.2" in said
    assert "Run 2 was forked off after step 120" in said
    loss, accuracy = figures(app)[:2]
    for number, one in visit.runs.items():
        assert trace(loss, f"run {number}")["x"][-1] == one.run.step
        judged = one.run.history
        assert list(trace(accuracy, f"run {number}")["y"]) == judged.held_out_accuracy.tolist()
    assert app.slider(key=Key.COMPARED_STEP).max == 200
    app.slider(key=Key.COMPARED_STEP).set_value(120)
    drawn(app)
    (html,) = (e.proto.body for e in app.get("html") if "<figure>" in e.proto.body)
    words = re.findall(r'alt="filter 1 of run \d after step 120: ([^"]*)"', html)
    assert len(words) == 2
    assert words[0] == words[1]  # until there they are one run
    app.slider(key=Key.COMPARED_STEP).set_value(121)
    drawn(app)
    (html,) = (e.proto.body for e in app.get("html") if "<figure>" in e.proto.body)
    assert len(set(re.findall(r'src="([^"]*)" alt="filter', html))) == 2


def test_where_two_runs_part_against_a_plain_look_at_every_step(digits: Digits) -> None:
    def run(steps: int, **given: object) -> Run:
        run = Run(Recipe(**given), digits.images, digits.labels)
        run.advance(steps)
        return run

    base = run(60)
    changed = run(60, learning_rate=[(1, 0.01), (38, 0.02)])
    plain = next(
        t
        for t in range(1, 61)
        if base.at(t).after.vector.tobytes() != changed.at(t).after.vector.tobytes()
    )
    found = parting(base, changed)
    assert (found.step, found.agreed) == (plain, plain - 1) == (38, 37)
    assert "learning rate" in found.why
    assert parting(base, run(30)) == Parting(None, 30, "")
    assert parting(base, run(30, seed=4)) == Parting(0, None, "seed")
    assert parting(base, run(30, hidden=20, seed=4)) == Parting(0, None, "seed and hidden units")
    assert parting(base, run(30, batch=2)) == Parting(1, 0, "images a step")
    held = [Held(one, digits, n) for n, one in enumerate((base, changed), 1)]
    assert differences(held) == [
        "learning rate: 0.01 in run 1, 0.01 and 0.02 from step 38 in run 2"
    ]
    assert differences([held[0], held[0]]) == []


# ---- Sweeps ----


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
