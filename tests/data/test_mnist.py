"""Fetching MNIST, from a real server on this machine that gives small files."""

import gzip
import hashlib
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from idx_files import four_files, gzipped, images_file, some_pixels, write_files

import data.mnist
from data import Cancelled, DataError, load, load_mnist, mnist_is_cached
from data.mnist import RemoteFile, fetch

PIXELS = some_pixels(300, 9)  # several of the reports of progress
GOOD = gzipped(four_files(5, 3) | {"train-images-idx3-ubyte": images_file(PIXELS[: 5 * 784])})
BIG = "t10k-images-idx3-ubyte.gz"
GOOD[BIG] = gzip.compress(images_file(PIXELS), 1, mtime=0)
GOOD |= gzipped(
    {"t10k-labels-idx1-ubyte": b"\0\0\x08\x01\0\0\x01\x2c" + bytes(i % 10 for i in range(300))}
)
FILES = tuple(
    RemoteFile(name, len(content), hashlib.sha256(content).hexdigest())
    for name, content in GOOD.items()
)
TOTAL = sum(len(content) for content in GOOD.values())


class Handler(BaseHTTPRequestHandler):
    """Each mirror of the server fails in its own way, named by the first part of the path."""

    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        _, mirror, name = self.path.split("/")
        content = GOOD[name]
        if mirror == "gone":
            self.send_error(404)
            return
        if mirror == "wrong" or mirror == f"wrong-{name[:4]}":
            content = content[:-1] + bytes([content[-1] ^ 1])
        self.send_response(200)
        if mirror != "untold":
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if mirror == "breaks" else content)

    def log_message(self, *_: object) -> None:
        pass


class Server:
    def __init__(self, address: str, asked: list[str]) -> None:
        self.address, self.asked = address, asked

    def mirrors(self, *names: str) -> tuple[str, ...]:
        return tuple(f"{self.address}/{name}/" for name in names)


