"""What goes wrong around a sweep: runs that kill, files that others touch, processes that end."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cnn import Recipe
from data import Digits
from data.cache import cache_folder
from experiments import Outcome, Sweep, Where, run_sweep

ROOT = Path(__file__).parents[2]


class Deadly(Recipe):
    """Ends the process that it is sent to, as a system does that is out of memory."""

    def __reduce__(self) -> tuple[object, ...]:
        return os._exit, (1,)


def test_runs_that_kill_their_workers_are_not_the_end_of_the_others(
    few: Digits, tmp_path: Path
) -> None:
    sweep = Sweep((0.01,), batch=(10,), seeds=(0, 1, 2, 3, 4), epochs=None, steps=20)
    wanted = run_sweep(sweep, few, tmp_path / "1", Where(1)).outcomes
    fields = vars(sweep)["recipes"][0]
    killing = [
        recipe if recipe.seed not in (0, 3) else Deadly(**vars(fields) | {"seed": recipe.seed})
        for recipe in sweep.recipes
    ]
    vars(sweep)["recipes"] = tuple(killing)
    heard: list[Outcome] = []
    record = run_sweep(sweep, few, tmp_path / "2", Where(2), heard=heard.append)
    assert sorted(outcome.place for outcome in heard) == [0, 1, 2, 3, 4]
    assert record.missing == [0, 3]
    assert all("it may need more memory" in record.outcomes[place].why for place in (0, 3))
    for place in (1, 2, 4):
        assert record.outcomes[place].parameters == wanted[place].parameters


@pytest.mark.skipif(sys.platform == "win32", reason="kills a group of processes")
def test_digits_that_a_killed_group_of_processes_has_left_are_removed(
    small: Sweep, few: Digits, tmp_path: Path
) -> None:
    """The group is the sweep with all that would have cleared up after it."""
    code = """
import os, signal, sys
from pathlib import Path
from experiments import Sweep, Where, run_sweep
from data import load_bundled
sweep = Sweep((0.01,), seeds=(0, 1, 2, 3), epochs=None, steps=100)
kill = lambda outcome: os.killpg(0, signal.SIGKILL)
run_sweep(sweep, load_bundled(), Path(sys.argv[1]), Where(2), heard=kill)
"""
    command = [sys.executable, "-c", code, str(tmp_path / "1")]
    subprocess.run(command, cwd=ROOT, start_new_session=True, timeout=120)
    shared = cache_folder() / "shared"
    (left,) = shared.iterdir()
    seen: set[Path] = set()
    run_sweep(small, few, tmp_path / "2", Where(2), heard=lambda _: seen.update(shared.iterdir()))
    assert len(seen) == 1
    assert left not in seen
    assert list(shared.iterdir()) == []


def test_a_process_that_only_trains_keeps_to_one_thread_of_blas(few: Digits) -> None:
    """Another thread of a Dask worker may train when this run has ended."""
    code = """
import os
from threadpoolctl import threadpool_info
from cnn import Recipe
from data import load_bundled
from experiments.worker import train
digits = load_bundled()
pictures = digits.images, digits.labels, digits.held_out_images, digits.held_out_labels
threads = lambda: {pool["num_threads"] for pool in threadpool_info()}
assert threads() == {2}, threads()
assert train(0, Recipe(), 10, os.getppid(), *pictures).end == "finished"
assert threads() == {1}, threads()
"""
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "2"}
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, check=True)
