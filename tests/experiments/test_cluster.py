"""The same on a real Dask cluster of two worker processes, one of which is killed."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from data import Digits
from experiments import ClusterError, Outcome, Record, Sweep, Where, digest_of, run_sweep

dask = pytest.importorskip("dask", reason="needs requirements-cluster.txt")
distributed = pytest.importorskip("distributed", reason="needs requirements-cluster.txt")
prepare = pytest.importorskip("experiments.cluster").prepare

# Its own: an event loop that ends with its process, and sockets closed by the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def cluster() -> Iterator[object]:
    """Dask looks for copies to let go a hundred times a second instead of every two."""
    often = {"distributed.scheduler.active-memory-manager.interval": "10ms"}
    with (
        dask.config.set(often),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
    ):
        yield cluster


@pytest.fixture
def there(cluster: object) -> Where:
    """The cluster with both of its workers, also after one was killed."""
    with distributed.Client(cluster, set_as_default=False) as client:
        client.wait_for_workers(2, timeout=60)
    return Where(scheduler=cluster.scheduler_address)


def count_arrays() -> None:
    """In a worker: count the large arrays that arrive, whoever sends them."""
    from distributed.protocol.serialize import dask_deserialize

    inner = dask_deserialize.dispatch(np.ndarray)

    def counting(header, frames):
        array = inner(header, frames)
        if array.nbytes > 1_000_000:
            os.environ["ARRIVED"] = str(int(os.environ.get("ARRIVED", "0")) + 1)
        return array

    dask_deserialize.register(np.ndarray)(counting)


def test_the_digits_travel_once_to_each_worker(there: Where, large: Digits, tmp_path: Path) -> None:
    with distributed.Client(there.scheduler, set_as_default=False) as client:
        client.run(count_arrays)
        sweep = Sweep((0.01,), seeds=tuple(range(8)), epochs=None, steps=20)
        record = run_sweep(sweep, large, tmp_path / "sweep.jsonl", there)
        assert len(record.outcomes) == 8
        arrived = client.run(lambda: os.environ.get("ARRIVED"))
    # One array is that large, the training images; eight runs have used it.
    assert set(arrived.values()) == {"1"}


@pytest.mark.parametrize("killed", ["one", "both"])
def test_a_killed_worker_loses_nothing_and_the_bytes_are_those_of_one_machine(
    cluster: object, there: Where, small: Sweep, few: Digits, tmp_path: Path, killed: str
) -> None:
    heard: list[Outcome] = []

    def kill(outcome: Outcome) -> None:
        both = [nanny.pid for nanny in cluster.workers.values()]
        for process in [] if heard else [outcome.process] if killed == "one" else both:
            os.kill(process, signal.SIGKILL)
        heard.append(outcome)

    record = run_sweep(small, few, tmp_path / "there.jsonl", there, heard=kill)
    assert sorted(outcome.place for outcome in heard) == [0, 1, 2, 3]
    assert os.getpid() not in {outcome.process for outcome in heard}
    here = run_sweep(small, few, tmp_path / "here.jsonl", Where(1))
    for place, outcome in here.outcomes.items():
        same = vars(record.outcomes[place]) | {"seconds": 0, "process": 0}
        assert same == vars(outcome) | {"seconds": 0, "process": 0}


def test_the_memory_manager_rests_until_the_last_sweep_has_gone(there: Where) -> None:
    def running(wanted: bool) -> bool:
        deadline = time.monotonic() + 30
        while owner.amm.running() != wanted and time.monotonic() < deadline:
            time.sleep(0.01)
        return owner.amm.running()

    with distributed.Client(there.scheduler, set_as_default=False) as owner:
        one, other = (distributed.Client(there.scheduler, set_as_default=False) for _ in range(2))
        assert running(True)
        prepare(one)
        prepare(other)
        assert not running(False)
        one.close()
        time.sleep(0.2)
        assert not owner.amm.running()
        other.close()
        assert running(True)
        owner.amm.stop()  # as somebody has it who wants none
        with distributed.Client(there.scheduler, set_as_default=False) as third:
            prepare(third)
        time.sleep(0.2)
        assert not owner.amm.running()
        owner.amm.start()


def test_a_worker_that_does_not_find_the_program_is_said_so(
    there: Where, small: Sweep, few: Digits, tmp_path: Path
) -> None:
    dask = [sys.executable, "-m", "dask", "worker", there.scheduler, "--nthreads", "1"]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    with (
        distributed.Client(there.scheduler, set_as_default=False) as client,
        subprocess.Popen(
            [*dask, "--no-nanny", "--no-dashboard"],
            cwd=tmp_path,
            env=environment,
            stderr=subprocess.DEVNULL,
        ) as worker,
    ):
        try:
            client.wait_for_workers(3, timeout=60)
            with pytest.raises(ClusterError, match="does not find this program"):
                run_sweep(small, few, tmp_path / "sweep", there)
        finally:
            worker.terminate()


def test_a_sweep_that_two_ask_for_at_once_is_trained_once(
    there: Where, small: Sweep, few: Digits, tmp_path: Path
) -> None:
    path = tmp_path / "sweep.jsonl"
    with ThreadPoolExecutor(2) as threads:
        one, other = (threads.submit(run_sweep, small, few, path, there) for _ in range(2))
    assert one.result() == other.result()
    assert path.read_bytes().count(b"\n") == 5  # the sweep, and every run once


def test_cancelling_leaves_nothing_behind_on_the_cluster(
    there: Where, few: Digits, tmp_path: Path
) -> None:
    sweep = Sweep((0.01,), seeds=(0, 1, 2), epochs=1_000)
    start = time.monotonic()
    record = run_sweep(
        sweep, few, tmp_path / "sweep", there, stopped=lambda: time.monotonic() > start + 1.5
    )
    assert record.outcomes == {}

    def executing(dask_worker):
        return [key for key in dask_worker.state.tasks if "train" in str(key)]

    with distributed.Client(there.scheduler, set_as_default=False) as client:
        deadline = time.monotonic() + 30
        while any(client.run(executing).values()):
            assert time.monotonic() < deadline
            time.sleep(0.1)


@pytest.fixture
def other_program() -> Iterator[str]:
    """The address of one that greets like a server for logins."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def greet() -> None:
            with suppress(OSError):  # the server is closed
                while True:
                    with server.accept()[0] as visitor:
                        visitor.sendall(b"SSH-2.0-OpenSSH_9.2\r\n" * 10)

        threading.Thread(target=greet, daemon=True).start()
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("address", ["nonsense", "tcp://127.0.0.1:9", "foo://a:1", None])
def test_an_address_without_a_scheduler_is_said_so(
    small: Sweep,
    few: Digits,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    other_program: str,
    address: str | None,
) -> None:
    monkeypatch.setattr("experiments.cluster.CONNECTING", 0.5)
    with pytest.raises(ClusterError, match="does not answer"):
        run_sweep(small, few, tmp_path / "sweep", Where(scheduler=address or other_program))


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
        env=environment | {"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
    )


def test_from_the_shell_and_on_again(tmp_path: Path) -> None:
    """Without a cluster: nothing of Dask is imported unless it is asked for."""
    plan = tmp_path / "night.toml"
    plan.write_text("learning_rate = [0.01]\nseeds = [0, 1]\nsteps = 50\nprocesses = 1\n")
    command = [sys.executable, "-X", "importtime", "-m", "experiments", str(plan)]
    root = Path(__file__).parents[2]
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
