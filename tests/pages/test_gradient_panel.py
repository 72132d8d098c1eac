"""The gradient check on the page: its numbers against the check's and against the loops."""

import re

import numpy as np
import oracle
import pytest
from mounting import begun, figures, mounted, toggled, trace
from opening import drawn, text
from streamlit.testing.v1 import AppTest
from translation import to_oracle

from cnn import Step, check_gradients, forward
from cnn.mistakes import tied_windows
from data import Digits
from pages.parts import gradient_panel as module
from pages.parts.gradient_panel import gradient_panel
from pages.parts.panel_figures import LINEAR
from pages.parts.session import Session
from pages.parts.wording import significant

COPY, NOTES = "copy the gradient", "the notes' bias rule"


def row(written: str, group: str) -> list[str]:
    (line,) = (line for line in written.splitlines() if line.startswith(f"| {group}"))
    return [cell.strip() for cell in line.strip("|").split("|")][1:]


def checked(session: Session, number: int, **given: int) -> AppTest:
    """The panel for a step whose gradients have been checked."""
    app = mounted(gradient_panel, session, number, **given)
    app.button[0].click()
    return drawn(app)


def test_nothing_is_checked_until_it_is_asked_for(digits: Digits) -> None:
    session = begun(digits)
    app = mounted(gradient_panel, session, 40)

    assert session.kept.check is None
    assert [button.label for button in app.button] == ["Check all 7,220 gradients"]
    assert not app.toggle
    assert not figures(app)


def test_it_says_what_the_check_found_and_keeps_it_while_the_step_stays(digits: Digits) -> None:
    session = begun(digits)
    app = checked(session, 40)

    step = session.run.at(40)
    check = check_gradients(step.before, step.images, step.labels)
    agree = int((~check.failed & ~check.kink).sum())
    assert "Backpropagation is right" in text(app)
    assert f"{agree:,} of 7,220 agree" in text(app)
    assert row(text(app), "hidden weights W1")[:2] == ["6,760", "6,760"]
    worst = int(np.where(check.kink, 0, check.relative_error.vector).argmax())
    assert significant(check.analytic.vector[worst], 10) in text(app)
    assert significant(check.numeric.vector[worst], 10) in text(app)

    kept = session.kept.check
    drawn(app)
    assert session.kept.check is kept
    assert not app.button
    app.session_state["number"] = 41
    drawn(app)
    assert len(app.button) == 1
    assert not figures(app)


def test_points_stand_where_their_two_numbers_say(digits: Digits) -> None:
    session = begun(digits)
    app = checked(session, 40)

    step = session.run.at(40)
    check = check_gradients(step.before, step.images, step.labels)
    weights = trace(figures(app)[0], "filter weights k")
    assert weights["text"] == [f"k[{u},{v}]" for u in range(3) for v in range(3)]
    for side, numbers in (("x", check.numeric.filters), ("y", check.analytic.filters)):
        places = np.asarray(weights[side])
        # The axis, taken back: ±(10^|place| − 1) · 10⁻⁶.
        back = np.sign(places) * (10 ** np.abs(places) - 1) * LINEAR
        np.testing.assert_allclose(back, numbers.ravel(), rtol=1e-9)
    shown = sum(len(one.get("text", [])) for one in figures(app)[0]["data"])
    assert 60 < shown < 3000


def test_the_notes_bias_rule_breaks_the_bias_and_says_so(digits: Digits) -> None:
    session = begun(digits)
    app = toggled(checked(session, 40), NOTES)

    step = session.run.at(40)
    wrong = float(step.backward.gradients.filters.astype(float).sum())
    right = check_gradients(step.before, step.images, step.labels).numeric.filter_bias[0]
    assert "**1 gradient of 7,220 is wrong.**" in text(app)
    assert row(text(app), "filter bias b")[2] == "**1**"
    assert row(text(app), "filter weights k")[2] == "0"
    sentence = next(line for line in text(app).splitlines() if "takes the sum" in line)
    said = [float(n.replace("−", "-")) for n in re.findall(r"−?\d+\.\d{6}", sentence)]
    np.testing.assert_allclose(said, [wrong, right], atol=2e-6)
    assert trace(figures(app)[0], "wrong")["text"] == ["b"]
    assert "db = Σ dk" in text(app)  # the worst one is looked at by itself
    toggled(app, NOTES)
    assert "Backpropagation is right" in text(app)


