"""``python -m experiments``: what it says, how it ends, and that it goes on."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from data import Digits
from experiments import Outcome, Record, Sweep, digest_of, read_record

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nonsense.toml"], "The cluster’s scheduler does not answer at its address."),
        (["."], ".: Is a directory."),
    ],
)
def test_the_shell_says_one_sentence(tmp_path: Path, arguments: list[str], sentence: str) -> None:
    (tmp_path / "nonsense.toml").write_text('scheduler = "nonsense"\nsteps = 10\n')
    said = from_the_shell(*arguments, cwd=tmp_path)
    assert said.returncode == 2
    assert said.stderr.splitlines()[-1] == sentence
    assert "Traceback" not in said.stderr
    assert said.stderr.count(".\n") <= 2  # what it will cost, and why not


def test_the_shell_counts_what_is_still_to_run(digits: Digits, tmp_path: Path) -> None:
    """One of three runs has failed before: it is run once more."""
    sweep = Sweep((0.01,), batch=(10,), seeds=(0, 1, 2), epochs=None, steps=5)
    record = Record(sweep, digest_of(digits))
    record.outcomes = {
        0: Outcome(0, "finished", step=5, held_out_accuracy=0.5),
        1: Outcome(1, "failed", "No room."),
    }
    (tmp_path / "night.jsonl").write_bytes(record.to_bytes())
    (tmp_path / "night.toml").write_text(f"{sweep.to_toml()}processes = 1\n")
    said = from_the_shell("night.toml", cwd=tmp_path).stderr
    assert "3 runs, 1 of them there already; 10 steps to take" in said
    assert re.findall(r"(\d) of 3 runs", said) == ["2", "3"]
    assert "3 finished" in said

    (tmp_path / "night.toml").write_text("steps = 5\nseeds = 7\n")
    refused = from_the_shell("night.toml", cwd=tmp_path)
    assert (refused.returncode, refused.stderr) == (
        2,
        "The file holds another sweep, or one on other digits.\n",
    )


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX limits")
def test_a_disk_that_has_no_room_for_the_digits_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "two.toml").write_text("seeds = [0, 1]\nsteps = 5\nprocesses = 2\n")
    limited = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (10**6, 10**6))"
    said = from_the_shell("two.toml", cwd=tmp_path, first=limited)
    assert said.returncode == 2
    assert said.stderr.splitlines()[-1].endswith("shared: there is no room for the digits.")
    assert "Traceback" not in said.stderr


def from_the_shell(*arguments: str, cwd: Path, first: str = "") -> subprocess.CompletedProcess[str]:
    """Run a sweep from the shell, after a line of Python.

    It keeps no bytecode (-B): where a file may not grow, Python would keep half of it for all.
    """
    environment = {k: v for k, v in os.environ.items() if k != "WATCH_IT_LEARN_SCHEDULER"}
    module = "import runpy; runpy.run_module('experiments', run_name='__main__', alter_sys=True)"
    return subprocess.run(
        [sys.executable, "-B", "-c", f"{first}\n{module}", *arguments],
        cwd=cwd,
        env=environment | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )


def test_from_the_shell_and_on_again(tmp_path: Path) -> None:
    """Without a cluster: nothing of Dask is imported unless it is asked for."""
    plan = tmp_path / "night.toml"
    plan.write_text("learning_rate = [0.01]\nseeds = [0, 1]\nsteps = 50\nprocesses = 1\n")
    command = [sys.executable, "-X", "importtime", "-m", "experiments", str(plan)]
    root = ROOT
    environment = {k: v for k, v in os.environ.items() if k != "WATCH_IT_LEARN_SCHEDULER"}
    first = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
    assert first.returncode == 0, first.stderr
    assert "2 of 2 runs" in first.stderr
    assert " distributed\n" not in first.stderr
    kept = (tmp_path / "night.jsonl").read_bytes()
    assert kept.count(b"\n") == 3
    again = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
    assert "2 of them there already.\n" in again.stderr
    assert (tmp_path / "night.jsonl").read_bytes() == kept
    plan.write_text("learning_rate = [0]\n")
    refused = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
    assert refused.returncode == 2
    assert "learning_rate is a number above 0" in refused.stderr


def test_runs_that_failed_are_said_and_none_is_called_the_best(
    digits: Digits, tmp_path: Path
) -> None:
    """A run of more images than there are cannot be had, but it can be recorded as failed."""
    sweep = Sweep((0.01, 0.1), batch=(10,), seeds=(0, 1, 2), epochs=None, steps=5)
    record = Record(sweep, digest_of(digits))
    shares = (0.25, 0.75, 0.5, 0.375, 0.25, 1.0)  # the luckiest seed is not of the best rate
    record.outcomes = {
        place: Outcome(place, "finished", step=5, held_out_accuracy=share)
        for place, share in enumerate(shares)
    }
    (tmp_path / "night.toml").write_text(sweep.to_toml())
    (tmp_path / "night.jsonl").write_bytes(record.to_bytes())
    said = from_the_shell("night.toml", cwd=tmp_path)
    assert said.returncode == 0
    assert "6 finished. The best setting (learning_rate 0.01) takes 50.00% of the" in said.stderr
    assert "the median of 3 seeds (25.00% to 75.00%)." in said.stderr

    deadly = f"""
