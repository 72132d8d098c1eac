"""The quiz: its answers against the loops, what counts as right, and the score."""

import re
from decimal import Decimal

import numpy as np
import oracle
import pytest
from mounting import begun, mounted, toggled
from opening import drawn, text
from streamlit.testing.v1 import AppTest
from translation import to_oracle

from cnn import Step
from cnn.arithmetic import Place
from data import Digits
from pages.parts.questions import KINDS, POSITIONS, Question, question
from pages.parts.quiz import quiz_panel

NUMBER = r"−?\d+\.\d+"


def numbers(written: str) -> list[float]:
    return [float(found.replace("−", "-")) for found in re.findall(NUMBER, written)]


def loops(step: Step, image: int) -> tuple[oracle.Forward, oracle.Backward]:
    notes = to_oracle(step.before)
    there = oracle.forward(notes, step.images[image] / 255)
    return there, oracle.backward(notes, there, int(step.labels[image]))


def asked(digits: Digits, filters: int = 1, batch: int = 1) -> list[tuple[Step, int, Question]]:
    """Forty questions about two steps and their last image."""
    session = begun(digits, 30, filters, batch)
    steps = [session.run.at(number) for number in (12, 30)]
    image = batch - 1
    return [(step, image, question(step, image, n)) for step in steps for n in range(1, 21)]


def of_kind(questions: list[tuple[Step, int, Question]], start: str) -> list[tuple]:
    found = [one for one in questions if start in one[2].text]
    assert found, start
    return found


@pytest.mark.parametrize(("filters", "batch"), [(1, 1), (3, 4)])
def test_a_cell_can_be_worked_out_from_what_is_shown(
    digits: Digits, filters: int, batch: int
) -> None:
    """From the numbers as written, by hand, the answer comes out within half the tolerance."""
    for step, image, one in of_kind(asked(digits, filters, batch), "lies on the patch"):
        patch, kernel = ([numbers(" ".join(row)) for row in grid.rows] for grid in one.grids)
        bias = numbers(one.text.split("b = ")[1])[0]
        by_hand = float((np.array(patch) * np.array(kernel)).sum()) + bias
        if "max(0" in one.text:
            by_hand = max(0.0, by_hand)
        assert abs(by_hand - one.answer) <= one.tolerance / 2
        assert one.is_right(by_hand)
        there, _ = loops(step, image)
        values = there.f if "max(0" in one.text else there.z
        row, column = (int(n) for n in re.findall(r"[zf]\[(\d+),(\d+)\]", one.text)[0])
        f = one.place.filter
        assert one.answer == pytest.approx(values[f, row, column], abs=1e-5)
        assert np.count_nonzero(patch) >= 1


@pytest.mark.parametrize(("filters", "batch"), [(1, 1), (3, 4)])
def test_the_winner_is_the_recorded_one(digits: Digits, filters: int, batch: int) -> None:
    for step, image, one in of_kind(asked(digits, filters, batch), "Which one wins"):
        there, _ = loops(step, image)
        i, j = (int(n) for n in re.findall(r"P\[(\d+),(\d+)\]", one.text)[0])
        row, column = there.indexes[one.place.filter, i, j]
        assert there.P[one.place.filter, i, j] > 0
        assert one.answer == POSITIONS[2 * (row - 2 * i) + (column - 2 * j)]
        # And it can be seen: the largest of what is written, the first of equal ones.
        shown = numbers(" ".join(" ".join(cells) for cells in one.grids[0].rows))
        assert POSITIONS[int(np.argmax(shown))] == one.answer


