"""What the tests of the digits share."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pooch
import pytest
import requests

from data.cache import VARIABLE

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of the test's own (not made yet), never the user's."""
    folder = tmp_path / "cache"
    monkeypatch.setenv(VARIABLE, str(folder))
    monkeypatch.setenv("NO_PROXY", "*")
    return folder


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a real Python process at the project's root; whatever still runs ends with the test.

    It keeps no bytecode (-B): where a file may not grow, Python would keep half of it for all.
    """
    processes: list[subprocess.Popen[str]] = []

    def run(code: str, *arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-B", "-W", "error", "-c", code, *arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield run
    for process in processes:
        process.kill()
        process.communicate()


@pytest.fixture
def sealed() -> Iterator[Path]:
    """A folder with one file in it, `closed`, that may be neither written nor (the file) read.

    Root may do everything, so for the length of the test root is somebody else.
    """
    if not hasattr(os, "geteuid"):
        pytest.skip("needs POSIX permissions")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "closed").write_bytes(b"x")
        (folder / "closed").chmod(0)
        folder.chmod(0o555)
        root = os.geteuid() == 0
        if root:
            # What the package imports late must be there already: its files may be root's alone.
            assert pooch.retrieve
            assert requests.RequestException
            os.seteuid(65534)
        try:
            yield folder
        finally:
            if root:
                os.seteuid(0)
            folder.chmod(0o700)
