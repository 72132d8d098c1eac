"""The notes page: the code and the examples are the real ones, and the loops agree."""

import inspect
import re
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from mounting import begun
from opening import drawn, html, opened
from streamlit.testing.v1 import AppTest

from cnn import Step
from cnn.network import BiasRule
from cnn.slips import SLIPS
from data import Digits
from pages.parts.notes_layout import PARTS, SECTIONS
from pages.parts.notes_live import Moment
from pages.parts.notes_loops import MOST_WEIGHTS, Compared, agreement, compared

ROOT = Path(__file__).parents[2]

SHAPES = {
    **{"x": "28×28", "filters": "3×3", "filter_bias": "one number", "z": "26×26"},
    **{"feature_map": "26×26", "pooled": "13×13", "a0": "169", "z1": "40", "a1": "40"},
    **{"z2": "10", "probabilities": "10", "loss": "one number", "delta2": "10"},
    **{"dW2": "10×40", "db2": "10", "delta1": "40", "dW1": "40×169", "db1": "40"},
    **{"delta0": "13×13", "backfill": "26×26", "dz": "26×26", "dk": "3×3", "db": "one number"},
    **{"new_filters": "3×3", "new_filter_bias": "one number"},
}
"""The tables of the notes."""


def stored(step: Step, image: int = 0, filter: int = 0) -> dict[str, np.ndarray]:
    """Where every number of the page stands in a step."""
    there, back, before, after = step.forward, step.backward, step.before, step.after
    gradients = back.gradients
    return {
        "x": there.x[image],
        "z": there.z[image, filter],
        "feature_map": there.feature_map[image, filter],
        "pooled": there.pooled[image, filter],
        "a0": there.a0[image],
        "z1": there.z1[image],
        "a1": there.a1[image],
        "z2": there.z2[image],
        "probabilities": there.probabilities[image],
        "loss": back.losses[image],
        "delta2": back.delta2[image],
        "delta1": back.delta1[image],
        "delta0": back.delta0[image, filter],
        "backfill": back.backfill[image, filter],
        "dz": back.dz[image, filter],
        "filters": before.filters[filter],
        "filter_bias": before.filter_bias[filter],
        "new_filters": after.filters[filter],
        "new_filter_bias": after.filter_bias[filter],
        "dk": gradients.filters[filter],
        "db": gradients.filter_bias[filter],
        "dW1": gradients.hidden_weights,
        "db1": gradients.hidden_bias,
        "dW2": gradients.output_weights,
        "db2": gradients.output_bias,
    }


SHEET = re.compile(r'<section class="sheet" data-quantity="(\w+)" data-index="(\d+)".*?</section>')


PART = re.compile(r'data-part="(\w+)">([^<]*)<')


def sheets(written: str) -> dict[str, tuple[int, list[tuple[str, str]]]]:
    """The position and the parts of every example, by its quantity."""
    found = {}
    for match in SHEET.finditer(written):
        parts = [(name, text.replace("−", "-")) for name, text in PART.findall(match[0])]
        found[match[1]] = int(match[2]), parts
    return found


def moment(app: AppTest) -> int:
    (number,) = re.findall(r'class="moment" data-step="(\d+)"', html(app))
    return int(number)


# ---- The code ----


def test_every_section_shows_the_code_as_inspect_has_it(notes_page: AppTest) -> None:
    shown = [block.value for block in notes_page.code]
    for part in SECTIONS.values():
        for section in part:
            for functions in (section.code, section.loops):
                if not functions:
                    continue
                (block,) = {one for one in shown if one == expected(functions)}
                for function in functions:
                    file = ROOT / f"{function.__module__.replace('.', '/')}.py"
                    assert f"# {file.relative_to(ROOT)}\n" in block
                    assert inspect.getsource(function).strip() in block
                    assert inspect.getsource(function) in file.read_text(encoding="utf-8")
    for slip in SLIPS.values():
        assert f"# As the notes have it\n{inspect.getsource(slip.as_written)}".strip() in shown
        assert f"# As it is meant\n{inspect.getsource(slip.as_meant)}".strip() in shown
        assert slip.difference is None or expected((slip.difference,)) in shown


