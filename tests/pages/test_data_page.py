"""The data page without a browser: what is in use, and looking through it."""

import base64
import io
import re
from collections import Counter
from html.parser import HTMLParser

import numpy as np
import pytest
from data_page import choose, idx_files, own, upload
from mounting import figures, trace
from opening import drawn, held, opened, press, text
from PIL import Image
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import ButtonGroup, TextInput

from data import Digits
from pages.parts.digit_browser import PER_PAGE, pixel_table
from pages.parts.keys import Key
from pages.parts.refusal import plain

pytestmark = pytest.mark.usefixtures("alone")


@pytest.fixture
def app() -> AppTest:
    return opened("data")


# ---- What is in use ----


def test_counts_and_balance_are_those_of_the_digits(app: AppTest, digits: Digits) -> None:
    assert "4,000 to train on; 1,000 held out" in text(app)
    (figure,) = figures(app)
    for name, labels in (
        ("to train on", digits.labels),
        ("held out", digits.held_out_labels),
    ):
        bars = trace(figure, name)
        counts = Counter(labels.tolist())
        assert list(bars["x"]) == list("0123456789")
        assert list(bars["y"]) == [counts[label] for label in range(10)]


# ---- Looking through them ----


def grid(app: AppTest) -> ButtonGroup[int]:
    return next(g for g in app.button_group if any("data:image" in o for o in g.options))


def positions(options: list[str]) -> list[int]:
    return [int(re.match(r"!\[digit ([\d,]+), ", o)[1].replace(",", "")) for o in options]


def shown(app: AppTest) -> list[int]:
    return positions(grid(app).options)


def test_every_digit_of_a_class_is_shown_once_page_by_page(app: AppTest, digits: Digits) -> None:
    assert shown(app) == list(range(PER_PAGE))
    app.button_group(key=Key.BROWSED_PART).set_value("held out")
    app.button_group(key=Key.BROWSED_CLASS).set_value(7)
    drawn(app)
    seen = shown(app)
    assert app.number_input(key=Key.BROWSED_PAGE).max == 2
    press(app, "Next")
    seen += shown(app)
    assert seen == [4_000 + at for at in range(1_000) if digits.held_out_labels[at] == 7]
    assert next(b for b in app.button if b.label == "Next").disabled
    press(app, "Previous")
    assert shown(app) == seen[:PER_PAGE]


def test_a_page_that_another_filter_does_not_have_becomes_its_last(app: AppTest) -> None:
    app.number_input(key=Key.BROWSED_PAGE).set_value(80)
    drawn(app)
    assert shown(app)[-1] == 3_999
    app.button_group(key=Key.BROWSED_CLASS).set_value(0)
    drawn(app)
    assert app.number_input(key=Key.BROWSED_PAGE).value == 8
    assert len(shown(app)) == 50


def test_the_small_pictures_are_the_digits(app: AppTest, digits: Digits) -> None:
    option = grid(app).options[13]
    content = base64.b64decode(option.partition("base64,")[2].removesuffix(")"))
    pixels = np.asarray(Image.open(io.BytesIO(content)))
    assert (pixels[..., 3] == digits.images[13]).all()
    assert not pixels[..., :3].any()


class Cells(HTMLParser):
    """The numbers in the cells of a table."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[int]] = []
        self._in_cell = False

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag == "tr":
            self.rows.append([])
        self._in_cell = tag == "td"

    def handle_data(self, data: str) -> None:
        if self._in_cell:
            self.rows[-1].append(int(data))
            self._in_cell = False


def test_the_enlarged_digit_has_all_784_numbers(app: AppTest, digits: Digits) -> None:
    chosen = grid(app)
    chosen.set_value(21)
    drawn(app)
    assert "**Digit 21**, of class **1**, to train on" in text(app)
    (table,) = (h.proto.body for h in app.get("html") if "<table>" in h.proto.body)
    cells = Cells()
    cells.feed(table)
    assert cells.rows[1:] == digits.images[21].tolist()


def test_a_class_named_like_a_tag_stays_text() -> None:
    assert "<script" not in pixel_table(np.zeros((28, 28), np.uint8), "<script>")


def test_looking_through_them_leaves_the_run_playing(app: AppTest) -> None:
    press(app, "Play")
    run, step = held(app).run, held(app).run.step
    app.button_group(key=Key.BROWSED_CLASS).set_value(3)
    drawn(app)
    press(app, "Next")
    assert held(app).playing
    assert held(app).run is run
    assert run.step >= step


# ---- Names of classes ----

FASHION = "T-shirt, Trouser, Pullover, Dress, Coat, Sandal, Shirt, Sneaker, Bag, Boot"


def names(app: AppTest, key: Key) -> TextInput:
    (field,) = (one for one in app.text_input if str(one.key).startswith(f"{key}_"))
    return field


def test_classes_are_named_and_renamed_and_the_names_are_remembered(
    app: AppTest, digits: Digits
) -> None:
    choose(app, "idx")
    upload(app, *idx_files(digits).items())
    names(app, Key.NEW_CLASS_NAMES).set_value(FASHION)
    drawn(app)
    press(app, "Start a new run on these")
    name = own(app)
    assert held(app).digits.classes == tuple(FASHION.split(", "))
    assert list(trace(figures(app)[0], "held out")["x"]) == FASHION.split(", ")
    assert app.button_group(key=Key.BROWSED_CLASS).options == FASHION.split(", ")

    names(app, Key.CLASS_NAMES).set_value(FASHION.replace("Boot", "Ankle boot"))
    drawn(app)
    assert held(app).digits.classes[9] == "Ankle boot"
    names(app, Key.CLASS_NAMES).set_value("a, b")
    drawn(app)
    assert "2 names are given" in app.error[0].value
    assert held(app).digits.classes[9] == "Ankle boot"

    choose(app, "bundled")
    press(app, "Start a new run on these")
    assert held(app).digits.classes[9] == "9"
    choose(app, "idx")
    upload(app, *idx_files(digits).items())  # brought again, they are still called so
    press(app, "Start a new run on these")
    assert own(app) == name
    assert held(app).digits.classes[9] == "Ankle boot"


def test_what_markdown_would_take_for_its_own_is_escaped() -> None:
    assert plain("![a](b) <i> *c* :red[d] $e$") == (r"\!\[a\]\(b\) \<i\> \*c\* \:red\[d\] \$e\$")
