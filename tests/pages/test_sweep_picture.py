"""What is shown of a sweep's results."""

from itertools import pairwise

import pytest
from mounting import figures, trace
from opening import drawn, opened, text
from streamlit.testing.v1 import AppTest
from sweeps_page import brought

from cnn import Recipe
from data import Digits
from experiments import Outcome, Record, Sweep, digest_of
from pages.parts.keys import Key
from pages.parts.session import Session

pytestmark = pytest.mark.usefixtures("alone", "kept_apart")


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
        runs = [
            x
            for one in figure["data"]
            if one.get("mode") == "markers" and one["x"] != (None,)
            for x in one["x"]
        ]
        return axis["title"]["text"], axis["ticktext"], runs

    sweep = Sweep((0.01, 0.1), hidden=(20, 40), seeds=(7,))
    record = Record(sweep, digest_of(digits))
    record.outcomes = {
        p: Outcome(p, "finished", step=9, held_out_accuracy=0.5 + p / 10) for p in range(4)
    }
    app = brought(opened("experiments", visit), record.to_bytes())
    assert drawn_over(app) == ("learning rate η", ["0.01", "0.1"], [0.01, 0.1, 0.01, 0.1])
    app.button_group(key=f"{Key.SWEEP_OVER}_learning_rate_hidden_step").set_value("hidden")
    drawn(app)
    assert drawn_over(app) == ("hidden units", ["20", "40"], [20, 40, 20, 40])
    (figure,) = (f for f in figures(app) if f["layout"]["xaxis"].get("type") == "log")
    told = [line for one in figure["data"] if one.get("mode") == "markers" for line in one["text"]]
    assert told[1] == (
        "run 3: η 0.01, batch 1, filters 1, hidden 40, seed 7<br>"
        "70.00% recognised after step 9, finished"
    )

    record = Record(Sweep((0.01,), batch=(1, 16), seeds=(0,)), digest_of(digits))
    record.outcomes = {
        p: Outcome(p, "finished", step=9, held_out_accuracy=0.5 + p / 10) for p in range(2)
    }
    app = brought(opened("experiments", Session.begun(digits, Recipe())), record.to_bytes())
    assert drawn_over(app) == ("images a step", ["1", "16"], [1, 16])
    app.button_group(key=f"{Key.SWEEP_OVER}_batch_step").set_value("step")
    drawn(app)
    (figure,) = (f for f in figures(app) if f["layout"]["xaxis"]["title"]["text"] == "step")
    assert [one["x"] for one in figure["data"] if one.get("mode") == "markers"] == [[9], [9]]
    names = [one["name"] for one in figure["data"] if one.get("mode") == "lines"]
    assert names == ["batch 1", "batch 16"]