def expected(functions: tuple) -> str:
    return "\n\n".join(
        f"# {function.__module__.replace('.', '/')}.py\n{inspect.getsource(function)}"
        for function in functions
    ).strip()


def test_loops_stand_beside_all_but_what_is_drawn(notes_page: AppTest) -> None:
    without = [one.title for part in SECTIONS.values() for one in part if not one.loops]
    assert without == ["The filter and its bias"]
    for part in SECTIONS.values():
        for section in part:
            assert all(loop.__module__ == "cnn.as_in_the_notes" for loop in section.loops)
            assert all(code.__module__ != "cnn.as_in_the_notes" for code in section.code)


def test_every_section_has_its_equation_and_every_quantity_its_shape(notes_page: AppTest) -> None:
    sections = [section for part in SECTIONS.values() for section in part]
    assert [one.value for one in notes_page.latex] == [
        f"$$\n{one.equation}\n$$" for one in sections
    ]
    found = re.findall(r'data-quantity="(\w+)"><b>.*?</b> <span>(.*?)</span><br>', html(notes_page))
    assert dict(found) == SHAPES
    assert len(found) == len(SHAPES)


def test_the_contents_lead_everywhere(notes_page: AppTest) -> None:
    anchors = [heading.anchor for heading in [*notes_page.header, *notes_page.subheader]]
    assert len(set(anchors)) == len(anchors)
    assert set(re.findall(r'href="#([\w-]+)"', html(notes_page))) == set(anchors)
    assert set(PARTS) < set(anchors)


# ---- The examples ----


@pytest.mark.parametrize(
    ("filters", "batch", "rule"), [(1, 1, "exact"), (3, 4, "exact"), (2, 3, "notes")]
)
def test_every_example_is_the_steps_number_and_adds_up(
    digits: Digits, filters: int, batch: int, rule: BiasRule
) -> None:
    session = begun(digits, 40, filters, batch, rule)
    session.look.image = batch - 1
    now = Moment.now(session)
    found = sheets("".join(now.example(quantity) for quantity in SHAPES))
    assert set(found) == set(SHAPES)
    arrays = stored(session.run.at(40), batch - 1, now.thread.filter)
    for quantity, (index, parts) in found.items():
        written = next(text for name, text in parts if name == "stored")
        decimals = len(written.partition(".")[2])
        value = float(arrays[quantity].reshape(-1)[index])
        assert abs(float(written) - value) <= 0.5001 * 10**-decimals, quantity
        total = [Decimal(text) for name, text in parts if name == "total"]
        if total:
            terms = [Decimal(text) for name, text in parts if name in ("term", "rest", "bias")]
            assert round(sum(terms), -total[0].as_tuple().exponent) == total[0], quantity
            assert len(terms) > 1


def test_the_page_shows_these_examples(notes_page: AppTest, step: Step) -> None:
    found = sheets(html(notes_page))
    assert set(found) == set(SHAPES)
    for quantity, (index, parts) in found.items():
        value = float(stored(step)[quantity].reshape(-1)[index])
        assert float(dict(parts)["stored"]) == pytest.approx(value, abs=6e-5), quantity


def test_the_examples_lie_on_one_thread(notes_page: AppTest, step: Step) -> None:
    at = {quantity: index for quantity, (index, _) in sheets(html(notes_page)).items()}
    winner = int(step.forward.winner[0, 0].reshape(-1)[at["pooled"]])
    assert {at[name] for name in ("z", "feature_map", "backfill", "dz")} == {winner}
    assert at["delta0"] == at["a0"] == at["pooled"]
    passing = np.abs(step.backward.delta0[0, 0]) * (step.forward.pooled[0, 0] > 0)
    assert at["pooled"] == passing.argmax()
    assert stored(step)["dz"].reshape(-1)[winner] != 0
    unit = int(np.abs(step.backward.delta1[0]).argmax())
    assert {at[name] for name in ("z1", "a1", "delta1", "db1")} == {unit}
    assert divmod(at["dW1"], 169) == (unit, at["a0"])
    label = int(step.labels[0])
    assert divmod(at["dW2"], 40) == (label, unit)
    assert at["z2"] == at["probabilities"] == label
    row, column = divmod(at["x"], 28)
    assert 0 <= row - winner // 26 < 3
    assert 0 <= column - winner % 26 < 3


