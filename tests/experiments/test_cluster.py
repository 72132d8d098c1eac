"""The same on a real Dask cluster of two worker processes, one of which is killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from data import Digits
from experiments import ClusterError, Outcome, Sweep, Where, run_sweep

dask = pytest.importorskip("dask", reason="needs requirements-cluster.txt")
distributed = pytest.importorskip("distributed", reason="needs requirements-cluster.txt")

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
        assert client.amm.running()  # as the cluster's owner had it
    # One array is that large, the training images; eight runs have used it.
    assert set(arrived.values()) == {"1"}


def test_a_killed_worker_loses_nothing_and_the_bytes_are_those_of_one_machine(
    there: Where, small: Sweep, few: Digits, tmp_path: Path
) -> None:
    heard: list[Outcome] = []

    def kill(outcome: Outcome) -> None:
        if not heard:
            os.kill(outcome.process, signal.SIGKILL)
        heard.append(outcome)

    record = run_sweep(small, few, tmp_path / "there.jsonl", there, heard=kill)
    assert sorted(outcome.place for outcome in heard) == [0, 1, 2, 3]
    assert os.getpid() not in {outcome.process for outcome in heard}
    here = run_sweep(small, few, tmp_path / "here.jsonl", Where(1))
    for place, outcome in here.outcomes.items():
        same = vars(record.outcomes[place]) | {"seconds": 0, "process": 0}
        assert same == vars(outcome) | {"seconds": 0, "process": 0}


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


def test_an_address_without_a_scheduler_is_said_so(
    small: Sweep, few: Digits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("experiments.running.CONNECTING", 0.5)
    with pytest.raises(ClusterError, match="does not answer"):
        run_sweep(small, few, tmp_path / "sweep", Where(scheduler="tcp://127.0.0.1:9"))


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
    assert "2 of them there already" in again.stderr
    assert (tmp_path / "night.jsonl").read_bytes() == kept
    plan.write_text("learning_rate = [0]\n")
    refused = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
    assert refused.returncode == 2
    assert "learning_rate is a number above 0" in refused.stderr
