"""The data page without a browser: digits of one's own, and all of MNIST."""

import base64
import gzip
import hashlib
import io
import re
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from data_page import choose, idx_files, own, upload, zip_of
from opening import drawn, held, opened, press, text
from PIL import Image
from streamlit import config
from streamlit.testing.v1 import AppTest

import data.mnist
import pages.parts.task
from cnn import Recipe, Run
from data import DataError, Digits, Uploaded, load_zip
from data.cache import VARIABLE
from data.mnist import RemoteFile
from pages.parts.keys import Key
from pages.parts.limits import limits, paths_allowed
from pages.parts.refusal import plain
from pages.parts.session import Session
from pages.parts.task import Task

pytestmark = pytest.mark.usefixtures("alone")


@pytest.fixture
def app() -> AppTest:
    return opened("data")


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
    app = opened("data", Session.begun(digits, recipe))
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
    limits.cache_clear()


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
        ("localhost", "0", False),
        ("localhost", "", True),
    ],
)
def test_folders_are_for_who_owns_the_server(
    address: str | None, said: str | None, allowed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.set_option("server.address", address)
    monkeypatch.delenv("WATCH_IT_LEARN_ALLOW_PATHS", raising=False)
    if said is not None:
        monkeypatch.setenv("WATCH_IT_LEARN_ALLOW_PATHS", said)
    limits.cache_clear()
    assert paths_allowed() is allowed
    app = opened("data")
    assert ("My own: a folder with IDX files" in app.radio(key=Key.DATA).options) is allowed


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
    drawn(app)
    return task


def test_a_download_shows_how_far_it_is_and_is_cancelled(
    app: AppTest, may_go_on: threading.Event, tmp_path: Path
) -> None:
    task = begin_to_fetch(app)
    assert 0 < task.done < task.total / 2
    press(app, "Play")  # the page stays usable
    assert held(app).playing
    press(app, "Cancel")
    drawn(app)  # as the page does by itself
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
    drawn(app)
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
    drawn(app)
    (error,) = app.error
    assert "could not be fetched" in error.value
    assert held(app).run.recipe == Recipe()


def test_work_that_cannot_be_done_says_why() -> None:
    def work(report: object) -> None:
        raise DataError("It cannot.")

    task = Task(work)
    task.join()
    assert (task.error, task.running) == ("It cannot.", False)
