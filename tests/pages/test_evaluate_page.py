"""The page that judges, without a browser: its numbers against plain counts."""

import re
from dataclasses import replace

import numpy as np
import pytest
from mounting import begun, figures, toggled
from opening import drawn, html, opened, text
from streamlit.testing.v1 import AppTest

from cnn import Parameters, Recipe, forward
from data import Digits
from pages.parts.judgement_figures import classes_figure, confusion_figure
from pages.parts.judging import MOST_KEPT, judgement, rejudged
from pages.parts.keys import Key
from pages.parts.session import Session

pytestmark = pytest.mark.usefixtures("alone")

PLUS = 4_000  # held-out digits are counted on after the bundled training digits


def counted(digits: Digits, parameters: Parameters) -> tuple[np.ndarray, np.ndarray]:
    """The confusion matrix, and each image's loss, one image at a time."""
    confusion, losses = np.zeros((10, 10), int), []
    for image, label in zip(digits.held_out_images, digits.held_out_labels, strict=True):
        p = forward(parameters, image[np.newaxis]).probabilities[0]
        confusion[label, list(p).index(max(p))] += 1
        losses.append(-np.log(max(float(p[label]), 1e-300)))
    return confusion, np.array(losses)


def matrix(app: AppTest) -> np.ndarray:
    (found,) = (
        trace
        for figure in figures(app)
        for trace in figure["data"]
        if trace.get("type") == "heatmap"
    )
    return np.array(found["text"], int)


def opened_digits(app: AppTest, gallery: str) -> list[int]:
    return [
        int(button.key.rpartition("_")[2])
        for button in app.button
        if button.key and button.key.startswith(f"{gallery}_")
    ]


@pytest.mark.parametrize(("filters", "batch"), [(1, 1), (8, 32)])
def test_the_newest_step_is_judged_whole(digits: Digits, filters: int, batch: int) -> None:
    session = begun(digits, 120, filters, batch)
    app = opened("evaluate", session)
    confusion, losses = counted(digits, session.run.parameters)
    assert (matrix(app) == confusion).all()
    right = int(np.trace(confusion))
    assert f"**{right:,} of 1,000**" in text(app)
    assert f"**{losses.mean():.4f}**" in text(app)
    (bars,) = (
        trace for figure in figures(app) for trace in figure["data"] if trace["type"] == "bar"
    )
    np.testing.assert_allclose(bars["x"], np.diag(confusion) / 100)
    # The worst: the highest losses among the mistakes, in that order.
    shown = [position - PLUS for position in opened_digits(app, "worst")]
    said = np.array(
        [
            int(forward(session.run.parameters, image[np.newaxis]).z2.argmax())
            for image in digits.held_out_images
        ]
    )
    wrong = np.flatnonzero(said != digits.held_out_labels)
    best = sorted(wrong.tolist(), key=lambda at: -losses[at])[:12]
    np.testing.assert_allclose(losses[shown], losses[best], rtol=1e-3)
    assert set(shown) <= set(wrong.tolist())


def test_a_step_of_the_past_is_judged_with_what_it_left(digits: Digits) -> None:
    session = begun(digits, 300)
    app = opened("evaluate", session)
    newest = matrix(app)
    assert not any(box.key == Key.JUDGED_STEP for box in app.number_input)
    toggled(app, "Follow the newest")
    assert app.number_input(key=Key.JUDGED_STEP).value == 300
    app.number_input(key=Key.JUDGED_STEP).set_value(40)
    drawn(app)
    confusion, _ = counted(digits, session.run.at(40).after)
    assert (matrix(app) == confusion).all()
    assert (confusion != newest).any()
    assert app.slider(key=Key.JUDGED_SCRUBBER).value == 40
    app.slider(key=Key.JUDGED_SCRUBBER).set_value(300)
    drawn(app)
    assert (matrix(app) == newest).all()
    toggled(app, "Follow the newest")
    session.run.advance(100)
    assert "After step **400**" in text(drawn(app))


