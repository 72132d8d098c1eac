"""The cache folder and its files, which are whole or absent."""

import hashlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pooch
import pytest

from data.cache import VARIABLE, cache_folder, read_verified, write_whole

CONTENT = bytes(range(256)) * 40
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def test_the_folder_is_the_users_own_unless_a_variable_names_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "other"))
    assert cache_folder() == tmp_path / "other"
    for unset in (lambda: monkeypatch.setenv(VARIABLE, ""), lambda: monkeypatch.delenv(VARIABLE)):
        unset()
        assert cache_folder() == Path(pooch.os_cache("watch-it-learn"))
    assert VARIABLE == "WATCH_IT_LEARN_CACHE"


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "file"
    write_whole(path, b"what was there")
    write_whole(path, CONTENT)
    assert read_verified(path, len(CONTENT), SHA256) == CONTENT
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    "damaged",
    [b"", CONTENT[:-1], CONTENT + b"\0", CONTENT[:99] + b"\0" + CONTENT[100:], CONTENT[::-1]],
    ids=["empty", "cut", "longer", "one byte", "reversed"],
)
def test_a_damaged_file_is_not_trusted(tmp_path: Path, damaged: bytes) -> None:
    (tmp_path / "file").write_bytes(damaged)
    assert read_verified(tmp_path / "file", len(CONTENT), SHA256) is None


def test_what_cannot_be_read_counts_as_missing(tmp_path: Path, sealed: Path) -> None:
    for path in (tmp_path, tmp_path / "nothing", sealed / "closed", sealed / "closed" / "deeper"):
        assert read_verified(path, len(CONTENT), SHA256) is None


def test_a_folder_that_may_not_be_written_stays_as_it_was(sealed: Path) -> None:
    with pytest.raises(PermissionError):
        write_whole(sealed / "file", CONTENT)
    assert [path.name for path in sealed.iterdir()] == ["closed"]


FULL_DISK = """
import resource, sys
from pathlib import Path
from data.cache import write_whole
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
try:
    write_whole(Path(sys.argv[1]), bytes(100_000))
except OSError as error:
    print("refused")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX limits")
def test_a_write_that_fails_half_way_leaves_what_was_there(
    tmp_path: Path, start: Callable[..., subprocess.Popen[str]]
) -> None:
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    output, errors = start(FULL_DISK, str(path)).communicate()
    assert (output, errors) == ("refused\n", "")
    assert path.read_bytes() == CONTENT
    assert list(tmp_path.iterdir()) == [path]


WRITE_FOR_EVER = """
import sys
from pathlib import Path
from data.cache import write_whole
while True:
    for letter in b"ab":
        write_whole(Path(sys.argv[1]), bytes([letter]) * 8_000_000)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_a_process_killed_while_it_writes_leaves_a_whole_file(
    tmp_path: Path, start: Callable[..., subprocess.Popen[str]]
) -> None:
    path = tmp_path / "file"
    for _ in range(50):
        process = start(WRITE_FOR_EVER, str(path))
        while not (path.exists() and list(tmp_path.glob("file.*.partial"))):
            assert process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait()
        content = path.read_bytes()
        assert content in (b"a" * 8_000_000, b"b" * 8_000_000)
        if list(tmp_path.glob("file.*.partial")):  # it was in the middle of the next one
            write_whole(path, CONTENT)
            assert path.read_bytes() == CONTENT
            return
    pytest.fail("no process was ever killed in the middle")


def test_many_processes_writing_at_once_leave_one_whole_file(
    tmp_path: Path, start: Callable[..., subprocess.Popen[str]]
) -> None:
    path = tmp_path / "file"
    processes = [start(WRITE_FOR_EVER, str(path)) for _ in range(3)]
    while not path.exists():
        time.sleep(0.01)
    for _ in range(50):
        content = path.read_bytes()
        assert content in (b"a" * 8_000_000, b"b" * 8_000_000)
    assert all(process.poll() is None for process in processes)
