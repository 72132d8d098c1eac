"""The filter page without a browser: its numbers, its choices, and the files that it gives."""

import io
import re
import xml.etree.ElementTree as ET
from decimal import Decimal

import numpy as np
import pytest
from mounting import begun, figures, trace
from opening import drawn, headings, html, opened
from PIL import Image

from cnn import Recipe
from data import Cancelled, Digits
from pages.parts.curves import thinned
from pages.parts.film import filmed
from pages.parts.filter_life import Strip, moments, strip_of
from pages.parts.filter_pictures import filmstrip_file
from pages.parts.kernel_tables import kernel_tables
from pages.parts.keys import Key
from pages.parts.session import Session

pytestmark = pytest.mark.usefixtures("alone")


def strip(session: Session, filter: int = 0, count: int = 5) -> Strip:
    image, _ = session.held.digit(9)
    steps = moments(session.run.step, count, "even")
    return strip_of(session.run, filter, steps, image, "nine")


def written_numbers(text: str) -> list[float]:
    cells = re.findall(r"<td[^>]*>([−\d.]+)</td>", text)
    return [float(cell.replace("−", "-")) for cell in cells]


# ---- The page ----


@pytest.mark.parametrize(("filters", "batch"), [(1, 1), (8, 32)])
def test_it_opens_on_any_run(digits: Digits, filters: int, batch: int) -> None:
    app = opened("filter", begun(digits, 250, filters, batch))
    assert len(headings(app)) == 4
    assert len(figures(app)) == 2
    assert any("Filter" in one.label for one in app.get("button_group")) == (filters > 1)
    buttons = [button.proto.label for button in app.get("download_button")]
    assert {"Filmstrip as PNG", "Filmstrip as SVG", "History as CSV"} <= set(buttons)


def test_it_opens_at_the_first_step(digits: Digits) -> None:
    session = begun(digits, 1)
    app = opened("filter", session)
    assert any("The first point comes with step 100" in one.value for one in app.caption)
    assert html(app).count("<figure") == 3  # the digit, step 0 and step 1


def test_the_three_tables_are_the_filters_numbers(digits: Digits) -> None:
    session = begun(digits, 250, filters=2)
    st_filter = 1
    app = opened("filter", session)
    app.get("button_group")[0].set_value(st_filter)
    drawn(app)
    (tables,) = (e.proto.body for e in app.get("html") if '<div class="kernels">' in e.proto.body)
    before, after = session.run.at(1).before, session.run.parameters
    first, now = (
        [*p.filters[st_filter].ravel().tolist(), float(p.filter_bias[st_filter])]
        for p in (before, after)
    )
    numbers = written_numbers(tables)
    assert numbers[:10] == [pytest.approx(value, abs=5.1e-5) for value in first]
    assert numbers[10:20] == [pytest.approx(value, abs=5.1e-5) for value in now]
    change = [b - a for a, b in zip(first, now, strict=True)]
    assert numbers[20:] == [pytest.approx(value, abs=5.1e-5) for value in change]
    bias = trace(figures(app)[0], "bias b")
    assert bias["y"][-1] == pytest.approx(now[-1])


def test_a_part_of_the_steps_can_be_chosen(digits: Digits) -> None:
    session = begun(digits, 1_500)
    session.run.set_learning_rate(0.005)  # from step 1,501 on
    session.run.advance(10)
    app = opened("filter", session)
    whole = figures(app)[0]
    assert trace(whole, "bias b")["x"][0] == 0
    for value, first, last, changes in (
        ("first", 0, 1_000, 0),
        ("last", 511, 1_510, 1),
        ("newest", 1_411, 1_510, 1),
    ):
        (spans,) = (one for one in app.get("button_group") if one.label == "Steps")
        spans.set_value(value)
        part = figures(drawn(app))[0]
        steps = trace(part, "bias b")["x"]
        assert (steps[0], steps[-1]) == (first, last)
        assert len(part["layout"].get("shapes", [])) == changes
        assert part["layout"]["uirevision"] != whole["layout"]["uirevision"]


def test_what_the_first_step_did_can_be_seen(digits: Digits) -> None:
    """At this rate it throws the bias from 0 to −5.9, and no later step does as much."""
    session = Session.begun(digits, Recipe(seed=1, learning_rate=10))
    session.run.advance(20)
    figure = figures(opened("filter", session))[0]
    steps = [session.run.at(step) for step in range(1, 22)]
    begun_with = steps[0].before
    bias = trace(figure, "bias b")
    assert bias["x"].tolist() == [*range(22)]
    assert bias["y"].tolist() == [0, *(float(step.after.filter_bias[0]) for step in steps)]
    assert bias["y"][1] < -5
    for u, v in np.ndindex(3, 3):
        weight = trace(figure, f"k[{u},{v}]")
        assert weight["y"].tolist() == [
            float(begun_with.filters[0, u, v]),
            *(float(step.after.filters[0, u, v]) for step in steps),
        ]
    session.seek(0)  # what a click on that point asks for
    assert session.looked_at == 1


def test_differences_follow_from_the_numbers_as_they_are_written() -> None:
    """Also from those of a filter that has hardly moved, or far."""
    generator, apart = np.random.default_rng(7), 0
    for size in (1e-9, 1e-5, 1e-2, 1, 100):
        before = generator.normal(0, 0.5, 10).astype(np.float32)
        after = (before + size * generator.normal(size=10)).astype(np.float32)
        cells = re.findall(r"<td[^>]*>([−\d.]+)</td>", kernel_tables(before, after))
        numbers = [Decimal(cell.replace("−", "-")) for cell in cells]
        for old, new, change in zip(numbers[:10], numbers[10:20], numbers[20:], strict=True):
            decimals = -int(change.as_tuple().exponent)
            assert round(new - old, decimals) == change
            apart += round(round(new, 4) - round(old, 4), decimals) != change
    assert apart > 5  # four decimals, as everywhere else, would not do


