"""The draw page without a browser: its panels on a real run, which stays as it is."""

import io
import json
import re
from decimal import Decimal

import numpy as np
import oracle
import pytest
from mounting import begun
from numpy.typing import NDArray
from opening import APP, html
from PIL import Image
from streamlit.testing.v1 import AppTest
from translation import SYMBOLS, to_oracle

from cnn import Recipe, forward
from cnn.saliency import saliency
from data import Digits
from data.strokes import SIDE
from pages.parts.drawing import CAMERA, DRAW, PICTURE
from pages.parts.keys import Key
from pages.parts.lesson import taught
from pages.parts.session import Session
from pages.parts.sketch import Sketch
from pages.parts.verdict import guess, judged, shares

RATE = 0.05
CORNERS = [[250, 200], [750, 200], [450, 850]]
SEVEN = {"width": 80, "points": CORNERS}


def png(pixels: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def hear(sketch: Sketch, *strokes: object, number: int = 1) -> None:
    sketch.hear({"number": number, "width": 80, "strokes": list(strokes)})


def opened(session: Session, told: int | None = None, road: str = DRAW) -> AppTest:
    app = AppTest.from_file(str(APP), default_timeout=60)
    app.session_state[Key.SESSION] = session
    app.session_state[Key.DRAW_WITH] = road
    if told is not None:
        app.session_state[Key.TOLD] = told
    app.switch_page("pages/draw.py").run()
    assert not app.exception, app.exception[0].stack_trace
    return app


def drawn_session(digits: Digits, steps: int = 400, filters: int = 1) -> Session:
    session = begun(digits, steps, filters)
    hear(session.sketch, SEVEN)
    return session


# What was drawn or brought


def test_a_drawing_is_kept_and_answered() -> None:
    sketch = Sketch()
    hear(sketch, SEVEN, number=12)

    assert sketch.heard == 12
    assert sketch.drawn is not None
    assert len(sketch.strokes) == 1
    hear(sketch, number=13)
    assert sketch.drawn is None
    assert sketch.refused is None


@pytest.mark.parametrize(
    "told",
    [
        {"number": 2, "width": 80, "strokes": "none"},
        {"number": 2, "width": 80, "strokes": [{"width": 80, "points": [[1, "a"]]}]},
        {"number": 2, "width": None, "strokes": []},
        {"number": 2},
        {"strokes": []},
        {"number": "x", "width": 80, "strokes": []},
        None,
    ],
)
def test_what_is_no_drawing_changes_nothing_but_a_sentence(told: dict[str, object]) -> None:
    sketch = Sketch()
    hear(sketch, SEVEN)
    before = sketch.drawn

    sketch.hear(told)

    assert sketch.refused
    assert sketch.drawn is before
    assert len(sketch.strokes) == 1


def test_a_refused_picture_is_not_taken_for_the_one_before(digits: Digits) -> None:
    sketch = Sketch()
    digit = digits.held_out_images[3]
    sketch.bring(png(255 - np.kron(digit, np.ones((8, 8), np.uint8))), "three.png")
    first = sketch.picture
    assert first is not None
    assert np.abs(first.astype(float) - digit).mean() < 3

    sketch.bring(b"no picture", "other.png")

    assert (sketch.picture, sketch.name) == (None, "")
    assert sketch.refused == (
        "This is not a picture in PNG, JPEG, WebP or GIF: save it as one of these."
    )
    sketch.put_away()
    assert (sketch.picture, sketch.refused) == (None, None)


# What the network makes of it


def test_an_untold_digit_is_judged_as_if_the_answer_were_right(digits: Digits) -> None:
    session = begun(digits, 2_000)
    digit = digits.held_out_images[7]

    step = judged(session, digit, None)

    parameters = session.run.parameters
    there = oracle.forward(to_oracle(parameters), digit / 255)
    np.testing.assert_allclose(step.forward.probabilities[0], there.p, atol=1e-5)
    assert guess(step) == int(there.p.argmax()) == step.labels[0]
    assert judged(session, digit, 2).labels[0] == 2


@pytest.mark.parametrize(("filters", "rule"), [(1, "exact"), (3, "exact"), (1, "notes")])
def test_a_lesson_is_the_step_of_the_notes(digits: Digits, filters: int, rule: str) -> None:
    session = begun(digits, 400, filters, rule="notes" if rule == "notes" else "exact")
    digit = digits.held_out_images[5]

    step = taught(judged(session, digit, 4), RATE)

    assert step is not None
    theta = to_oracle(session.run.parameters)
    there = oracle.forward(theta, digit / 255)
    gradients = oracle.backward(theta, there, 4).gradients
    if rule == "notes":
        gradients.b[:] = gradients.k.sum(axis=(1, 2))
    expected = oracle.update(theta, gradients, RATE)
    for name, symbol in SYMBOLS.items():
        np.testing.assert_allclose(
            getattr(step.after, name), getattr(expected, symbol), atol=1e-5, err_msg=name
        )
    assert step.loss == pytest.approx(oracle.cross_entropy(there.z2, 4), abs=1e-4)


def test_a_lesson_that_leaves_all_numbers_says_so(digits: Digits) -> None:
    session = drawn_session(digits)
    assert session.sketch.drawn is not None

    assert taught(judged(session, session.sketch.drawn, 3), 1e38) is None

    session.run.set_learning_rate(1e6)
    for _ in range(3):  # the recipe's largest rate, on a filter of that size: float32 has no more
        session.run.advance(1)
    app = opened(session, told=3)
    assert not app.exception


# The page


def test_an_empty_page_says_what_to_do(digits: Digits) -> None:
    app = opened(begun(digits, 5))

    assert "Draw a digit" in app.info[0].value
    assert not app.metric
    mounted = {component.key for component in app.get("bidi_component")}
    assert "square" in mounted
    assert not {key for key in mounted if "stage" in key}


def test_where_a_picture_is_asked_for_nobody_is_told_to_draw(digits: Digits) -> None:
    """Neither before there is one nor beside the sentence that refuses one."""
    session = begun(digits, 5)
    for road, thing in ((PICTURE, "picture"), (CAMERA, "photo")):
        for content in (None, b"no picture"):
            if content:
                session.sketch.bring(content, "letter.txt")
            app = opened(session, road=road)
            assert len(app.error) == bool(content)
            (said,) = app.info
            assert "Draw" not in said.value
            assert "keyboard" not in said.value
            assert f"a {thing} of a digit" in said.value
            session.sketch.put_away()


def test_shares_of_many_digits_add_up_to_their_score_as_they_are_written(digits: Digits) -> None:
    """What is written with four decimals each often adds up to another fourth one."""
    session, apart = begun(digits, 3_000), 0
    for digit in digits.held_out_images[:40]:
        step = judged(session, digit, None)
        answer = guess(step)
        found = saliency(step.before, step.forward, np.array([answer]))
        score = float(step.forward.z2[0, answer])
        pixels, biases, made = (
            Decimal(number.replace("−", "-"))
            for number in re.findall(r"<b>(.*?)</b>", shares(found, score, "7"))
        )
        assert round(pixels + biases, -int(made.as_tuple().exponent)) == made
        rounded = [round(float(found.pixels.sum()), 4), round(float(found.biases[0]), 4)]
        apart += round(sum(rounded), 4) != round(score, 4)
    assert apart > 3


@pytest.mark.parametrize("filters", [1, 2])
def test_the_page_writes_what_the_network_says(digits: Digits, filters: int) -> None:
    session = drawn_session(digits, filters=filters)
    drawn = session.sketch.drawn
    assert drawn is not None

    written = html(opened(session))

    values = forward(session.run.parameters, drawn[np.newaxis])
    answer = int(values.probabilities[0].argmax())
    assert re.search(rf"takes it for <b>{answer}</b>, with probability ", written)
    for p in values.probabilities[0]:
        assert f"<td>{p:.4f}</td>" in written
    found = saliency(session.run.parameters, values, np.array([answer]))
    sentence = re.search(r"<p>(All pixels together.*?)</p>", written)
    assert sentence
    pixels, biases, score = (
        Decimal(number.replace("−", "-")) for number in re.findall(r"<b>(.*?)</b>", sentence[1])
    )
    assert float(pixels) == pytest.approx(found.pixels.sum(dtype=float), abs=1e-6)
    assert float(biases) == pytest.approx(float(found.biases[0]), abs=1e-6)
    decimals = -int(score.as_tuple().exponent)
    assert decimals >= 4
    assert f"{score:f}" == f"{values.z2[0, answer]:.{decimals}f}"
    assert round(pixels + biases, decimals) == score
    assert "exactly" not in sentence[1]
    assert "One training step on it" not in written


@pytest.mark.parametrize("filters", [1, 2])
def test_a_lesson_leaves_the_run_as_it_was(digits: Digits, filters: int) -> None:
    """The same bytes, the same recipe; and the next step is that of a run that was never shown."""
    session = drawn_session(digits, 300, filters)
    before = session.run.parameters.vector.tobytes()
    recipe, history = session.run.recipe, session.run.history.loss.copy()

    app = opened(session, told=4)

    assert [one.value for one in app.subheader] == [
        "One training step on it",
        "Everything in between",
    ]
    assert session.run.parameters.vector.tobytes() == before
    assert (session.run.recipe, session.run.step) == (recipe, 300)
    np.testing.assert_array_equal(session.run.history.loss, history)
    undisturbed = begun(digits, 300, filters)
    for run in (session.run, undisturbed.run):
        run.advance(5)
    assert session.run.parameters.vector.tobytes() == undisturbed.run.parameters.vector.tobytes()


def test_a_lesson_writes_the_filter_before_and_after(digits: Digits) -> None:
    session = drawn_session(digits)
    assert session.sketch.drawn is not None
    step = taught(judged(session, session.sketch.drawn, 4), session.chosen_rate)
    assert step is not None

    app = opened(session, told=4)

    tables = dict(re.findall(r"<caption>(\w+)</caption>(<tr>.*?)</table>", html(app)))
    ten = [
        np.append(theta.filters[0], theta.filter_bias[0]).astype(float)
        for theta in (step.before, step.after)
    ]
    change = ten[1] - ten[0]
    for part, values, error in (
        ("before", ten[0], 0.6e-4),
        ("after", ten[1], 0.6e-4),
        ("difference", change, 0.06 * np.abs(change).max()),  # two digits of the largest are seen
    ):
        found = [
            float(cell.replace("−", "-"))
            for cell in re.findall(r"<td[^>]*>(.*?)</td>", tables[part])
        ]
        np.testing.assert_allclose(found, values, atol=error, err_msg=part)
    after = forward(step.after, step.images).probabilities[0, 4]
    (metric,) = (one for one in app.metric if one.label == "Probability of the true 4")
    assert float(metric.value) == pytest.approx(after, abs=1e-6)
    (loss,) = (one for one in app.metric if one.label == "Loss of the image")
    assert float(loss.value) == pytest.approx(-np.log(after), abs=1e-5)


@pytest.mark.parametrize("told", [1, 3, 4])
def test_what_a_lesson_changes_follows_from_the_numbers_as_they_are_written(
    digits: Digits, told: int
) -> None:
    app = opened(drawn_session(digits, 700), told)
    (table,) = re.findall(r'<table class="bars change">(.*?)</table>', html(app))
    rows = re.findall(r"<td>([−+\d.]+)</td>" * 3, table)
    assert len(rows) == 10
    metrics = [one for one in app.metric if one.delta and "from" in one.delta]
    assert len(metrics) == 2
    rows += [
        (one.delta.partition(" from ")[2], one.value, one.delta.partition(" ")[0])
        for one in metrics
    ]
    for row in rows:
        old, new, change = (Decimal(number.replace("−", "-")) for number in row)
        assert round(new - old, 4) == change


def test_nothing_is_written_as_nothing(digits: Digits) -> None:
    """A filter that the first step has killed: neither −0.0000 nor +0.0000, and 0 has no arrow."""
    session = Session.begun(digits, Recipe(seed=1, learning_rate=10))
    session.run.set_learning_rate(3e-8)
    session.run.advance(2)
    hear(session.sketch, SEVEN)
    app = opened(session, told=7)
    assert not session.run.at(3).forward.pooled.any()
    written = html(app)
    assert not re.findall(r"[−+-]0\.0+\b(?!\d)", written)
    assert '<span class="legend"><span>0</span></span>' in written
    (loss,) = (one for one in app.metric if one.label == "Loss of the image")
    assert loss.delta.startswith("0 from ")
    assert loss.proto.direction == loss.proto.MetricDirection.NONE
    assert loss.proto.color == loss.proto.MetricColor.GRAY


def test_names_of_classes_are_written_and_not_run(digits: Digits) -> None:
    session = drawn_session(digits)
    session.name_classes(tuple(f"<i>{c}</i>" for c in "abcdefghij"))

    written = html(opened(session, told=1))

    assert "&lt;i&gt;a&lt;/i&gt;" in written
    assert "<i>a</i>" not in written


def test_the_square_gets_back_what_was_drawn(digits: Digits) -> None:
    """As after another page: the strokes come from the session."""
    session = drawn_session(digits)

    app = opened(session)

    data = [json.loads(one.proto.json) for one in app.get("bidi_component") if one.proto.json]
    (square,) = (one for one in data if "strokes" in one)
    assert square == {"strokes": [SEVEN], "width": 80, "heard": 1}
    assert max(max(corner) for corner in CORNERS) <= SIDE


def test_the_recipe_of_a_page_that_was_only_looked_at_is_the_default(digits: Digits) -> None:
    session = Session.begun(digits, Recipe())
    opened(session)

    assert session.run.recipe == Recipe()