import os, sys
from cnn import Recipe
Recipe.__reduce__ = lambda self: (os._exit, (1,))
sys.path.insert(0, {str(ROOT)!r})
"""
    (tmp_path / "dead.toml").write_text("seeds = [0]\nlearning_rate = 0.1\nprocesses = 2\n")
    said = from_the_shell("dead.toml", cwd=tmp_path, first=deadly)
    assert said.returncode == 1
    assert "1 failed. Its worker process died, again and again" in said.stderr
    assert "best" not in said.stderr
    assert "Traceback" not in said.stderr


LONG = "learning_rate = 0.01\nseeds = [0, 1, 2]\nsteps = 1_000_000\nprocesses = 2\n"


def started(plan: Path) -> subprocess.Popen[str]:
    """Start it as a shell does in the foreground: in the background ^C would be ignored."""
    heard = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    module = "import runpy; runpy.run_module('experiments', run_name='__main__', alter_sys=True)"
    return subprocess.Popen(
        [sys.executable, "-c", f"{heard}\n{module}", str(plan)],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_it_is_stopped_in_one_sentence(tmp_path: Path, name: str) -> None:
    """As its worker processes begin, which ^C reaches as well."""
    (tmp_path / "long.toml").write_text(LONG)
    with started(tmp_path / "long.toml") as sweep:
        assert sweep.stderr
        assert "3 runs, 0 of them" in sweep.stderr.readline()
        deadline = time.monotonic() + 60
        while not (tmp_path / "long.jsonl").exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        time.sleep(0.2)
        if name == "SIGINT":
            os.killpg(sweep.pid, signal.SIGINT)
        else:
            sweep.send_signal(getattr(signal, name))
        said = sweep.stderr.read()
    assert sweep.returncode == 130
    assert said.startswith("Stopped. The runs that have ended are in ")
    assert said.count("\n") == 1


def test_a_second_one_on_the_same_results_waits(tmp_path: Path) -> None:
    plan = tmp_path / "twice.toml"
    plan.write_text("learning_rate = 0.01\nseeds = [0, 1, 2]\nsteps = 20_000\nprocesses = 1\n")
    with started(plan) as first, started(plan) as second:
        said = sorted(one.communicate(timeout=120)[1] for one in (first, second))
    assert (first.returncode, second.returncode) == (0, 0)
    assert sum("Another process is at work on these results" in one for one in said) == 1
    assert (tmp_path / "twice.jsonl").read_bytes().count(b"\n") == 4  # the sweep, each run once


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is full")
def test_a_terminal_that_is_gone_does_not_end_it(tmp_path: Path) -> None:
    (tmp_path / "night.toml").write_text("learning_rate = 0.01\nseeds = [0, 1]\nsteps = 20\n")
    command = [sys.executable, "-m", "experiments", str(tmp_path / "night.toml")]
    with Path("/dev/full").open("w") as full:
        assert subprocess.run(command, cwd=ROOT, stderr=full).returncode == 0
    assert read_record((tmp_path / "night.jsonl").read_bytes()).missing == []


def test_a_file_that_an_editor_has_marked_as_utf_8_or_that_is_not(tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_bytes("seeds = 0\nsteps = 5\nprocesses = 1\n# η".encode("utf-8-sig"))
    assert from_the_shell("plan.toml", cwd=tmp_path).returncode == 0
    plan.write_bytes("# η".encode("utf-16"))
    refused = from_the_shell("plan.toml", cwd=tmp_path)
    assert (refused.returncode, refused.stderr) == (
        2,
        "plan.toml is not text in UTF-8: save it as that.\n",
    )
