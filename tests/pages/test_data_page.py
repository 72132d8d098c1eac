"""The data page without a browser: what is in use, looking through it, and other digits."""

import base64
import gzip
import hashlib
import io
import re
import struct
import threading
import zipfile
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from mounting import figures, trace
from PIL import Image
from streamlit import config
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import ButtonGroup, TextInput

import data.mnist
import pages.parts.task
from cnn import Recipe, Run
from data import DataError, Digits, Uploaded, load_zip
from data.cache import VARIABLE
from data.mnist import RemoteFile
from pages.parts.digit_browser import PER_PAGE, pixel_table
from pages.parts.limits import ALLOW_PATHS, paths_allowed
from pages.parts.refusal import plain
from pages.parts.session import Key, Session
from pages.parts.task import Task

APP = Path(__file__).parents[2] / "app.py"


@pytest.fixture(autouse=True)
def _alone() -> Iterator[None]:
    st.cache_resource.clear()
    yield
    st.cache_resource.clear()


@pytest.fixture
def app() -> AppTest:
    return opened()


def opened(begun: Session | None = None) -> AppTest:
    app = AppTest.from_file(str(APP), default_timeout=60)
    if begun:
        app.session_state[Key.SESSION] = begun
    app.switch_page("pages/data.py")
    return ran(app)


def ran(app: AppTest) -> AppTest:
    app.run()
    assert not app.exception, app.exception[0].stack_trace
    return app


def held(app: AppTest) -> Session:
    session: Session = app.session_state[Key.SESSION]
    return session


def press(app: AppTest, label: str) -> None:
    (button,) = (button for button in app.button if button.label == label)
    button.click()
    ran(app)


def choose(app: AppTest, choice: str) -> None:
    app.radio(key=Key.DATA).set_value(choice)
    ran(app)


def text(app: AppTest) -> str:
    return "\n".join(str(one.value) for one in app.markdown)


