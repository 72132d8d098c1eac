"""The slips on the notes page: what is said of each is what comes of it in the step."""

import math
import re
from dataclasses import replace
from html import unescape

import numpy as np
import oracle
import pytest
from mounting import begun
from opening import html, opened
from streamlit.testing.v1 import AppTest
from translation import to_oracle

from cnn import Step, check_gradients
from cnn.slips import SLIPS
from data import Digits
from pages.parts.notes_live import Moment
from pages.parts.notes_slips import LESSONS, lesson
from pages.parts.wording import before_log

# ---- The slips ----


@pytest.fixture
def loops(step: Step) -> tuple[oracle.Parameters, oracle.Forward, oracle.Backward, int]:
    parameters, label = to_oracle(step.before), int(step.labels[0])
    seen = oracle.forward(parameters, step.images[0] / 255)
    return parameters, seen, oracle.backward(parameters, seen, label), label


def lessons(app: AppTest) -> list[str]:
    found = re.findall(r'<div class="lesson">(.*?)</div>\n', html(app) + "\n")
    return [unescape(one) for one in found]


def said(app: AppTest, key: str) -> str:
    return lessons(app)[list(SLIPS).index(key)].replace("−", "-")


def test_every_slip_of_the_list_is_there(notes_page: AppTest) -> None:
    headings = [one.value for one in notes_page.subheader][-len(SLIPS) :]
    assert headings == [f"{i}. {slip.says}" for i, slip in enumerate(SLIPS.values(), 1)]
    assert len(lessons(notes_page)) == len(SLIPS) == len(LESSONS)
    assert html(notes_page).count('class="outcome') == 2 * len(SLIPS)


def test_13_versus_14(notes_page: AppTest) -> None:
    text = said(notes_page, "pooled-side")
    assert (28 - 2) / 2 + 1 == 14
    assert "(28-2)/2 + 1 is 14, not 13" in text
    assert "2·13 = 26" in text
    assert "(26-2)/2 + 1 is 13" in text
    assert "IndexError</b>: index 26 is out of bounds" in html(notes_page)


def test_169_versus_16(notes_page: AppTest, loops: tuple) -> None:
    a0 = loops[1].a0
    text = said(notes_page, "sixteen")
    assert "13·13 is 169." in text
    assert f"add up to {a0.sum():.4f}" in text
    assert f"to {a0[:16].sum():.4f}, {a0[:16].sum() / a0.sum():.1%} of it" in text


def test_16_rows_are_too_few(notes_page: AppTest, loops: tuple) -> None:
    rows, P = loops[1].indexes[0, :, :, 0], loops[1].P[0]
    text = said(notes_page, "new-map")
    assert f"{(rows > 15).sum()} of the 169 winners" in text
    assert f"and {((rows > 15) & (P > 0)).sum()} of those are above 0" in text


def test_p_minus_1_versus_p_minus_y(notes_page: AppTest, loops: tuple) -> None:
    _, seen, back, label = loops
    rows = re.findall(r"<tr[^>]*><th scope=\"row\">(.*?)</tr>", said(notes_page, "output-error"))
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


def test_ten_numbers_versus_one(notes_page: AppTest, loops: tuple) -> None:
    _, seen, _, label = loops
    text = said(notes_page, "cross-entropy")
    assert f"= {oracle.cross_entropy(seen.z2, label):.4f}." in text
    (given,) = re.findall(r"-log\((.*?)\)", text)
    assert f"{-math.log(float(given)):.4f}" == f"{oracle.cross_entropy(seen.z2, label):.4f}"


@pytest.mark.parametrize("loss", [0.0, 8e-5, 0.3, 9.1, 38.709, 104.2, 900.25])
def test_the_logarithm_of_a_probability_as_it_is_written_is_the_loss(loss: float) -> None:
    """Also of one that is too small for any float: of 900.25 there is 1.0627·10⁻³⁹¹."""
    digits, _, power = before_log(-loss).partition("·10")
    power = power.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789"))
    by_hand = -math.log(float(digits)) - int(power or 0) * math.log(10)
    assert by_hand == pytest.approx(loss, abs=6e-5 if loss > 1e-3 else 1e-6)


def test_errors_that_get_to_their_winner(notes_page: AppTest, loops: tuple) -> None:
    _, seen, back, _ = loops
    landed = np.zeros((26, 26))
    for i in range(13):
        for j in range(13):
            even = i % 2 == 0 and j % 2 == 0
            row, column = seen.indexes[0, i // 2, j // 2] if even else (0, 0)
            landed[row, column] = back.delta0[0, i, j]
    meant = back.backfill[0]
    same = (np.abs(landed - meant) < 1e-12) & (meant != 0)
    assert f"{same.sum()} of the {(meant != 0).sum()} that are not 0" in said(notes_page, "indexes")


def test_the_sum_over_the_map_is_one_number(notes_page: AppTest, loops: tuple) -> None:
    assert f"{loops[1].z.sum():.4f} in this step" in said(notes_page, "filter-sum")


def test_the_bias_rule_fails_its_gradient_check(
    notes_page: AppTest, loops: tuple, step: Step
) -> None:
    parameters, _, back, label = loops
    rows = re.findall(r"<tr><th scope=\"row\">(.*?)</tr>", said(notes_page, "bias-rule"))
    exact, notes, slope = (re.findall(r"<td>(.*?)</td>", row) for row in rows)
    assert float(exact[0]) == pytest.approx(back.gradients.b[0], abs=6e-10)
    assert float(notes[0]) == pytest.approx(back.gradients.k.sum(), abs=6e-10)
    losses = []
    for change in (1e-5, -1e-5):
        other = oracle.Parameters(**(vars(parameters) | {"b": parameters.b + change}))
        losses.append(oracle.cross_entropy(oracle.forward(other, step.images[0] / 255).z2, label))
    assert float(slope[0]) == pytest.approx((losses[0] - losses[1]) / 2e-5, abs=1e-8)
    assert (exact[2], notes[2]) == ("passes", "fails")
    assert f"L(b + ε) = {losses[0]:.12f}" in said(notes_page, "bias-rule")


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
    app = opened("notes", begun(digits, 10, rule="notes"))
    assert "This run trains by the notes' rule" in unescape(html(app))
