"""A real browser and a real server for the tests in this folder."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import on_the_stage
import on_the_step_page
import pytest
import watching
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect
from serving import ROOT
from threadpoolctl import threadpool_limits
from watching import PATIENCE, SPY, Serve

expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Start the system's Chromium, without the connections it makes on its own."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        reason = "no chromium on this machine; the browser tests need one"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)  # on a machine of one's own the other tests are worth running
    return browser_type_launch_args | {
        "executable_path": chromium,
        "args": [
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--no-first-run",
        ],
    }


@pytest.fixture(scope="session")
def base_url() -> None:
    """Every test names whole addresses; the plugin's own fixture warns under pytest 9."""


@pytest.fixture
def first_visit() -> bool:
    """Whether the browser has never been here; a test of the tour says so."""
    return False


@pytest.fixture
def context(context: BrowserContext, first_visit: bool) -> BrowserContext:
    """A browser that has seen the tour."""
    if not first_visit:
        context.add_init_script("localStorage.setItem('watch-it-learn.tour', 'seen')")
    context.set_default_timeout(PATIENCE)
    return context


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """As in the server: see `pages.parts.process`."""
    with threadpool_limits(limits=1, user_api="blas"):
        yield


@pytest.fixture(scope="session")
def server_logs() -> dict[str, Path]:
    """Where each server that a test has started writes what it has to say, by its address."""
    return {}


@pytest.fixture(scope="session")
def serve(
    tmp_path_factory: pytest.TempPathFactory, server_logs: dict[str, Path]
) -> Iterator[Serve]:
    """Start ``streamlit run`` on a free port: ``serve(app, *options, pages=()) -> url``.

    An app that has no ``static`` folder beside it runs from a folder of its own that has the
    project's; ``pages`` are copied into that folder's ``pages``.
    """
    with ExitStack() as running:

        def start(app: Path, *options: str, pages: tuple[Path, ...] = ()) -> str:
            folder = tmp_path_factory.mktemp("server")
            if not (app.parent / "static").exists():
                app = _with_static(app, pages, folder)
            log = folder / "server.log"
            url = running.enter_context(_Server(app, options, log))
            server_logs[url] = log
            return url

        yield start


@pytest.fixture(scope="session")
def app_url(serve: Serve) -> str:
    """The app, of which one server is enough for all tests."""
    return serve(ROOT / "app.py")


@pytest.fixture(scope="session")
def stage_url(serve: Serve) -> str:
    """The stage alone."""
    return serve(on_the_stage.APP)


@pytest.fixture(scope="session")
def step_url(serve: Serve) -> str:
    """The step page, with a run made for it."""
    return serve(on_the_step_page.APP, pages=tuple((ROOT / "pages").glob("*.py")))


@pytest.fixture
def live(quiet: Page, app_url: str) -> Page:
    """The live page as it opens, on a wide screen."""
    return watching.opened(quiet, app_url)


@pytest.fixture
def stage(page: Page, stage_url: str) -> Page:
    """The stage at step 60 of one filter, on a wide screen."""
    return on_the_stage.opened(page, stage_url, "steps=60")


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    """A page on a narrow screen that is touched."""
    context = browser.new_context(viewport=watching.NARROW, has_touch=True, is_mobile=True)
    context.add_init_script("localStorage.setItem('watch-it-learn.tour', 'seen')")
    context.set_default_timeout(PATIENCE)
    yield context.new_page()
    context.close()


@pytest.fixture
def quiet(page: Page, server_logs: dict[str, Path]) -> Iterator[Page]:
    """A page in which nothing may go wrong unseen, and from which nothing may leave."""
    faults: list[str] = []
    said_before = {log: log.stat().st_size for log in server_logs.values()}
    hosts: set[str | None] = set()

    def hear(said: ConsoleMessage) -> None:
        # A page that is opened by its own address looks for the server below that one first.
        if said.type == "error" and "/_stcore/" not in said.location["url"]:
            faults.append(said.text)

    page.on("console", hear)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda request: hosts.add(urlparse(request.url).hostname))
    page.on("websocket", lambda socket: hosts.add(urlparse(socket.url).hostname))
    page.add_init_script(SPY)
    yield page
    assert faults == []
    assert hosts - {None} == {"127.0.0.1"}
    for log in server_logs.values():
        said = log.read_bytes()[said_before.get(log, 0) :].decode(errors="replace")
        assert "Traceback" not in said


def _with_static(app: Path, pages: tuple[Path, ...], folder: Path) -> Path:
    (folder / "static").symlink_to(ROOT / "static")
    for page in pages:
        (folder / "pages").mkdir(exist_ok=True)
        shutil.copy(page, folder / "pages")
    return Path(shutil.copy(app, folder))


class _Server:
    """One server process; as a context, its address."""

    def __init__(self, app: Path, options: tuple[str, ...], log: Path) -> None:
        self.app, self.options, self.log = app, options, log

    def __enter__(self) -> str:
        port = _free_port()
        command = [sys.executable, "-m", "streamlit", "run", str(self.app)]
        command += ["--server.headless=true", f"--server.port={port}", *self.options]
        command += ["--server.fileWatcherType=none", "--server.address=127.0.0.1"]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        with self.log.open("wb") as log:
            # In the project's folder, whose .streamlit/config.toml then holds.
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT
            )
        base = next((o.partition("=")[2] for o in self.options if "baseUrlPath" in o), "")
        url = f"http://127.0.0.1:{port}/{base}".rstrip("/")
        try:
            self._wait(f"{url}/_stcore/health")
        except BaseException:
            self.__exit__()
            raise
        return url

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _wait(self, health: str) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                with urllib.request.urlopen(health, timeout=5):
                    return
            except (urllib.error.URLError, TimeoutError):
                time.sleep(0.1)
        pytest.fail(f"the server did not start:\n{self.log.read_text(errors='replace')}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