@pytest.fixture
def server() -> Iterator[Server]:
    handler = type("Handler", (Handler,), {"asked": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        thread = threading.Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        yield Server(f"http://127.0.0.1:{http.server_address[1]}", handler.asked)
        http.shutdown()
        thread.join()


@pytest.fixture
def nowhere() -> str:
    """An address at which nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/mnist/"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.exists() else {}


def refusal(folder: Path, mirrors: tuple[str, ...]) -> str:
    with pytest.raises(DataError) as caught:
        fetch(folder, FILES, mirrors)
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert ". " not in sentence
    return sentence


def test_all_of_it_comes_is_kept_and_needs_no_connection_again(
    server: Server, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data.mnist, "FILES", FILES)
    monkeypatch.setattr(data.mnist, "MIRRORS", server.mirrors("good", "second"))
    assert not mnist_is_cached()
    digits = load_mnist()
    assert mnist_is_cached()
    assert contents(cache / "mnist") == GOOD
    assert sorted(server.asked) == sorted(f"/good/{name}" for name in GOOD)
    assert digits.name == "mnist"
    assert digits.images.tobytes() == PIXELS[: 5 * 784]
    assert digits.held_out_images.tobytes() == PIXELS
    assert digits.held_out_labels.tolist() == list(range(10)) * 30
    assert not digits.images.flags.writeable

    server.asked.clear()
    reports: list[tuple[int, int]] = []
    again = load("mnist", progress=lambda *report: reports.append(report))
    assert again.images.tobytes() == digits.images.tobytes()
    assert server.asked == []
    assert reports[-1] == (TOTAL, TOTAL)


@pytest.mark.parametrize("mirror", ["good", "untold"])
def test_progress_rises_to_the_whole(server: Server, tmp_path: Path, mirror: str) -> None:
    reports: list[tuple[int, int]] = []
    fetch(tmp_path, FILES, server.mirrors(mirror), lambda *report: reports.append(report))
    done = [report[0] for report in reports]
    assert {report[1] for report in reports} == {TOTAL}
    assert done == sorted(done)
    assert done[-1] == TOTAL
    assert len(set(done)) > len(FILES) + 3  # the big file reported on its way


@pytest.mark.parametrize("first", ["gone", "wrong", "breaks"])
def test_the_second_mirror_is_tried_when_the_first_fails(
    server: Server, tmp_path: Path, first: str
) -> None:
    fetch(tmp_path, FILES, server.mirrors(first, "good"))
    assert contents(tmp_path) == GOOD
    assert server.asked == [f"/{mirror}/{name}" for name in GOOD for mirror in (first, "good")]


def test_the_second_mirror_is_tried_when_the_first_does_not_answer(
    server: Server, tmp_path: Path, nowhere: str
) -> None:
    fetch(tmp_path, FILES, (nowhere, *server.mirrors("good")))
    assert contents(tmp_path) == GOOD


def test_no_connection_is_said_and_changes_nothing(tmp_path: Path, nowhere: str) -> None:
    before = {"train-images-idx3-ubyte.gz": b"damaged", "mine": b"something else"}
    write_files(tmp_path, before)
    sentence = refusal(tmp_path, (nowhere, nowhere))
    assert sentence == (
        "train-images-idx3-ubyte.gz could not be fetched (127.0.0.1: no connection; "
        "127.0.0.1: no connection): check the connection and try again."
    )
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    ("mirror", "said"),
    [("wrong", "wrong checksum"), ("gone", "answered 404"), ("breaks", "no connection")],
)
def test_a_mirror_that_fails_is_said_and_changes_nothing(
    server: Server, tmp_path: Path, mirror: str, said: str
) -> None:
    before = {"train-images-idx3-ubyte.gz": b"damaged"}
    write_files(tmp_path, before)
    assert f"(127.0.0.1: {said})" in refusal(tmp_path, server.mirrors(mirror))
    assert contents(tmp_path) == before


def test_files_that_are_whole_are_kept_and_not_asked_for_again(
    server: Server, tmp_path: Path
) -> None:
    assert refusal(tmp_path, server.mirrors("wrong-t10k")).startswith(BIG)
    kept = {name: content for name, content in GOOD.items() if name.startswith("train")}
    assert contents(tmp_path) == kept
    server.asked.clear()
    fetch(tmp_path, FILES, server.mirrors("good"))
    assert contents(tmp_path) == GOOD
    assert server.asked == [f"/good/{name}" for name in GOOD if name not in kept]


def test_a_damaged_file_is_fetched_again(server: Server, tmp_path: Path) -> None:
    damaged = bytearray(GOOD[BIG])
    damaged[1_000] ^= 1
    write_files(tmp_path, GOOD | {BIG: bytes(damaged)})
    fetch(tmp_path, FILES, server.mirrors("good"))
    assert contents(tmp_path) == GOOD
    assert server.asked == [f"/good/{BIG}"]


def test_a_download_can_be_cancelled_in_the_middle(server: Server, tmp_path: Path) -> None:
    before = sum(len(content) for name, content in GOOD.items() if name.startswith("train"))
    reports: list[int] = []

    def cancel(done: int, total: int) -> None:
        reports.append(done)
        if done > before:
            raise Cancelled

    with pytest.raises(Cancelled):
        fetch(tmp_path, FILES, server.mirrors("good", "second"), cancel)
    assert before < reports[-1] < before + len(GOOD[BIG])
    assert sorted(contents(tmp_path)) == sorted(name for name in GOOD if name.startswith("train"))
    assert not any(path.startswith("/second") for path in server.asked)


Fetching = Callable[[str], subprocess.Popen[str]]


@pytest.fixture
def fetching(
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    start: Callable[..., subprocess.Popen[str]],
) -> Fetching:
    """Start a process whose code fetches into the folder "digits" from a good mirror."""
    # Where it finds this file, and what this file imports.
    here = os.pathsep.join(str(folder) for folder in list(Path(__file__).parents)[:2])
    monkeypatch.setenv("PYTHONPATH", here)
    return lambda code: start(code, str(tmp_path / "digits"), *server.mirrors("good"))


FULL_DISK = """
import resource, sys
from pathlib import Path
from data import DataError
from data.mnist import RemoteFile, fetch
import test_mnist
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
try:
    fetch(Path(sys.argv[1]), test_mnist.FILES, (sys.argv[2],))
except DataError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX limits")
def test_a_full_disk_is_said_and_changes_nothing(fetching: Fetching, tmp_path: Path) -> None:
    write_files(tmp_path / "digits", {BIG: b"damaged"})
    output, _ = fetching(FULL_DISK).communicate()
    assert output.startswith(f"{BIG} cannot be kept in {tmp_path / 'digits'} (File too large): ")
    assert output.endswith("WATCH_IT_LEARN_CACHE name another folder.\n")
    kept = {name: content for name, content in GOOD.items() if name.startswith("train")}
    assert contents(tmp_path / "digits") == kept | {BIG: b"damaged"}


def test_a_folder_that_may_not_be_written_is_said(server: Server, sealed: Path) -> None:
    sentence = refusal(sealed, server.mirrors("good"))
    assert f"cannot be kept in {sealed} (no permission): " in sentence


def test_a_folder_that_cannot_be_is_said(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert "cannot be kept in" in refusal(tmp_path / "file" / "mnist", server.mirrors("good"))


AT_ONCE = """
import sys
from pathlib import Path
from data.mnist import fetch
import test_mnist
fetch(Path(sys.argv[1]), test_mnist.FILES, (sys.argv[2],))
print("done")
"""


def test_two_processes_can_fetch_at_once(fetching: Fetching, tmp_path: Path) -> None:
    both = [fetching(AT_ONCE) for _ in range(2)]
    assert [process.communicate()[0] for process in both] == ["done\n"] * 2
    assert contents(tmp_path / "digits") == GOOD