def test_a_cell_shows_its_digits_and_no_others(digits: Digits) -> None:
    session = begun(digits, 200)
    app = opened("evaluate", session)
    confusion = matrix(app)
    mistakes = confusion - np.diag(np.diag(confusion))
    most = np.unravel_index(mistakes.argmax(), mistakes.shape)
    assert (app.selectbox(key=Key.TRUE_CLASS).value, app.selectbox(key=Key.SAID_CLASS).value) == (
        most
    )
    app.selectbox(key=Key.TRUE_CLASS).set_value(6)
    app.selectbox(key=Key.SAID_CLASS).set_value(6)
    drawn(app)
    shown = []
    pages = -(-int(confusion[6, 6]) // 12)
    for page in range(1, pages + 1):
        if pages > 1:
            app.number_input(key=Key.CELL_PAGE).set_value(page)
            drawn(app)
        shown += opened_digits(app, "cell")
    expected = {
        PLUS + at
        for at, image in enumerate(digits.held_out_images)
        if digits.held_out_labels[at] == 6
        and forward(session.run.parameters, image[np.newaxis]).z2.argmax() == 6
    }
    assert set(shown) == expected
    assert len(shown) == len(expected) == confusion[6, 6]


def chosen_cell(app: AppTest) -> tuple[int, int]:
    return app.selectbox(key=Key.TRUE_CLASS).value, app.selectbox(key=Key.SAID_CLASS).value


def most_frequent_mistake(app: AppTest) -> tuple[int, int]:
    confusion = matrix(app)
    cells = [(row, column) for row in range(10) for column in range(10) if row != column]
    return max(cells, key=lambda cell: confusion[cell])


def test_the_cell_is_the_most_frequent_mistake_until_one_is_chosen(digits: Digits) -> None:
    session = begun(digits, 2)
    app = opened("evaluate", session)
    cells = [most_frequent_mistake(app)]
    assert chosen_cell(app) == cells[0]
    session.run.advance(300)
    drawn(app)
    cells.append(most_frequent_mistake(app))
    assert chosen_cell(app) == cells[1]
    session.start(digits, Recipe(seed=3))  # another run
    drawn(app)
    cells.append(most_frequent_mistake(app))
    assert chosen_cell(app) == cells[2]
    assert len(set(cells)) == 3
    app.selectbox(key=Key.TRUE_CLASS).set_value(6)
    drawn(app)
    chosen = 6, cells[2][1]
    assert chosen_cell(app) == chosen
    session.run.advance(300)
    assert chosen_cell(drawn(app)) == chosen
    session.start(digits, Recipe(seed=4))
    assert chosen_cell(drawn(app)) == chosen


def test_who_turns_the_pages_of_a_cell_has_chosen_it(digits: Digits) -> None:
    session = begun(digits, 2)
    app = opened("evaluate", session)
    first = chosen_cell(app)
    app.number_input(key=Key.CELL_PAGE).set_value(2)
    drawn(app)
    session.run.advance(300)
    drawn(app)
    assert most_frequent_mistake(app) != first
    assert chosen_cell(app) == first


def test_the_scale_of_time_stays_while_the_run_plays(digits: Digits) -> None:
    """So that nothing moves under the finger that drags; where it ends is said."""

    def script(session):
        from pages.parts.judging import judged  # the script is a module of its own

        judged(session, 120)

    session = begun(digits, 300)
    session.kept.judged_step = 90
    for playing in (False, True):
        session.playing = playing
        app = drawn(AppTest.from_function(script, args=(session,), default_timeout=60))
        assert app.number_input(key=Key.JUDGED_STEP).label == "After step, 1 to 120"
        assert app.number_input(key=Key.JUDGED_STEP).max == 120
        assert app.slider(key=Key.JUDGED_SCRUBBER).max == 120
        said = [caption.value for caption in app.caption]
        assert ["beyond step 120" in one for one in said] == [True] * playing
        assert [button.label for button in app.button] == ["Up to the newest step"] * playing
    session.playing = False
    page = opened("evaluate", session)  # the whole page, which knows the newest
    assert page.slider(key=Key.JUDGED_SCRUBBER).max == 300
    session.run.advance(50)
    assert drawn(page).slider(key=Key.JUDGED_SCRUBBER).max == 350


def test_an_empty_cell_says_so(digits: Digits) -> None:
    session = begun(digits, 200)
    app = opened("evaluate", session)
    row, column = np.argwhere(matrix(app) == 0)[0].tolist()
    app.selectbox(key=Key.TRUE_CLASS).set_value(row)
    app.selectbox(key=Key.SAID_CLASS).set_value(column)
    drawn(app)
    assert any("there are no digits" in caption.value for caption in app.caption)
    assert opened_digits(app, "cell") == []


def test_a_card_has_the_digits_own_probabilities(digits: Digits) -> None:
    session = begun(digits, 200)
    app = opened("evaluate", session)
    first = opened_digits(app, "worst")[0] - PLUS
    (card,) = [e.proto.body for e in app.get("html") if 'class="judged"' in e.proto.body][
        -len(opened_digits(app, "worst")) :
    ][:1]
    p = forward(session.run.parameters, digits.held_out_images[[first]]).probabilities[0]
    numbers = [float(number) for number in re.findall(r"<td>([\d.]+)</td>", card)]
    assert numbers == [pytest.approx(float(value), abs=5.1e-4) for value in p]


def test_a_mistake_opens_on_the_step_page_at_the_judged_step(digits: Digits) -> None:
    session = begun(digits, 300)
    app = opened("evaluate", session)
    toggled(app, "Follow the newest")
    app.number_input(key=Key.JUDGED_STEP).set_value(90)
    drawn(app)
    position = opened_digits(app, "worst")[2]
    app.button(key=f"worst_{position}").click()
    app.run()
    assert session.look.examined == position
    assert session.look.step == 90
    assert not session.seeking


def test_judging_leaves_most_of_the_time_to_the_training(digits: Digits) -> None:
    session = begun(digits, 2, filters=8)
    assert rejudged(session) is None
    session.play()
    assert rejudged(session) == 2.0  # 1,000 digits: as often as everything is drawn
    many = replace(
        digits,
        held_out_images=np.tile(digits.held_out_images, (10, 1, 1)),
        held_out_labels=np.tile(digits.held_out_labels, 10),
    )
    session.held = replace(session.held, digits=many)
    assert rejudged(session) == 16.0  # 10,000 digits and eight filters take about a second


def test_judgements_are_kept_and_few(digits: Digits) -> None:
    session = begun(digits, 60)
    first = judgement(session, 10)
    assert judgement(session, 10) is first
    for step in range(20, 20 + MOST_KEPT):
        judgement(session, step)
    assert len(session.kept.judgements) == MOST_KEPT
    assert judgement(session, 10) is not first
    session.fork(10, 0.1)
    other: Session = session
    assert judgement(other, 10) is not first  # another run of the visit


def test_names_of_classes_are_shown_as_text(digits: Digits) -> None:
    """Whatever somebody calls a class, it is text and not part of the page."""
    names = ("<b>zero</b>", *digits.classes[1:])
    renamed = type(digits)(
        digits.name,
        digits.images,
        digits.labels,
        digits.held_out_images,
        digits.held_out_labels,
        names,
    )
    app = opened("evaluate", begun(renamed, 50))
    assert "<b>zero</b>" not in html(app)
    assert "&lt;b&gt;zero" in html(app)


def test_equal_shares_have_equal_colours_at_every_step() -> None:
    """71 of 100 is strong, 5 of 100 is weak, and 1 of 100 is seen; whatever else there is."""
    classes = [str(c) for c in range(3)]
    early, late = (
        confusion_figure(np.array(counts), classes, (0, 0)).data[0]
        for counts in (
            [[29, 71, 0], [1, 99, 0], [0, 0, 0]],
            [[95, 5, 0], [1, 99, 0], [0, 0, 50]],
        )
    )
    np.testing.assert_allclose(early.z[0], [0.29**0.5, -(0.71**0.5), 0])
    np.testing.assert_allclose(late.z[0], [0.95**0.5, -(0.05**0.5), 0])
    np.testing.assert_allclose(early.z[1], late.z[1])
    assert early.z[1][0] == pytest.approx(-0.1)
    assert (early.zmin, early.zmax) == (late.zmin, late.zmax)
    assert late.z[2].tolist() == [0, 0, 1]
    assert early.z[2].tolist() == [0, 0, 0]


def test_what_the_colours_mean_is_said(digits: Digits) -> None:
    app = opened("evaluate", begun(digits, 50))
    (said,) = (caption.value for caption in app.caption if "orange is wrong" in caption.value)
    assert "share of the row" in said


def test_none_right_and_none_there_are_two_things() -> None:
    """A bar of no length has no room inside: its words stand beside it."""
    confusion = np.array([[3, 1, 0], [2, 0, 0], [0, 0, 0]])
    accuracy = np.array([0.75, 0, np.nan])
    (bars,) = classes_figure(confusion, accuracy, ["a", "b", "c"]).data
    assert bars.x.tolist() == [0.75, 0, 0]
    assert list(bars.text) == ["75.0%, 3 of 4", "0.0%, 0 of 2", "<i>no such digits</i>"]
    assert list(bars.textposition) == ["auto", "outside", "outside"]


def test_a_button_says_that_its_number_is_a_digits(digits: Digits) -> None:
    app = opened("evaluate", begun(digits, 50))
    position = opened_digits(app, "worst")[0]
    assert app.button(key=f"worst_{position}").label == f"Open #{position:,}"


def test_over_every_cell_lies_a_point_that_can_be_clicked(digits: Digits) -> None:
    session = begun(digits, 200)
    figure = figures(opened("evaluate", session))[-2]
    heat, points = figure["data"]
    assert points["type"] == "scatter"
    cells = list(zip(points["y"], points["x"], strict=True))
    assert cells == [(row, column) for row in range(10) for column in range(10)]
    counts = np.array(heat["text"])
    for (row, column), words in zip(cells, points["text"], strict=True):
        assert words.startswith(f"{counts[row, column]} × {row} taken for {column}")
    # What is right is positive, what is wrong negative, and what never happens is nothing.
    signs = np.sign(np.array(heat["z"]))
    expected = np.where(np.eye(10, dtype=bool), 1, -1) * (counts > 0)
    assert (signs == expected).all()