def test_its_choices_outlive_a_look_at_another_page(digits: Digits) -> None:
    app = opened("filter", begun(digits, 300))
    rows = {one.label: one for one in app.get("button_group")}
    rows["Steps"].set_value("newest")
    rows["Moments"].set_value("even")
    app.number_input(key=Key.MOMENTS).set_value(5)
    app.number_input(key=Key.FRAMES).set_value(7)
    shown = shown_steps(drawn(app))
    assert len(shown) == 5
    for page in ("draw", "filter"):
        app.switch_page(f"pages/{page}.py")
        drawn(app)
    rows = {one.label: one.value for one in app.get("button_group")}
    assert (rows["Steps"], rows["Moments"]) == ("newest", "even")
    assert app.number_input(key=Key.MOMENTS).value == 5
    assert app.number_input(key=Key.FRAMES).value == 7
    assert shown_steps(app) == shown
    assert trace(figures(app)[0], "bias b")["x"][0] == 201


def test_the_filmstrip_follows_what_is_chosen(digits: Digits) -> None:
    session = begun(digits, 1_000)
    app = opened("filter", session)
    assert [int(step.replace(",", "")) for step in shown_steps(app)] == moments(
        1_000, 12, "log"
    ).tolist()
    (spacing,) = (one for one in app.get("button_group") if one.label == "Moments")
    spacing.set_value("even")
    app.number_input(key=Key.MOMENTS).set_value(5)
    app.number_input(key=Key.FILM_DIGIT).set_value(4_003)
    drawn(app)
    assert shown_steps(app) == ["0", "250", "500", "750", "1,000"]
    name = digits.classes[digits.held_out_labels[3]]
    assert f"the image ({name})" in html(app)


def shown_steps(app) -> list[str]:
    return re.findall(r"<figcaption>step ([\d,]+)</figcaption>", html(app))


def test_a_step_can_be_sought_by_its_number(digits: Digits) -> None:
    session = begun(digits, 300)
    app = opened("filter", session)
    app.number_input(key=Key.OPENED_STEP).set_value(123)
    app.run()
    assert session.look.step == 123
    assert not session.seeking  # it has gone to the step page


# ---- The files ----


def test_the_filmstrip_as_png(digits: Digits) -> None:
    shown = strip(begun(digits, 40, filters=3), 2, count=9)
    picture = Image.open(io.BytesIO(filmstrip_file(shown, "png")))
    picture.load()
    assert picture.format == "PNG"
    assert min(picture.size) > 400
    colours = np.asarray(picture.convert("RGB")).reshape(-1, 3)
    assert len(np.unique(colours, axis=0)) > 50  # something is drawn


def test_the_filmstrip_as_svg_says_every_step(digits: Digits) -> None:
    shown = strip(begun(digits, 40), count=9)
    file = filmstrip_file(shown, "svg")
    root = ET.fromstring(file)
    assert root.tag.endswith("svg")
    images = root.findall(".//{http://www.w3.org/2000/svg}image")
    assert len(images) == 10  # the digit and nine maps
    assert all(f"step {step}".encode() in file for step in shown.steps)


def test_a_class_in_a_script_that_the_pictures_font_lacks(digits: Digits) -> None:
    """A missing letter would be a warning, and so an error here, and a box in the picture."""
    session = begun(digits, 20)
    image, _ = session.held.digit(9)
    shown = strip_of(session.run, 0, np.array([0, 20]), image, "お")
    assert filmstrip_file(shown, "png").startswith(b"\x89PNG")
    curves = thinned(session.run.history, 50)
    assert filmed(shown, curves, [0.02] * 2, lambda *_: None).gif.startswith(b"GIF89a")


def test_the_film_has_a_frame_for_every_moment(digits: Digits) -> None:
    session = begun(digits, 40, filters=2)
    shown = strip(session, 1, count=4)
    told = []
    film = filmed(
        shown, thinned(session.run.history, 50), [0.02] * 4, lambda *now: told.append(now)
    )
    assert told == [(0, 4), (1, 4), (2, 4), (3, 4)]
    gif = Image.open(io.BytesIO(film.gif))
    assert gif.format == "GIF"
    assert gif.n_frames == 4
    assert gif.info["loop"] == 0
    frames = []
    for at in range(4):
        gif.seek(at)
        frames.append(np.asarray(gif.convert("RGB"), int))
    assert all((frames[at] != frames[at + 1]).any() for at in range(3))


def test_a_film_can_be_stopped(digits: Digits) -> None:
    session = begun(digits, 40)
    shown = strip(session, count=4)

    def stop(done: int, total: int) -> None:
        if done == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        filmed(shown, thinned(session.run.history, 50), [0.02] * 4, stop)


def test_the_page_makes_a_film_and_offers_it(digits: Digits) -> None:
    session = begun(digits, 40)
    app = opened("filter", session)
    app.number_input(key=Key.FRAMES).set_value(3)
    (make,) = (button for button in app.button if button.label == "Make an animated GIF")
    make.click()
    drawn(app)
    assert session.kept.film is not None
    session.kept.film.join()
    drawn(app)
    assert session.kept.film.result
    labels = [button.proto.label for button in app.get("download_button")]
    assert any(label.startswith("Save the film") for label in labels)