@pytest.mark.parametrize(("filters", "batch"), [(1, 1), (3, 4)])
def test_a_new_weight_follows_from_the_three_numbers(
    digits: Digits, filters: int, batch: int
) -> None:
    for step, _, one in of_kind(asked(digits, filters, batch), "What is the weight after"):
        old, gradient, rate, _ = numbers(one.text)
        by_hand = old - rate * gradient
        assert abs(by_hand - one.answer) < 0.3 * one.tolerance
        assert one.is_right(by_hand)
        assert not one.is_right(old)  # that it stays is no answer,
        assert not one.is_right(old + rate * gradient)  # nor that it goes the other way
        u, v = (int(n) for n in re.findall(r" k\[(\d),(\d)\]", one.text)[0])
        moved = step.before.filters - 0.02 * step.backward.gradients.filters
        assert one.answer == pytest.approx(float(moved[one.place.filter, u, v]), abs=1e-7)


@pytest.mark.parametrize(("filters", "batch"), [(1, 1), (3, 4)])
def test_the_written_tolerance_is_the_one_in_force(
    digits: Digits, filters: int, batch: int
) -> None:
    """Counted from the answer as it is written: that far off is right, any further is wrong."""
    every = asked(digits, filters, batch)
    typed = of_kind(every, "lies on the patch") + of_kind(every, "What is the weight after")
    for _, _, one in typed:
        (stated,) = re.findall(r"Within (\d+\.\d+)", one.text)
        assert len(stated.strip("0.")) == 1  # one digit, which can be read at a glance
        answer = Decimal(one.write(one.answer).replace("−", "-"))
        least = Decimal(1).scaleb(-one.decimals)
        for sign in (-1, 1):
            assert one.is_right(float(answer + sign * Decimal(stated)))
            assert not one.is_right(float(answer + sign * (Decimal(stated) + least)))


@pytest.mark.parametrize(("filters", "batch"), [(1, 1), (3, 4)])
def test_the_tolerance_of_a_weight_is_about_a_tenth_of_its_change(
    digits: Digits, filters: int, batch: int
) -> None:
    for step, _, one in of_kind(asked(digits, filters, batch), "What is the weight after"):
        u, v = (int(n) for n in re.findall(r" k\[(\d),(\d)\]", one.text)[0])
        change = abs(0.02 * float(step.backward.gradients.filters[one.place.filter, u, v]))
        assert 0.049 * change < numbers(one.text)[-1] < 0.1001 * change


@pytest.mark.parametrize(("filters", "batch"), [(1, 1), (3, 4)])
def test_a_sign_is_that_of_the_loops_gradient(digits: Digits, filters: int, batch: int) -> None:
    signs = {"positive": 1, "negative": -1, "zero": 0}
    seen = set()
    for step, _, one in of_kind(asked(digits, filters, batch), "Which sign"):
        backs = [loops(step, n)[1].gradients for n in range(batch)]
        if "dW2" in one.text:
            c, r = (int(n) for n in re.findall(r"dW2\[(\d+),(\d+)\]", one.text)[0])
            gradient = np.mean([back.W2[c, r] for back in backs])
        else:
            u, v = (int(n) for n in re.findall(r"dk\[(\d),(\d)\]", one.text)[0])
            gradient = np.mean([back.k[one.place.filter, u, v] for back in backs])
            before, after = numbers(one.text)
            assert np.sign(before - after) == np.sign(gradient)  # it can be told from the text
        assert signs[str(one.answer)] == np.sign(gradient)
        seen.add(one.answer)
    assert len(seen) >= 2


def test_what_would_tell_the_answer_is_covered(digits: Digits) -> None:
    """By hand: the cell's own number, what is made of it, and what shows which cell won."""
    for step, image, one in asked(digits, 3, 4):
        covered = {(spot.panel, spot.index) for spot in one.covers}
        assert {spot.filter for spot in one.covers} <= {one.place.filter}
        assert one.hides(one.place, step)
        row, column = divmod(one.place.index, 26)
        match one.place.quantity:
            case "z" | "feature_map":
                cell, window = one.place.index, row // 2 * 13 + column // 2
                assert covered >= {("z", cell), ("feature_map", cell), ("pooled", window)}
                assert one.hides(Place("z", cell, image, one.place.filter), step)
                assert not one.hides(Place("x", cell, image), step)
            case "pooled":
                winner = step.forward.winner[image, one.place.filter].reshape(-1)[one.place.index]
                panels = ("z", "feature_map", "backfill", "dz")
                assert covered >= {(panel, int(winner)) for panel in panels}
                assert {index for panel, index in covered if panel == "dz"} == {
                    int(winner) // 52 * 52 + int(winner) % 26 // 2 * 2 + at for at in (0, 1, 26, 27)
                }
            case "new_filters":
                answer = "filter_gradient" if "sign" in one.text else "filter_after"
                assert covered == {(answer, one.place.index), ("filter_change", one.place.index)}
                hidden = "dk" if "sign" in one.text else "new_filters"
                assert one.hides(Place(hidden, one.place.index, None, one.place.filter), step)
            case "dW2":
                assert not covered


