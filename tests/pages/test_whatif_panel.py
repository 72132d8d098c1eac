"""Another weight: the pictures against the loops, and that nothing is trained by it."""

import numpy as np
import oracle
import pytest
from mounting import begun, figures, mounted, toggled, trace
from opening import drawn, text
from streamlit.testing.v1 import AppTest
from translation import SYMBOLS, to_oracle

from cnn import Step
from cnn.arithmetic import Place
from data import Digits
from pages.parts.session import Session
from pages.parts.whatif_panel import whatif_panel
from pages.parts.wording import GROUPS


def by_the_notes(
    step: Step, image: int, name: str, where: tuple[int, ...], value: float
) -> oracle.Forward:
    """The forward pass of the loops with one parameter replaced."""
    moved = to_oracle(step.before)
    getattr(moved, SYMBOLS[name])[where] = value
    return oracle.forward(moved, step.images[image] / 255)


def opened(session: Session, number: int, **given: object) -> AppTest:
    return toggled(mounted(whatif_panel, session, number, **given), "What if")


def choose(app: AppTest, group: str, **position: int) -> None:
    app.selectbox[0].select(group)
    drawn(app)
    for label, value in position.items():
        wanted = label.replace("_", " ")
        (number,) = (one for one in app.number_input if one.label == wanted)
        number.set_value(value)
        drawn(app)


CASES = [
    ("filters", {"filter": 2, "row_u": 1, "column_v": 2}, (1, 1, 2), 1),
    ("filter_bias", {"filter": 2}, (1,), 1),
    (
        "hidden_weights",
        {"hidden_unit_r": 7, "filter": 2, "pooled_row_i": 4, "pooled_column_j": 6},
        (7, 169 + 4 * 13 + 6),
        1,
    ),
    ("hidden_bias", {"hidden_unit_r": 11}, (11,), 0),
    ("output_weights", {"digit_c": 3, "hidden_unit_r": 7}, (3, 7), 0),
    ("output_bias", {"digit_c": 9}, (9,), 0),
]


@pytest.mark.parametrize(("group", "position", "where", "shown"), CASES, ids=list(GROUPS))
def test_maps_probabilities_and_loss_are_those_of_the_loops(
    digits: Digits, group: str, position: dict[str, int], where: tuple[int, ...], shown: int
) -> None:
    session = begun(digits, 30, filters=2, batch=2)
    app = opened(session, 30, image=1)
    choose(app, group, **position)
    step, slider = session.run.at(30), app.slider[0]
    real = float(getattr(step.before, group)[where])
    assert slider.value == pytest.approx(real)
    slider.set_value(real + 0.8)
    drawn(app)

    before = by_the_notes(step, 1, group, where, real)
    after = by_the_notes(step, 1, group, where, real + 0.8)
    assert np.abs(after.p - before.p).max() > 0
    maps, bars = figures(app)
    expected = []
    for field in ("f", "P"):
        old, new = getattr(before, field)[shown], getattr(after, field)[shown]
        expected += [old, new, new - old]
    for heat, values in zip(maps["data"], expected, strict=True):
        np.testing.assert_allclose(heat["z"], values, atol=2e-6)
    for name, values in (("as it is", before.p), ("with the change", after.p)):
        drawn_bars = trace(bars, name)
        np.testing.assert_allclose(drawn_bars["x"], values, atol=2e-6)
        assert drawn_bars["text"] == [f"{x:.4f}" for x in drawn_bars["x"]]
    loss = -np.log(after.p[step.labels[1]])
    assert float(app.metric[0].value) == pytest.approx(loss, abs=1e-4)
    change = loss + np.log(before.p[step.labels[1]])
    sign, number = app.metric[0].delta[0], float(app.metric[0].delta.split()[0])
    assert sign in "+-"
    assert number == pytest.approx(change, abs=1.1e-4)