def test_dots_that_would_lie_on_one_another_stand_side_by_side(
    digits: Digits, visit: Session
) -> None:
    """Three seeds have died at one rate, so all of them recognise the same tenth of the digits."""
    sweep = Sweep((0.01, 1.0), filters=(1, 2), seeds=(0, 1, 2))
    record = Record(sweep, digest_of(digits))
    for place, recipe in enumerate(sweep.recipes):
        dead = recipe.rate_at(1) == 1
        share = 0.1 if dead else 0.4 + place / 20
        end = "dead" if dead else "finished"
        record.outcomes[place] = Outcome(place, end, step=9, held_out_accuracy=share)
    app = brought(opened("experiments", visit), record.to_bytes())
    (figure,) = (f for f in figures(app) if f["layout"]["xaxis"].get("type") == "log")
    at = {
        place: (float(x), float(y), symbol)
        for name in ("runs, filters 1", "runs, filters 2")
        for place, x, y, symbol in zip(
            *(trace(figure, name)[of] for of in ("customdata", "x", "y")),
            trace(figure, name)["marker"]["symbol"],
            strict=True,
        )
    }
    alive = [place for place in at if at[place][1] > 0.1]
    assert {at[place][0] for place in alive} == {0.01}
    assert {at[place][2] for place in alive} == {"circle", "square"}  # a mark for each setting
    dead = sorted(at[place][0] for place in at if at[place][1] == 0.1)
    assert len(dead) == 6
    assert all(after / before > 1.02 for before, after in pairwise(dead))
    assert dead[2] == 1  # the others are around it
    assert 0.5 < dead[0] < dead[-1] < 2

    assert [one for one in figure["data"] if one.get("fill")]
    # Over the steps they stand beside the last one.
    app.button_group(key=f"{Key.SWEEP_OVER}_learning_rate_filters_step").set_value("step")
    drawn(app)
    (figure,) = (f for f in figures(app) if f["layout"]["xaxis"]["title"]["text"] == "step")
    runs = [one for one in figure["data"] if one.get("customdata")]
    there = [(float(x), float(y)) for one in runs for x, y in zip(one["x"], one["y"], strict=True)]
    assert len(there) == 12
    for at, (x, y) in enumerate(there):
        assert 9 <= x < 10
        assert all(abs(x - a) > 0.09 or abs(y - b) > 0.029 for a, b in there[:at])
    app.button_group(key=f"{Key.SWEEP_OVER}_learning_rate_filters_step").set_value("learning_rate")
    app.button_group(key=Key.SWEEP_SCALE).set_value("results")
    drawn(app)
    (figure,) = (f for f in figures(app) if f["layout"]["xaxis"].get("type") == "log")
    assert figure["layout"]["yaxis"].get("range") is None


def test_the_best_setting_is_said_and_how_many_did_not_end_well(
    digits: Digits, visit: Session
) -> None:
    record = Record(Sweep((0.01, 0.1), seeds=(0, 1, 2)), digest_of(digits))
    ends = ("finished", "finished", "finished", "finished", "dead", "diverged")
    for place, (end, share) in enumerate(zip(ends, (0.5, 0.75, 0.625, 0.9, 0.1, 0.1), strict=True)):
        record.outcomes[place] = Outcome(place, end, step=9, held_out_accuracy=share)
    app = brought(opened("experiments", visit), record.to_bytes())
    assert (
        "The best setting: **η 0.01**, which recognises **62.5%** of the held-out digits, the "
        "median of 3 seeds (50.0% to 75.0%). Of all runs, 1 diverged and 1 died."
    ) in text(app)
    del record.outcomes[3]
    app = brought(opened("experiments", Session.begun(digits, Recipe())), record.to_bytes())
    assert "The best setting so far: **η 0.01**" in text(app)


def test_where_all_have_failed_there_is_no_picture(digits: Digits, visit: Session) -> None:
    record = Record(Sweep((0.01, 0.1), seeds=(0,)), digest_of(digits))
    record.outcomes = {place: Outcome(place, "failed", "No room.") for place in range(2)}
    app = brought(opened("experiments", visit), record.to_bytes())
    assert app.warning[-1].value == r"2 runs failed. No room\."
    assert figures(app) == []
    assert not [one for one in app.selectbox if one.label == "Open a run"]
    assert app.dataframe[-1].value["Why"].tolist() == ["No room."] * 2


def test_many_lines_have_marks_of_their_own_and_no_legend(digits: Digits, visit: Session) -> None:
    sweep = Sweep((0.01,), batch=(1, 2, 3, 4), filters=(1, 2, 3, 4), seeds=(0,))
    record = Record(sweep, digest_of(digits))
    for place in range(16):
        record.outcomes[place] = Outcome(place, "finished", step=9, held_out_accuracy=place / 16)
    app = brought(opened("experiments", visit), record.to_bytes())
    app.button_group(key=f"{Key.SWEEP_OVER}_batch_filters_step").set_value("step")
    drawn(app)
    (figure,) = figures(app)
    assert figure["layout"]["showlegend"] is False
    runs = [one for one in figure["data"] if one.get("customdata")]
    assert len(runs) == 16
    assert len({(one["marker"]["color"], one["marker"]["symbol"][0]) for one in runs}) == 16
