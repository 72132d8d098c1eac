"""The experiments page without a browser: the runs of the visit, side by side."""

import re

import pytest
from mounting import figures, trace
from opening import drawn, held, opened, press, text

from cnn import Recipe, Run
from data import Digits
from pages.parts.comparing import Parting, differences, parting
from pages.parts.held import Held
from pages.parts.keys import Key
from pages.parts.session import Session

pytestmark = pytest.mark.usefixtures("alone")


@pytest.fixture
def visit(digits: Digits) -> Session:
    """A run of 300 steps, and one that was forked off after 120 with another rate."""
    visit = Session.begun(digits, Recipe(learning_rate=0.02))
    visit.run.advance(299)
    visit.fork(120, 0.2)
    visit.run.advance(80)
    return visit


def test_the_table_has_every_run_with_its_newest_numbers(visit: Session) -> None:
    app = opened("experiments", visit)
    table = app.dataframe[0].value
    assert table["Run"].tolist() == ["1", "2 · in hand"]
    assert any("keeps up to 6 runs" in caption.value for caption in app.caption)
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
    # A browser shows what it had chosen, by its old name, unless it is told.
    chosen = app.selectbox(key=Key.RUN_CHOSEN).proto
    assert (chosen.set_value, chosen.raw_value) == (True, "run 1 “the *slow* one”")
    press(app, "Take in hand")
    assert app.dataframe[0].value["Run"].tolist() == ["1 · in hand · the *slow* one", "2"]
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
    for figure in (loss, accuracy):
        assert [line["x0"] for line in figure["layout"]["shapes"]] == [120]  # where it was forked
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


def test_of_three_runs_every_pair_is_compared(visit: Session) -> None:
    visit.start(visit.digits, Recipe(learning_rate=0.02))
    visit.run.advance(49)
    said = text(opened("experiments", visit))
    assert "runs 1 and 2 part at step **121**" in said
    assert "runs 1 and 3, 2 and 3 agree in every bit up to step 50" in said


def test_a_new_run_joins_the_comparison_and_one_taken_out_stays_out(visit: Session) -> None:
    app = opened("experiments", visit)
    assert app.multiselect(key=Key.COMPARED).value == [1, 2]
    app.multiselect(key=Key.COMPARED).unselect(1)
    drawn(app)
    held(app).start(visit.digits, Recipe(seed=5))
    drawn(app)
    assert app.multiselect(key=Key.COMPARED).value == [2, 3]


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


def test_the_step_of_the_filters_is_the_last_that_all_have_unless_one_is_chosen(
    visit: Session,
) -> None:
    app = opened("experiments", visit)
    assert app.slider(key=Key.COMPARED_STEP).value == 200
    held(app).run.advance(50)
    drawn(app)
    assert app.slider(key=Key.COMPARED_STEP).value == 250
    app.slider(key=Key.COMPARED_STEP).set_value(120)
    drawn(app)
    held(app).run.advance(50)
    drawn(app)
    assert app.slider(key=Key.COMPARED_STEP).value == 120
