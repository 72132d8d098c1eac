"""The same on a real Dask cluster of two worker processes, one of which is killed."""

import os
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

from cnn import Recipe
from data import Digits
from experiments import ClusterError, Outcome, Sweep, Where, run_sweep
from experiments.worker import Astray, train

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


def test_a_run_that_joblib_keeps_to_itself_for_want_of_workers_is_run_again(few: Digits) -> None:
    """As it does when the last of them is lost while a sweep begins."""
    pictures = few.images, few.labels, few.held_out_images, few.held_out_labels
    with pytest.raises(Astray):
        train(0, Recipe(), 10, None, *pictures)


IMPATIENT = """
import runpy
import experiments.cluster
experiments.cluster.CONNECTING = 1.0
runpy.run_module("experiments", run_name="__main__", alter_sys=True)
"""


def test_a_scheduler_that_dies_is_said_in_one_sentence(tmp_path: Path) -> None:
    """From the shell, of which nothing else is heard either."""
    plan = tmp_path / "night.toml"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    dask = [sys.executable, "-m", "dask"]
    root = Path(__file__).parents[2]
    environment = os.environ | {"PYTHONPATH": str(root)}
    quiet = {"stderr": subprocess.DEVNULL, "env": environment, "cwd": root}
    address = f"tcp://127.0.0.1:{port}"
    plan.write_text(f'learning_rate = 0.01\nseeds = [0, 1, 2]\nscheduler = "{address}"\n')
    scheduler = [*dask, "scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard"]
    workers = [*dask, "worker", address, "--nworkers", "2", "--nthreads", "1", "--no-dashboard"]
    command = [sys.executable, "-c", IMPATIENT, str(plan)]
    results = plan.with_suffix(".jsonl")
    with subprocess.Popen(scheduler, **quiet) as one, subprocess.Popen(workers, **quiet) as two:
        try:
            with distributed.Client(address, timeout=60, set_as_default=False) as client:
                client.wait_for_workers(2, timeout=60)
            with subprocess.Popen(command, cwd=root, stderr=subprocess.PIPE, text=True) as sweep:
                while not results.exists() or results.read_bytes().count(b"\n") < 2:
                    assert sweep.poll() is None
                    time.sleep(0.01)
                one.kill()
                said = sweep.communicate(timeout=120)[1]
        finally:
            one.kill()
            two.terminate()
    assert sweep.returncode == 2
    assert said.splitlines()[-1] == "The cluster’s scheduler does not answer at its address."
    assert "Traceback" not in said
    assert results.read_bytes().count(b"\n") >= 2


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
