"""The notes page: its code is the code, its numbers are the step's, its slips come out by hand."""

import inspect
import re
from dataclasses import replace
from decimal import Decimal
from html import unescape
from pathlib import Path

import numpy as np
import oracle
import pytest
from mounting import begun
from streamlit.testing.v1 import AppTest

from cnn import Step, check_gradients
from cnn.network import BiasRule
from cnn.slips import SLIPS
from data import Digits
from pages.parts.notes_layout import PARTS, SECTIONS
from pages.parts.notes_live import Moment
from pages.parts.notes_loops import MOST_WEIGHTS, Compared, agreement, compared
from pages.parts.notes_slips import LESSONS, lesson
from pages.parts.session import Key, Session

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


def opened(session: Session) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    app.session_state[Key.SESSION] = session
    app.switch_page("pages/notes.py")
    return ran(app)


def ran(app: AppTest) -> AppTest:
    app.run()
    assert not app.exception, app.exception[0].stack_trace
    return app


def html(app: AppTest) -> str:
    return "\n".join(one.proto.body for one in app.get("html"))


def moment(app: AppTest) -> int:
    (number,) = re.findall(r'class="moment" data-step="(\d+)"', html(app))
    return int(number)


@pytest.fixture(scope="module")
def session(digits: Digits) -> Session:
    return begun(digits, 60)


@pytest.fixture(scope="module")
def app(session: Session) -> AppTest:
    return opened(session)


@pytest.fixture(scope="module")
def step(session: Session) -> Step:
    return session.run.at(60)


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


# ---- The code ----


def test_every_section_shows_the_code_as_inspect_has_it(app: AppTest) -> None:
    shown = [block.value for block in app.code]
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


def test_loops_stand_beside_all_but_what_is_drawn(app: AppTest) -> None:
    without = [one.title for part in SECTIONS.values() for one in part if not one.loops]
    assert without == ["The filter and its bias"]
    for part in SECTIONS.values():
        for section in part:
            assert all(loop.__module__ == "cnn.as_in_the_notes" for loop in section.loops)
            assert all(code.__module__ != "cnn.as_in_the_notes" for code in section.code)


def test_every_section_has_its_equation_and_every_quantity_its_shape(app: AppTest) -> None:
    sections = [section for part in SECTIONS.values() for section in part]
    assert [one.value for one in app.latex] == [f"$$\n{one.equation}\n$$" for one in sections]
    found = re.findall(r'data-quantity="(\w+)"><b>.*?</b> <span>(.*?)</span><br>', html(app))
    assert dict(found) == SHAPES
    assert len(found) == len(SHAPES)


def test_the_contents_lead_everywhere(app: AppTest) -> None:
    anchors = [heading.anchor for heading in [*app.header, *app.subheader]]
    assert len(set(anchors)) == len(anchors)
    assert set(re.findall(r'href="#([\w-]+)"', html(app))) == set(anchors)
    assert set(PARTS) < set(anchors)


# ---- The examples ----


@pytest.mark.parametrize(
    ("filters", "batch", "rule"), [(1, 1, "exact"), (3, 4, "exact"), (2, 3, "notes")]
)
def test_every_example_is_the_steps_number_and_adds_up(
    digits: Digits, filters: int, batch: int, rule: BiasRule
) -> None:
    session = begun(digits, 40, filters, batch, rule)
    session.image = batch - 1
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
            assert sum(terms) == total[0], quantity
            assert len(terms) > 1


def test_the_page_shows_these_examples(app: AppTest, step: Step) -> None:
    found = sheets(html(app))
    assert set(found) == set(SHAPES)
    for quantity, (index, parts) in found.items():
        value = float(stored(step)[quantity].reshape(-1)[index])
        assert float(dict(parts)["stored"]) == pytest.approx(value, abs=6e-5), quantity


def test_the_examples_lie_on_one_thread(app: AppTest, step: Step) -> None:
    at = {quantity: index for quantity, (index, _) in sheets(html(app)).items()}
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
    app = opened(session)
    assert moment(app) == 30
    session.run.advance(12)
    assert moment(ran(app)) == 42
    session.look_at(7)
    assert moment(ran(app)) == 7
    next(one for one in app.button if one.label == "Follow the newest step").click()
    assert moment(ran(app)) == 42
    assert "Follow the newest step" not in [one.label for one in app.button]


def test_a_digit_that_the_step_page_looks_at_is_named_as_such(digits: Digits) -> None:
    session = begun(digits, 30)
    session.examine(17)
    app = opened(session)
    assert "a digit that the step page looks at" in html(app)
    assert f"“{digits.labels[17]}”" in html(app)
    assert set(sheets(html(app))) == set(SHAPES)
    next(one for one in app.button if one.label == "Follow the newest step").click()
    assert "a digit that the step page looks at" not in html(ran(app))
    assert session.examined is None