def test_questions_are_reproducible_and_differ(digits: Digits) -> None:
    first, again = ([one[2] for one in asked(digits)] for _ in range(2))
    assert first == again
    assert len({one.text for one in first}) > 30
    kinds = {re.sub(r"[\d−.,\[\]…]+", "", one.text)[:40] for one in first[:4]}
    assert len(kinds) == len(KINDS)


def test_what_a_step_cannot_be_asked_is_passed_over(digits: Digits) -> None:
    """A digit that is only looked at changes no weight: nobody is asked for the new one."""
    session = begun(digits, 30)
    session.watching = 12
    looked_at = session.shown
    for number in range(1, 13):
        one = question(looked_at, 0, number)
        assert "after this step" not in one.text
        assert "went from" not in one.text


def answer(app: AppTest, given: float | str) -> AppTest:
    if isinstance(given, str):
        app.radio[0].set_value(given)
    else:
        app.number_input[0].set_value(given)
    next(button for button in app.button if button.label == "Check").click()
    return drawn(app)


def go_on(app: AppTest) -> AppTest:
    next(button for button in app.button if button.label == "Next question").click()
    return drawn(app)


def test_a_visit_to_the_quiz(digits: Digits) -> None:
    session = begun(digits, 30)
    app = mounted(quiz_panel, session, 30)
    assert not app.markdown
    toggled(app, "Quiz")
    step = session.run.at(30)

    first = question(step, 0, 1)
    assert first.text in text(app)
    assert "Question 1 · 0 of 0 right" in app.caption[0].value
    answer(app, float(first.answer) + 0.4 * first.tolerance)
    assert app.success[0].value.startswith("Right: ")
    assert first.write(first.answer) in app.success[0].value
    assert not app.number_input  # it counts once
    assert "Question 1 · 1 of 1 right" in app.caption[0].value
    (html,) = (one for one in app.get("html") if "arithmetic of" in one.proto.body)
    assert "k[0,0]" in html.proto.body

    second = question(step, 0, 2)
    go_on(app)
    assert second.text in text(app)
    assert "Question 2 · 1 of 1 right" in app.caption[0].value
    wrong = next(choice for choice in second.choices if choice != second.answer)
    answer(app, wrong)
    assert app.error[0].value == f"Not quite: you said {wrong}, it is {second.answer}."
    go_on(app)
    assert "Question 3 · 1 of 2 right" in app.caption[0].value


def test_no_answer_is_no_answer(digits: Digits) -> None:
    session = begun(digits, 30)
    app = toggled(mounted(quiz_panel, session, 30), "Quiz")
    next(button for button in app.button if button.label == "Check").click()
    drawn(app)

    assert any("first; a guess is welcome" in caption.value for caption in app.caption)
    assert not session.kept.answers


def test_an_answered_question_stays_answered_when_its_step_is_returned_to(digits: Digits) -> None:
    session = begun(digits, 30)
    app = toggled(mounted(quiz_panel, session, 30), "Quiz")
    answer(app, 99.0)
    app.session_state["number"] = 29
    drawn(app)
    assert not app.error
    app.session_state["number"] = 30
    drawn(app)

    assert app.error[0].value.startswith("Not quite: you said 99.0000")
    assert len(session.kept.answers) == 1
