"""The faults, and what is said of them at the end.

::

    pytest tests/browser/faults
    pytest tests/browser/faults --dropped 60
"""

from collections.abc import Callable, Iterator
from itertools import zip_longest
from pathlib import Path
from textwrap import wrap
from typing import Any

import pytest
from machinery import Report, Server
from playwright.sync_api import Page
from watching import SPY

WIDTHS = 30, 34, 34
"""Characters of the columns: the fault, what the visitor sees, what is kept."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the connection be dropped for longer than a test should take."""
    parser.addoption(
        "--dropped", type=float, default=5.0, help="seconds for which the connection is dropped"
    )


@pytest.fixture
def dropped(pytestconfig: pytest.Config) -> float:
    """Seconds for which the connection is dropped."""
    seconds: float = pytestconfig.getoption("--dropped", default=5.0)
    return seconds


@pytest.fixture
def report(record_property: Callable[[str, Any], None]) -> Report:
    """Say at the end what a fault did: ``report(fault, what the visitor saw, what was kept)``."""
    return lambda fault, seen, kept: record_property("fault", (fault, seen, kept))


@pytest.fixture
def start_server(tmp_path: Path, cache_folder: None) -> Iterator[Callable[..., Server]]:
    """Start a server; it ends with the test, in which nothing may have gone wrong unseen."""
    servers: list[Server] = []

    def start(cache: Path, **environment: str) -> Server:
        servers.append(Server(tmp_path / "server.log", cache, **environment))
        return servers[-1]

    yield start
    for server in servers:
        server.kill()
        assert "Traceback" not in server.said


@pytest.fixture
def patient(page: Page) -> Page:
    """A page that may take its time, and in which every frame can be looked at."""
    page.add_init_script(SPY)
    return page


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print a table of the faults that were caused."""
    rows = [
        value
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", None) == "call"
        for name, value in report.user_properties
        if name == "fault"
    ]
    if not rows:
        return
    terminalreporter.section("faults")
    for row in [("fault", "what the visitor sees", "what is kept"), *rows]:
        for line in _in_columns(row):
            terminalreporter.line(line)
        terminalreporter.line("")


def _in_columns(row: tuple[str, ...]) -> list[str]:
    columns = [wrap(text, width) for text, width in zip(row, WIDTHS, strict=True)]
    return [
        "  ".join(text.ljust(width) for text, width in zip(line, WIDTHS, strict=True)).rstrip()
        for line in zip_longest(*columns, fillvalue="")
    ]