def test_they_follow_the_newest_step_or_the_one_that_is_looked_at(digits: Digits) -> None:
    session = begun(digits, 30)
    app = opened("notes", session)
    assert moment(app) == 30
    session.run.advance(12)
    assert moment(drawn(app)) == 42
    session.look_at(7)
    assert moment(drawn(app)) == 7
    next(one for one in app.button if one.label == "Follow the newest step").click()
    assert moment(drawn(app)) == 42
    assert "Follow the newest step" not in [one.label for one in app.button]


def test_a_digit_that_the_step_page_looks_at_is_named_as_such(digits: Digits) -> None:
    session = begun(digits, 30)
    session.look.examine(17)
    app = opened("notes", session)
    assert "a digit that the step page looks at" in html(app)
    assert f"“{digits.labels[17]}”" in html(app)
    assert set(sheets(html(app))) == set(SHAPES)
    next(one for one in app.button if one.label == "Follow the newest step").click()
    assert "a digit that the step page looks at" not in html(drawn(app))
    assert session.look.examined is None


def test_a_number_leads_to_the_step_page_where_it_is_pinned(digits: Digits) -> None:
    session = begun(digits, 30, filters=2)
    app = opened("notes", session)
    index, _ = sheets(html(app))["dz"]
    next(one for one in app.button if one.label == "dz on the step page").click()
    drawn(app)
    assert session.looked_at == 30
    assert session.look.pinned is not None
    filter = Moment.now(session).thread.filter
    assert (session.look.pinned.quantity, session.look.pinned.index) == ("dz", index)
    assert session.look.pinned.filter == filter
    assert any("arithmetic of dz" in one.proto.body for one in app.get("html"))


def test_a_dead_network_has_examples_too(digits: Digits) -> None:
    session = begun(digits, 3)
    with np.errstate(all="ignore"):
        session.run.set_learning_rate(30.0)
        session.run.advance(40)
    assert not session.run.at(session.run.step).forward.a1.any()
    app = opened("notes", session)
    assert set(sheets(html(app))) == set(SHAPES)


# ---- The loops on the page ----


def test_the_loops_agree_with_the_step(digits: Digits) -> None:
    step = begun(digits, 50, filters=2, batch=3).run.at(50)
    found = list(compared(step, 2, 1))
    assert [one.symbol for one in found] == [
        *("x", "z", "f", "P", "winner", "a0", "z1", "a1", "z2", "p", "loss"),
        *("δ2", "dW2", "δ1", "dW1", "δ0", "backfill", "dz", "dk", "db", "new k", "new W1"),
    ]
    for one in found:
        assert one.stored.shape == one.looped.shape, one.symbol
        assert one.difference <= 2e-5 * max(one.largest, 1e-3), one.symbol
    exact = {one.symbol for one in found if one.difference == 0}
    assert {"f", "P", "winner", "a0", "a1", "backfill", "dz"} <= exact


def test_a_difference_is_the_largest() -> None:
    one = Compared("z", "convolution", np.array([1.0, -4.0]), np.array([1.5, -1.0]))
    assert (one.difference, one.largest) == (3.0, 4.0)


def test_the_agreement_is_on_the_page(notes_page: AppTest, step: Step) -> None:
    written = html(notes_page)
    assert "Run just now, on one image of step 60" in written
    assert written.count("data-loop=") == len(list(compared(step, 0, 0)))


def test_what_would_take_too_long_is_left_out_and_said(digits: Digits) -> None:
    session = begun(digits, 2, filters=8)
    assert "W1 would take too long" not in agreement(Moment.now(session))
    many = begun(digits, 2)
    many.start(digits, many.run.recipe.__class__(filters=8, hidden=64))
    assert many.run.parameters.hidden_weights.size > MOST_WEIGHTS
    assert "W1 would take too long" in agreement(Moment.now(many))