def png_of(image: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG")
    return stream.getvalue()


def zip_of(digits: Digits, of_each: int = 5) -> bytes:
    """A ZIP of the first so many training digits of each class."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for label in range(10):
            for at, image in enumerate(digits.images[digits.labels == label][:of_each]):
                archive.writestr(f"{label}/{at}.png", png_of(image))
    return stream.getvalue()


def idx_files(digits: Digits, training: int = 60, held_out: int = 40) -> dict[str, bytes]:
    files = {}
    for part, images, labels in (
        ("train", digits.images[:training], digits.labels[:training]),
        ("t10k", digits.held_out_images[:held_out], digits.held_out_labels[:held_out]),
    ):
        head = struct.pack(">IIII", 0x803, len(images), 28, 28)
        files[f"{part}-images-idx3-ubyte"] = head + images.tobytes()
        head = struct.pack(">II", 0x801, len(labels))
        files[f"{part}-labels-idx1-ubyte"] = head + bytes(labels.tolist())
    return files


def upload(app: AppTest, *files: tuple[str, bytes]) -> None:
    (uploader,) = (one for one in app.file_uploader if "saved run" not in one.label)
    given = [(name, content, "application/octet-stream") for name, content in files]
    uploader.set_value(given if uploader.accept_multiple_files else given[0])
    ran(app)
    wait(app)


def wait(app: AppTest) -> None:
    if reading := held(app).brought.reading:
        reading.join()
        ran(app)


def own(app: AppTest) -> str:
    """The name of the digits in hand, which are somebody's own."""
    name = held(app).digits.name
    assert re.fullmatch(r"own-[0-9a-f]{8}", name)
    assert held(app).run.recipe.data == name
    return name


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
    ran(app)
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
    ran(app)
    assert shown(app)[-1] == 3_999
    app.button_group(key=Key.BROWSED_CLASS).set_value(0)
    ran(app)
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
    ran(app)
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
    ran(app)
    press(app, "Next")
    assert held(app).playing
    assert held(app).run is run
    assert run.step >= step


# ---- Other digits ----


def test_a_zip_is_read_and_a_run_started_on_it_when_asked(app: AppTest, digits: Digits) -> None:
    before = held(app).held
    choose(app, "zip")
    upload(app, ("mine.zip", zip_of(digits)))
    assert "**40 digits to train on, 10 held out**, 5 of each class" in text(app)
    assert held(app).held is before
    expected = load_zip(Uploaded("mine.zip", zip_of(digits)))
    (first,) = (h.proto.body for h in app.get("html") if '"first-of-each"' in h.proto.body)
    for label, encoded in enumerate(re.findall(r"base64,([^\"]+)", first)):
        seen = np.asarray(Image.open(io.BytesIO(base64.b64decode(encoded))))[..., 3]
        assert (seen == expected.images[expected.labels == label][0]).all()
    assert label == 9
    press(app, "Start a new run on these")
    assert own(app) == expected.name
    run = Run(Recipe(data=expected.name), expected.images, expected.labels)
    run.advance(1)
    assert (held(app).run.parameters.vector == run.parameters.vector).all()
    assert held(app).others == {before.number: before}
    assert held(app).brought.digits is None
    assert "40 to train on; 10 held out" in text(app)


def test_four_idx_files_are_read_and_come_back(app: AppTest, digits: Digits) -> None:
    choose(app, "idx")
    upload(app, *idx_files(digits).items())
    press(app, "Start a new run on these")
    name = own(app)
    assert held(app).digits.images.tobytes() == digits.images[:60].tobytes()
    choose(app, "bundled")
    press(app, "Start a new run on these")
    assert held(app).run.recipe.data == "bundled"
    choose(app, name)  # brought once, it is there for the whole visit
    press(app, "Start a new run on these")
    assert own(app) == name


def test_a_new_run_takes_the_rest_of_the_recipe(digits: Digits) -> None:
    recipe = Recipe(seed=3, filters=2, hidden=8, batch=4, bias_rule="notes", learning_rate=0.05)
    app = opened(Session.begun(digits, recipe))
    choose(app, "idx")
    upload(app, *idx_files(digits).items())
    press(app, "Start a new run on these")
    values = {"seed": 3, "filters": 2, "hidden": 8, "batch": 4, "bias_rule": "notes"}
    assert held(app).run.recipe == Recipe(data=own(app), learning_rate=0.05, **values)


@pytest.mark.parametrize(
    ("choice", "file", "said"),
    [
        ("zip", ("a.zip", b"no ZIP"), "a.zip is not a ZIP file"),
        ("idx", ("train-images", b"\0\0"), "None of the 1 files has train-labels"),
        ("idx", ("![](http://x.test/y.png)", b""), "None of the 1 files"),
    ],
)
def test_a_bad_file_is_one_sentence_and_the_run_goes_on(
    app: AppTest, choice: str, file: tuple[str, bytes], said: str
) -> None:
    before = held(app).held
    press(app, "Play")
    choose(app, choice)
    upload(app, file)
    (error,) = app.error
    assert plain(said) in error.value
    assert error.value.endswith(" The run in hand goes on.")
    assert held(app).held is before
    assert held(app).playing


def test_a_zip_with_a_hostile_name_in_it_shows_the_name_as_text(
    app: AppTest, digits: Digits
) -> None:
    stream = io.BytesIO(zip_of(digits))
    with zipfile.ZipFile(stream, "a") as archive:
        archive.writestr("0/![x](http:x.test).png", b"no picture")
    choose(app, "zip")
    upload(app, ("mine.zip", stream.getvalue()))
    (error,) = app.error
    assert r"0/\!\[x\]\(http\:x\.test\)\.png in mine\.zip" in error.value


def write(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        (folder / name).write_bytes(content)


def read_folder(app: AppTest, folder: Path) -> None:
    choose(app, "folder")
    app.text_input(key=Key.FOLDER).set_value(str(folder))
    press(app, "Read it")


def test_a_folder_is_read_where_that_is_allowed(
    app: AppTest, digits: Digits, tmp_path: Path
) -> None:
    write(tmp_path, idx_files(digits))
    read_folder(app, tmp_path)
    press(app, "Start a new run on these")
    name = own(app)
    # The same digits in another form are the same digits.
    choose(app, "idx")
    upload(app, *idx_files(digits).items())
    press(app, "Start a new run on these")
    assert own(app) == name


def test_a_folder_that_is_not_there_is_one_sentence(app: AppTest, tmp_path: Path) -> None:
    before = held(app).held
    read_folder(app, tmp_path / "nowhere")
    (error,) = app.error
    there = plain(tmp_path / "nowhere")
    assert error.value.startswith(f"There is no folder {there}\\: check the path")
    assert held(app).held is before


@pytest.fixture
def _address() -> Iterator[None]:
    known = config.get_option("server.address")
    yield
    config.set_option("server.address", known)


@pytest.mark.usefixtures("_address")
@pytest.mark.parametrize(
    ("address", "said", "allowed"),
    [
        ("localhost", None, True),
        ("127.0.0.1", None, True),
        ("::1", None, True),
        (None, None, False),
        ("", None, False),
        ("0.0.0.0", None, False),
        ("192.168.1.5", None, False),
        ("0.0.0.0", "1", True),
        ("0.0.0.0", "yes", False),
        ("localhost", "0", False),
        ("localhost", "", True),
    ],
)
def test_folders_are_for_who_owns_the_server(
    address: str | None, said: str | None, allowed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.set_option("server.address", address)
    monkeypatch.delenv(ALLOW_PATHS, raising=False)
    if said is not None:
        monkeypatch.setenv(ALLOW_PATHS, said)
    assert paths_allowed() is allowed
    app = opened()
    assert ("My own: a folder with IDX files" in app.radio(key=Key.DATA).options) is allowed


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
    ran(app)
    press(app, "Start a new run on these")
    name = own(app)
    assert held(app).digits.classes == tuple(FASHION.split(", "))
    assert list(trace(figures(app)[0], "held out")["x"]) == FASHION.split(", ")
    assert app.button_group(key=Key.BROWSED_CLASS).options == FASHION.split(", ")

    names(app, Key.CLASS_NAMES).set_value(FASHION.replace("Boot", "Ankle boot"))
    ran(app)
    assert held(app).digits.classes[9] == "Ankle boot"
    names(app, Key.CLASS_NAMES).set_value("a, b")
    ran(app)
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


# ---- All of MNIST, from a server on this machine that gives small files ----


class Slow(BaseHTTPRequestHandler):
    """Gives half of the first file, and the rest when it may."""

    files: dict[str, bytes]
    may_go_on: threading.Event

    def do_GET(self) -> None:
        name = self.path.strip("/")
        content = self.files[name]
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        half = len(content) // 2
        self.wfile.write(content[:half])
        if name == next(iter(self.files)):
            self.may_go_on.wait(30)
        self.wfile.write(content[half:])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def may_go_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, digits: Digits
) -> Iterator[threading.Event]:
    """All of MNIST is four small files, of which the first one comes whole when it may."""
    event = threading.Event()
    contents = idx_files(digits, 1_000, 40)
    files = {f"{name}.gz": gzip.compress(content, mtime=0) for name, content in contents.items()}
    handler = type("Handler", (Slow,), {"files": files, "may_go_on": event})
    remote = tuple(
        RemoteFile(name, len(content), hashlib.sha256(content).hexdigest())
        for name, content in files.items()
    )
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    monkeypatch.setenv("NO_PROXY", "*")
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        address = f"http://127.0.0.1:{http.server_address[1]}/"
        monkeypatch.setattr(data.mnist, "FILES", remote)
        monkeypatch.setattr(data.mnist, "MIRRORS", (address,))
        thread = threading.Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        yield event
        event.set()
        http.shutdown()
        thread.join()


def begin_to_fetch(app: AppTest) -> Task[None]:
    choose(app, "mnist")
    press(app, "Fetch all 70,000 digits")
    task = held(app).brought.fetching
    assert task is not None
    while task.running and not task.done:
        task.look()
    ran(app)
    return task


def test_a_download_shows_how_far_it_is_and_is_cancelled(
    app: AppTest, may_go_on: threading.Event, tmp_path: Path
) -> None:
    task = begin_to_fetch(app)
    assert 0 < task.done < task.total / 2
    press(app, "Play")  # the page stays usable
    assert held(app).playing
    press(app, "Cancel")
    ran(app)  # as the page does by itself
    assert "Stopped" in app.info[0].value
    may_go_on.set()
    task.join()
    assert list((tmp_path / "mnist").iterdir()) == []


def test_what_has_been_fetched_is_trained_on_when_asked(
    app: AppTest, may_go_on: threading.Event
) -> None:
    may_go_on.set()
    task = begin_to_fetch(app)
    task.join()
    assert task.done == task.total
    ran(app)
    assert held(app).run.recipe == Recipe()
    press(app, "Start a new run on these")
    assert held(app).run.recipe == Recipe(data="mnist")
    assert "1,000 to train on; 40 held out" in text(app)


def test_a_download_that_nobody_looks_at_any_more_ends(
    app: AppTest, may_go_on: threading.Event, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = begin_to_fetch(app)
    monkeypatch.setattr(pages.parts.task, "ABANDONED", 0.0)
    may_go_on.set()
    task.join()
    assert not task.running
    assert list((tmp_path / "mnist").iterdir()) == []


def test_a_download_that_fails_is_one_sentence(
    app: AppTest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr(data.mnist, "MIRRORS", ("http://127.0.0.1:9/",))
    choose(app, "mnist")
    press(app, "Fetch all 70,000 digits")
    held(app).brought.fetching.join()
    ran(app)
    (error,) = app.error
    assert "could not be fetched" in error.value
    assert held(app).run.recipe == Recipe()


def test_work_that_cannot_be_done_says_why() -> None:
    def work(report: object) -> None:
        raise DataError("It cannot.")

    task = Task(work)
    task.join()
    assert (task.error, task.running) == ("It cannot.", False)


def test_what_markdown_would_take_for_its_own_is_escaped() -> None:
    assert plain("![a](b) <i> *c* :red[d] $e$") == (r"\!\[a\]\(b\) \<i\> \*c\* \:red\[d\] \$e\$")