def test_a_number_leads_to_the_step_page_where_it_is_pinned(digits: Digits) -> None:
    session = begun(digits, 30, filters=2)
    app = opened(session)
    index, _ = sheets(html(app))["dz"]
    next(one for one in app.button if one.label == "dz on the step page").click()
    ran(app)
    assert session.looked_at == 30
    assert session.pinned is not None
    filter = Moment.now(session).thread.filter
    assert (session.pinned.quantity, session.pinned.index) == ("dz", index)
    assert session.pinned.filter == filter
    assert any("arithmetic of dz" in one.proto.body for one in app.get("html"))


def test_a_dead_network_has_examples_too(digits: Digits) -> None:
    session = begun(digits, 3)
    with np.errstate(all="ignore"):
        session.run.set_learning_rate(30.0)
        session.run.advance(40)
    assert not session.run.at(session.run.step).forward.a1.any()
    app = opened(session)
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


def test_the_agreement_is_on_the_page(app: AppTest, step: Step) -> None:
    written = html(app)
    assert "Run just now, on one image of step 60" in written
    assert written.count("data-loop=") == len(list(compared(step, 0, 0)))


def test_what_would_take_too_long_is_left_out_and_said(digits: Digits) -> None:
    session = begun(digits, 2, filters=8)
    assert "W1 would take too long" not in agreement(Moment.now(session))
    many = begun(digits, 2)
    many.start(digits, many.run.recipe.__class__(filters=8, hidden=64))
    assert many.run.parameters.hidden_weights.size > MOST_WEIGHTS
    assert "W1 would take too long" in agreement(Moment.now(many))


# ---- The slips ----


@pytest.fixture
def loops(step: Step) -> tuple[oracle.Parameters, oracle.Forward, oracle.Backward, int]:
    before, label = step.before.astype(np.float64), int(step.labels[0])
    parameters = oracle.Parameters(
        before.filters,
        before.filter_bias,
        before.hidden_weights,
        before.hidden_bias,
        before.output_weights,
        before.output_bias,
    )
    seen = oracle.forward(parameters, step.images[0] / 255)
    return parameters, seen, oracle.backward(parameters, seen, label), label


def lessons(app: AppTest) -> list[str]:
    found = re.findall(r'<div class="lesson">(.*?)</div>\n', html(app) + "\n")
    return [unescape(one) for one in found]


def said(app: AppTest, key: str) -> str:
    return lessons(app)[list(SLIPS).index(key)].replace("−", "-")


def test_every_slip_of_the_list_is_there(app: AppTest) -> None:
    headings = [one.value for one in app.subheader][-len(SLIPS) :]
    assert headings == [f"{i}. {slip.says}" for i, slip in enumerate(SLIPS.values(), 1)]
    assert len(lessons(app)) == len(SLIPS) == len(LESSONS)
    assert html(app).count('class="outcome') == 2 * len(SLIPS)


def test_13_versus_14(app: AppTest) -> None:
    text = said(app, "pooled-side")
    assert (28 - 2) / 2 + 1 == 14
    assert "(28-2)/2 + 1 is 14, not 13" in text
    assert "2·13 = 26" in text
    assert "(26-2)/2 + 1 is 13" in text
    assert "IndexError</b>: index 26 is out of bounds" in html(app)


def test_169_versus_16(app: AppTest, loops: tuple) -> None:
    a0 = loops[1].a0
    text = said(app, "sixteen")
    assert "13·13 is 169." in text
    assert f"add up to {a0.sum():.4f}" in text
    assert f"to {a0[:16].sum():.4f}, {a0[:16].sum() / a0.sum():.1%} of it" in text


def test_16_rows_are_too_few(app: AppTest, loops: tuple) -> None:
    rows, P = loops[1].indexes[0, :, :, 0], loops[1].P[0]
    text = said(app, "new-map")
    assert f"{(rows > 15).sum()} of the 169 winners" in text
    assert f"and {((rows > 15) & (P > 0)).sum()} of those are above 0" in text


def test_p_minus_1_versus_p_minus_y(app: AppTest, loops: tuple) -> None:
    _, seen, back, label = loops
    rows = re.findall(r"<tr[^>]*><th scope=\"row\">(.*?)</tr>", said(app, "output-error"))
    for c, row in enumerate(rows[:10]):
        one, meant, slope = (float(cell) for cell in re.findall(r"<td>(.*?)</td>", row))
        assert one == pytest.approx(seen.p[c] - 1, abs=6e-7)
        assert meant == pytest.approx(back.delta2[c], abs=6e-7)
        up, down = (moved(seen.z2, c, change, label) for change in (1e-5, -1e-5))
        assert slope == pytest.approx((up - down) / 2e-5, abs=6e-7)
    sums = [float(cell) for cell in re.findall(r"<td>(.*?)</td>", rows[10])]
    assert sums == pytest.approx([-9, 0, 0], abs=1e-6)