def test_the_difference_is_framed_where_it_is_largest(digits: Digits) -> None:
    session = begun(digits, 30)
    app = opened(session, 30)
    choose(app, "filters", row_u=1, column_v=1)
    app.slider[0].set_value(app.slider[0].value + 1)
    drawn(app)

    maps = figures(app)[0]
    colours = maps["layout"]["coloraxis2"]
    assert colours["cmin"] == -colours["cmax"]
    frames = {frame["xref"]: frame for frame in maps["layout"]["shapes"]}
    assert len(frames) == 6
    for heat, axis in ((maps["data"][2], "x3"), (maps["data"][5], "x6")):
        difference = np.abs(np.asarray(heat["z"]))
        i, j = np.unravel_index(difference.argmax(), difference.shape)
        frame = frames[axis]
        assert (frame["x0"], frame["y0"]) == (j - 0.5, i - 0.5)
        assert (frame["x1"], frame["y1"]) == (j + 0.5, i + 0.5)
    changed = np.count_nonzero(np.asarray(maps["data"][2]["z"]))
    assert f"{changed} cells of the feature map's 676 changed" in text(app)


def test_one_click_returns_and_nothing_was_trained(digits: Digits) -> None:
    session = begun(digits, 30)
    vector, at = session.run.parameters.vector.copy(), session.run.at(30).before.vector.copy()
    app = opened(session, 30)
    real = app.slider[0].value
    assert app.button[0].disabled
    app.slider[0].set_value(real - 1)
    drawn(app)
    assert not app.button[0].disabled

    app.button[0].click()
    drawn(app)

    assert app.slider[0].value == real
    assert app.button[0].disabled
    assert not np.asarray(figures(app)[0]["data"][2]["z"]).any()
    assert "shapes" not in figures(app)[0]["layout"] or not figures(app)[0]["layout"]["shapes"]
    np.testing.assert_array_equal(session.run.parameters.vector, vector)
    np.testing.assert_array_equal(session.run.at(30).before.vector, at)
    assert session.run.step == 30


def test_a_parameter_after_the_maps_leaves_them_as_they_are(digits: Digits) -> None:
    session = begun(digits, 30)
    app = opened(session, 30)
    choose(app, "output_bias", digit_c=4)
    app.slider[0].set_value(app.slider[0].value + 1)
    drawn(app)

    assert "stay as they are" in text(app)
    assert not np.asarray(figures(app)[0]["data"][2]["z"]).any()
    bars = figures(app)[1]
    assert trace(bars, "with the change")["x"][4] > trace(bars, "as it is")["x"][4]


def test_where_nothing_can_change_it_says_so(digits: Digits) -> None:
    """The weight of a hidden unit that is off, whatever it is, is multiplied with 0."""
    session = begun(digits, 30)
    off = int(np.flatnonzero(session.run.at(30).forward.a1[0] == 0)[0])
    app = opened(session, 30)
    choose(app, "output_weights", digit_c=4, hidden_unit_r=off)
    app.slider[0].set_value(app.slider[0].value + 1)
    drawn(app)

    assert "Nothing changes for this image" in text(app)
    assert app.metric[0].delta == ""


@pytest.mark.parametrize(
    ("place", "label"),
    [
        (Place("filters", 5, None, 1), "k[1,2] of filter 2"),
        (Place("dk", 7, None, 0), "k[2,1] of filter 1"),
        (Place("new_filter_bias", 0, None, 1), "b of filter 2"),
        (Place("hidden_weights", 3 * 338 + 169 + 13 + 2), "W1[3,184]"),
        (Place("dW2", 2 * 40 + 17), "W2[2,17]"),
        (Place("db1", 12), "b1[12]"),
    ],
)
def test_a_pinned_parameter_is_the_one_to_move(digits: Digits, place: Place, label: str) -> None:
    session = begun(digits, 10, filters=2)
    app = opened(session, 10, pinned=place)

    assert app.slider[0].label.startswith(f"{label}, which is ")
    # Another choice holds until something else is pinned.
    choose(app, "output_bias", digit_c=1)
    assert app.slider[0].label.startswith("b2[1], ")
    drawn(app)
    assert app.slider[0].label.startswith("b2[1], ")


def test_what_is_no_parameter_is_passed_over(digits: Digits) -> None:
    session = begun(digits, 10)
    app = opened(session, 10, pinned=Place("z", 300, 0, 0))

    assert app.slider[0].label.startswith("k[0,0], ")


def test_another_step_begins_at_its_own_value(digits: Digits) -> None:
    session = begun(digits, 30)
    app = opened(session, 30)
    app.slider[0].set_value(app.slider[0].value + 1)
    drawn(app)
    app.session_state["number"] = 20
    drawn(app)

    assert app.slider[0].value == pytest.approx(float(session.run.at(20).before.filters[0, 0, 0]))
    assert app.button[0].disabled