def copied_bias(step: Step) -> float:
    """Σ dz of the notes' loops when every cell that equals the pooled value gets δ0."""
    notes = to_oracle(step.before)
    there = oracle.forward(notes, step.images[0] / 255)
    back = oracle.backward(notes, there, int(step.labels[0]))
    total = 0.0
    for i in range(26):
        for j in range(26):
            value = there.f[0, i, j]
            if value > 0 and value == there.P[0, i // 2, j // 2]:
                total += back.delta0[0, i // 2, j // 2]
    return total


def test_copying_to_ties_is_measured_where_there_are_ties(digits: Digits) -> None:
    session = begun(digits)
    app = toggled(checked(session, 57), COPY)

    step = session.run.at(57)
    values = forward(step.before.astype(np.float64), step.images)
    tied = int(tied_windows(values).sum())
    assert tied > 100  # the bias is above 0: the background is tied
    assert f"{tied} of the 169 windows of this step have a tie above 0" in text(app)
    dead = int((values.pooled == 0).sum())
    assert f"{dead} dead windows are ties of four zeros as well" in text(app)
    sentence = next(line for line in text(app).splitlines() if "Copying" in line)
    (said,) = re.findall(r"b comes out as (−?\d+\.\d+)", sentence)
    assert float(said.replace("−", "-")) == pytest.approx(copied_bias(step), abs=1e-6)


def look_at(app: AppTest, name: str) -> str:
    """Choose a gradient by its name; return how its number was made."""
    (box,) = app.selectbox
    box.select(next(option for option in box.options if option.startswith(name)))
    return text(drawn(app)).partition("backpropagation, ")[2].partition(": **")[0]


def test_beside_a_broken_number_stands_how_it_was_made(digits: Digits) -> None:
    copies = ", where every tied winner has a copy of its window's δ0"
    app = toggled(checked(begun(digits), 57), COPY)
    assert look_at(app, "k[") == f"dk[u,v] = Σ_i Σ_j dz[i,j]·x[i+u, j+v]{copies}"
    assert look_at(app, "b,") == f"db = Σ_i Σ_j dz[i,j]{copies}"
    assert copies not in look_at(app, "W")  # which lies behind the pool

    toggled(app, NOTES)
    assert look_at(app, "b,") == f"db = Σ dk{copies}"
    toggled(app, COPY)
    assert look_at(app, "b,") == "db = Σ dk"


def test_copying_to_ties_changes_nothing_where_there_are_none(digits: Digits) -> None:
    session = begun(digits)
    app = toggled(checked(session, 60), COPY)

    step = session.run.at(60)
    assert not tied_windows(forward(step.before.astype(np.float64), step.images)).any()
    assert "the mistake changes nothing here" in text(app)
    assert "all over the empty paper as soon as the filter's bias is above 0" in text(app)
    assert step.before.filter_bias[0] <= 0
    assert "The check finds nothing wrong" in text(app)


def test_a_run_by_the_notes_rule_begins_with_that_switch_on(digits: Digits) -> None:
    session = begun(digits, rule="notes")
    app = checked(session, 40)

    assert [one.value for one in app.toggle] == [True, False]
    assert "**1 gradient of 7,220 is wrong.**" in text(app)


def test_several_filters_and_images(digits: Digits) -> None:
    session = begun(digits, 20, filters=2, batch=3)
    app = toggled(checked(session, 20, image=2), NOTES)

    assert "**2 gradients of 13,990 are wrong.**" in text(app)
    assert "of filter " in text(app)
    assert set(trace(figures(app)[0], "wrong")["text"]) == {"b of filter 1", "b of filter 2"}


def test_of_a_step_too_large_one_image_is_checked(
    digits: Digits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST", 10_000)
    session = begun(digits, 20, batch=3)
    app = checked(session, 20, image=2)

    step = session.run.at(20)
    alone = check_gradients(step.before, step.images[2:], step.labels[2:])
    kept = session.kept.check
    assert kept is not None
    np.testing.assert_array_equal(kept[2].numeric.vector, alone.numeric.vector)
    assert any("image 3 of the batch alone" in caption.value for caption in app.caption)
    assert "Backpropagation is right" in text(app)


def test_one_image_is_no_batch_however_large_the_network(
    digits: Digits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST", 10_000)
    app = checked(begun(digits, 5, filters=2), 5)

    assert not any("Checking all" in caption.value for caption in app.caption)
    assert "Backpropagation is right" in text(app)


def test_kinks_are_no_errors(digits: Digits) -> None:
    """Before the first step the bias is 0 and the background stands at its kink."""
    session = begun(digits)
    app = checked(session, 1)

    assert "at a kink" in text(app)
    assert "Backpropagation is right" in text(app)
    assert row(text(app), "filter bias b") == ["1", "0", "1", "0", "–"]
    assert "b" in trace(figures(app)[0], "at a kink")["text"]

    toggled(app, NOTES)
    assert "The check finds nothing wrong" in text(app)
    assert "Here b stands at a kink, so the check passes over it" in text(app)


def test_a_digit_that_is_only_looked_at_is_checked_by_what_the_step_left(digits: Digits) -> None:
    session = begun(digits)
    own = int(session.run.at(60).indices[0])
    app = mounted(_of_the_step_looked_at, session, 60)
    app.button[0].click()
    drawn(app)
    session.look.examine(own)  # the step's own image, seen by the parameters after it
    drawn(app)
    assert len(app.button) == 1  # another check, which nobody has asked for
    assert f"Gradient check of digit #{own:,} after step 60." in text(app)

    app.button[0].click()
    drawn(app)
    step = session.run.at(60)
    after = check_gradients(step.after, step.images, step.labels)
    worst = int(np.where(after.kink, 0, after.relative_error.vector).argmax())
    assert significant(after.numeric.vector[worst], 10) in text(app)


def _of_the_step_looked_at(session: Session, _: Step) -> None:
    gradient_panel(session, session.step_looked_at)