def moved(z2: np.ndarray, c: int, change: float, label: int) -> float:
    other = z2.copy()
    other[c] += change
    return oracle.cross_entropy(other, label)


def test_ten_numbers_versus_one(app: AppTest, loops: tuple) -> None:
    _, seen, _, label = loops
    assert f"= {oracle.cross_entropy(seen.z2, label):.4f}." in said(app, "cross-entropy")


def test_errors_that_get_to_their_winner(app: AppTest, loops: tuple) -> None:
    _, seen, back, _ = loops
    landed = np.zeros((26, 26))
    for i in range(13):
        for j in range(13):
            even = i % 2 == 0 and j % 2 == 0
            row, column = seen.indexes[0, i // 2, j // 2] if even else (0, 0)
            landed[row, column] = back.delta0[0, i, j]
    meant = back.backfill[0]
    same = (np.abs(landed - meant) < 1e-12) & (meant != 0)
    assert f"{same.sum()} of the {(meant != 0).sum()} that are not 0" in said(app, "indexes")


def test_the_sum_over_the_map_is_one_number(app: AppTest, loops: tuple) -> None:
    assert f"{loops[1].z.sum():.4f} in this step" in said(app, "filter-sum")


def test_the_bias_rule_fails_its_gradient_check(app: AppTest, loops: tuple, step: Step) -> None:
    parameters, _, back, label = loops
    rows = re.findall(r"<tr><th scope=\"row\">(.*?)</tr>", said(app, "bias-rule"))
    exact, notes, slope = (re.findall(r"<td>(.*?)</td>", row) for row in rows)
    assert float(exact[0]) == pytest.approx(back.gradients.b[0], abs=6e-10)
    assert float(notes[0]) == pytest.approx(back.gradients.k.sum(), abs=6e-10)
    losses = []
    for change in (1e-5, -1e-5):
        other = oracle.Parameters(**(vars(parameters) | {"b": parameters.b + change}))
        losses.append(oracle.cross_entropy(oracle.forward(other, step.images[0] / 255).z2, label))
    assert float(slope[0]) == pytest.approx((losses[0] - losses[1]) / 2e-5, abs=1e-8)
    assert (exact[2], notes[2]) == ("passes", "fails")
    assert f"L(b + ε) = {losses[0]:.12f}" in said(app, "bias-rule")


def test_at_a_kink_the_parameters_after_the_step_are_asked(digits: Digits) -> None:
    """At the first step b is 0, and so is z over empty paper: a ReLU stands on its edge."""
    now = Moment.now(begun(digits, 1))
    step = now.step
    assert float(step.before.filter_bias[0]) == 0
    assert check_gradients(step.before, step.images, step.labels).kink.any()
    after = check_gradients(step.after, step.images, step.labels)
    text = lesson("bias-rule")(now).replace("−", "-")
    exact, notes, slope = re.findall(r"<td>(-?\d+\.\d{9})</td>", text)
    assert float(exact) == pytest.approx(float(after.analytic.filter_bias[0]), abs=6e-10)
    assert float(notes) == pytest.approx(float(after.analytic.filters[0].sum()), abs=6e-10)
    assert float(slope) == pytest.approx(float(after.numeric.filter_bias[0]), abs=1e-8)
    assert "<td>passes</td>" in text
    assert "<td>fails</td>" in text
    assert "that the step left" in text


def test_a_digit_that_is_only_looked_at_may_stay_at_its_kink(digits: Digits) -> None:
    session = begun(digits, 1)
    now = Moment.now(session)
    seen = replace(now.step, after=now.step.before)
    text = lesson("bias-rule")(Moment(session, seen, 0))
    assert text.count("<td>at a kink</td>") == 2
    assert "look at another step" in text


def test_where_a_wrong_shape_fits_by_chance_it_is_said(digits: Digits) -> None:
    session = begun(digits, 2)
    recipe = session.run.recipe
    session.start(digits, recipe.__class__(hidden=10, learning_rate=0.02))
    for key in ("hidden-shape", "output-gradient"):
        assert "happens to run through" in lesson(key)(Moment.now(session))
        assert "happens to run through" not in lesson(key)(Moment.now(begun(digits, 2)))


def test_the_notes_own_run_says_so(digits: Digits) -> None:
    app = opened(begun(digits, 10, rule="notes"))
    assert "This run trains by the notes' rule" in unescape(html(app))
