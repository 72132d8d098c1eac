"""Sweeps in real processes: the same bits, one file of digits, killed workers, and cancelling."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from cnn import Recipe, Run, forward
from cnn.evaluation import evaluate
from data import Digits
from data.cache import VARIABLE, cache_folder
from experiments import (
    STEP,
    Outcome,
    Record,
    RecordError,
    Sweep,
    Where,
    axes,
    lines,
    read_record,
    run_sweep,
)
from experiments.outcome import Point
from experiments.worker import train

LONG = Sweep(learning_rate=(0.01,), seeds=(0, 1, 2, 3), epochs=None, steps=1_000_000)


def comparable(outcomes: dict[int, Outcome]) -> list[tuple[object, ...]]:
    """Everything but who ran it, and how fast."""
    return [
        tuple(value for name, value in vars(o).items() if name not in ("seconds", "process"))
        for _, o in sorted(outcomes.items())
    ]


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{process}/stat")
    return not state.exists() or state.read_text().rsplit(")", 1)[1].split()[0] != "Z"


@pytest.fixture(scope="module")
def ran(small: Sweep, few: Digits, tmp_path_factory: pytest.TempPathFactory) -> Record:
    """The small sweep, run by two processes."""
    path = tmp_path_factory.mktemp("ran") / "sweep.jsonl"
    record = run_sweep(small, few, path, Where(2))
    assert read_record(path.read_bytes()) == record
    return record


def test_an_outcome_is_that_of_the_run_trained_here(ran: Record, few: Digits) -> None:
    held_out = few.held_out_images, few.held_out_labels
    for place, recipe in enumerate(ran.sweep.recipes):
        outcome = ran.outcomes[place]
        run = Run(recipe, few.images, few.labels, held_out)
        run.advance(300)
        assert outcome.step == run.step
        assert outcome.parameters == hashlib.sha256(run.parameters.vector.tobytes()).hexdigest()
        with np.errstate(all="ignore"):
            judged = evaluate(run.parameters, *held_out)
        assert outcome.held_out_accuracy == judged.accuracy
        assert [point.step for point in outcome.curve] == run.history.held_out_step.tolist()
        if recipe.rate_at(1) == 0.01:
            assert outcome.end == "finished"
            assert outcome.loss == pytest.approx(run.history.loss[-100:].mean(dtype=float))
            means = [run.history.loss[a : a + 100].mean(dtype=float) for a in (0, 100, 200)]
            assert [point.loss for point in outcome.curve[1:]] == pytest.approx(means)
            assert [
                p.held_out_accuracy for p in outcome.curve
            ] == run.history.held_out_accuracy.tolist()
        else:
            assert outcome.end == "dead"
            assert not forward(run.parameters, few.held_out_images).a1.any()


def test_a_run_that_diverges_is_marked(few: Digits) -> None:
    """Which seeds leave float32's range, and do not die before, hangs on a few signs."""
    arrays = few.images, few.labels, few.held_out_images, few.held_out_labels
    rare = {"filters": 8, "bias_rule": "notes", "learning_rate": 100_000.0}
    recipes = (Recipe(**rare, seed=seed) for seed in range(300))
    recipe = next(r for r in recipes if Run(r, few.images, few.labels).advance(30) < 30)
    run = Run(recipe, few.images, few.labels)
    run.advance(30)
    outcome = train(3, recipe, 30, os.getpid(), *arrays)
    assert (outcome.place, outcome.end, outcome.step) == (3, "diverged", run.step)
    assert outcome.why == str(run.diverged)
    again = Outcome.from_values(json.loads(json.dumps(outcome.to_values(recipe))), [recipe] * 4)
    assert again == outcome


def test_one_process_and_two_give_the_same(
    ran: Record, small: Sweep, few: Digits, tmp_path: Path
) -> None:
    here = run_sweep(small, few, tmp_path / "sweep.jsonl", Where(1))
    assert comparable(here.outcomes) == comparable(ran.outcomes)
    assert {outcome.process for outcome in here.outcomes.values()} == {os.getpid()}
    assert os.getpid() not in {outcome.process for outcome in ran.outcomes.values()}


def test_a_killed_worker_loses_nothing(
    ran: Record, small: Sweep, few: Digits, tmp_path: Path
) -> None:
    heard: list[int] = []

    def kill(outcome: Outcome) -> None:
        if not heard:
            os.kill(outcome.process, signal.SIGKILL)
        heard.append(outcome.place)

    record = run_sweep(small, few, tmp_path / "sweep.jsonl", Where(2), heard=kill)
    assert sorted(heard) == [0, 1, 2, 3]  # each once: what had ended was not run again
    assert comparable(record.outcomes) == comparable(ran.outcomes)


def test_cancelling_ends_the_processes(few: Digits, tmp_path: Path) -> None:
    """Hundreds of thousands of steps would take minutes."""
    sweep = Sweep((0.01,), seeds=(0, 1, 2), epochs=1_000)
    first = Sweep((0.01,), seeds=(0, 1), epochs=None, steps=1)
    begun = {
        o.process for o in run_sweep(first, few, tmp_path / "first", Where(2)).outcomes.values()
    }
    assert all(alive(process) for process in begun)  # they wait for the next sweep a while
    start = time.monotonic()
    record = run_sweep(
        sweep, few, tmp_path / "sweep", Where(2), stopped=lambda: time.monotonic() > start + 1
    )
    assert record.outcomes == {}
    deadline = time.monotonic() + 30
    while any(alive(process) for process in begun):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_sweep_waits_for_its_turn_and_says_so(few: Digits, tmp_path: Path) -> None:
    """Of three, the first runs, the second is cancelled while it waits, the third waits on."""
    over, begun, waiting = threading.Event(), threading.Event(), threading.Event()
    short = Sweep((0.01,), seeds=(0,), epochs=None, steps=1)

    def third(said: bool) -> None:
        waiting.set() if said else waiting.clear()

    def turn_has_come(said: bool) -> None:
        if not said:
            begun.set()

    with ThreadPoolExecutor(2) as threads:
        long = threads.submit(
            run_sweep, LONG, few, tmp_path / "1", Where(2), over.is_set, waits=turn_has_come
        )
        try:
            assert begun.wait(60)
            heard: list[bool] = []
            record = run_sweep(
                short, few, tmp_path / "2", Where(2), lambda: True, waits=heard.append
            )
            assert (heard, record.outcomes) == ([True, False], {})
            last = threads.submit(run_sweep, short, few, tmp_path / "3", Where(2), waits=third)
            assert waiting.wait(60)
            assert not last.done()
        finally:
            over.set()
        assert long.result(60).outcomes == {}
        assert last.result(60).missing == []
        assert not waiting.is_set()


def test_a_sweep_that_two_ask_for_at_once_is_trained_once(
    ran: Record, small: Sweep, few: Digits, tmp_path: Path
) -> None:
    """The second waits, and is told what the first has kept meanwhile."""
    path, waiting = tmp_path / "sweep.jsonl", threading.Event()
    heard: tuple[list[Outcome], list[Outcome]] = ([], [])
    said: list[tuple[bool, int]] = []

    def second(waits: bool) -> None:
        said.append((waits, len(heard[1])))
        waiting.set()

    def first(outcome: Outcome) -> None:
        assert waiting.wait(60)  # none of its runs is kept before the other waits
        heard[0].append(outcome)

    with ThreadPoolExecutor(2) as threads:
        begun = threading.Event()
        one = threads.submit(
            run_sweep, small, few, path, Where(2), heard=first, waits=lambda _: begun.set()
        )
        assert begun.wait(60)
        other = threads.submit(
            run_sweep, small, few, path, Where(2), heard=heard[1].append, waits=second
        )
        assert one.result(60) == other.result(60)
    assert heard[0] == heard[1]
    assert comparable(other.result().outcomes) == comparable(ran.outcomes)
    assert path.read_bytes().count(b"\n") == 5  # the sweep, and every run once
    assert (said[0], said[-1]) == ((True, 0), (False, 4))


def test_the_digits_are_mapped_from_the_cache_folder_alone(
    small: Sweep, few: Digits, tmp_path: Path
) -> None:
    """They may be a visitor's own. When the sweep has ended nothing is left of them."""
    pixels = few.images[7].tobytes()

    def written() -> list[Path]:
        found = list(shared().glob("*/*"))
        for folder in (Path(tempfile.gettempdir()), Path("/dev/shm")):
            found += folder.glob("joblib_memmapping_folder*/*")
        return [path for path in found if pixels in path.read_bytes()]

    seen: list[Path] = []
    run_sweep(small, few, tmp_path / "1", Where(2), heard=lambda _: seen.extend(written()))
    assert len({*seen}) == 1
    assert seen[0].parents[1] == shared()
    assert list(shared().iterdir()) == []
    assert written() == []


def shared() -> Path:
    return cache_folder() / "shared"


@pytest.mark.skipif(sys.platform != "linux", reason="finds the workers in /proc")
def test_a_killed_server_leaves_no_process_and_no_digits_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "cache"))
    plan = tmp_path / "long.toml"
    plan.write_text("learning_rate = 0.01\nseeds = [0, 1]\nsteps = 1_000_000\nprocesses = 2\n")
    command = [sys.executable, "-m", "experiments", str(plan)]
    with subprocess.Popen(
        command, cwd=Path(__file__).parents[2], stderr=subprocess.DEVNULL
    ) as server:
        try:
            deadline = time.monotonic() + 60
            workers: list[int] = []
            while len(workers) < 2:
                assert time.monotonic() < deadline
                time.sleep(0.05)
                children = Path(f"/proc/{server.pid}/task/{server.pid}").parent.glob("*/children")
                started = [int(child) for path in children for child in path.read_text().split()]
                workers = [
                    pid
                    for pid in started
                    if b"LokyProcess" in Path(f"/proc/{pid}/cmdline").read_bytes()
                ]
            time.sleep(3)  # they have begun
            assert list(shared().iterdir()) != []
        finally:
            server.kill()
    deadline = time.monotonic() + 30
    while any(alive(worker) for worker in workers) or list(shared().iterdir()):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_stopped_sweep_goes_on(ran: Record, small: Sweep, few: Digits, tmp_path: Path) -> None:
    path, heard = tmp_path / "sweep.jsonl", []
    run_sweep(small, few, path, Where(1), stopped=lambda: len(heard) >= 2, heard=heard.append)
    assert len(read_record(path.read_bytes()).outcomes) == 2
    record = run_sweep(small, few, path, Where(1), heard=heard.append)
    assert len(heard) == 4
    assert comparable(record.outcomes) == comparable(ran.outcomes)
    with pytest.raises(RecordError, match="another sweep"):
        run_sweep(LONG, few, path, Where(1))


@pytest.mark.skipif(sys.platform != "linux", reason="counts what /proc says that was read")
def test_the_digits_travel_once(large: Digits, tmp_path: Path) -> None:
    """Eight runs on two processes: both together read less than the digits twice."""
    sweep = Sweep((0.01,), seeds=tuple(range(8)), epochs=None, steps=20)
    read: dict[int, int] = {}

    def count(outcome: Outcome) -> None:
        said = Path(f"/proc/{outcome.process}/io").read_text().splitlines()
        read[outcome.process] = int(said[0].removeprefix("rchar: "))

    run_sweep(sweep, large, tmp_path / "sweep.jsonl", Where(2), heard=count)
    assert large.images.nbytes > 39_000_000
    assert sum(read.values()) < 2 * large.images.nbytes


def test_one_run_that_cannot_be_trained_is_not_the_end_of_the_others(
    small: Sweep, few: Digits, tmp_path: Path
) -> None:
    """Held-out labels that are no classes: every run fails, and each says why."""
    wrong = Digits("bundled", few.images, few.labels, few.held_out_images, few.held_out_labels + 10)
    record = run_sweep(small, wrong, tmp_path / "sweep.jsonl", Where(2))
    assert [o.end for o in record.outcomes.values()] == ["failed"] * 4
    assert all("0 to 9" in outcome.why for outcome in record.outcomes.values())
    assert record.missing == [0, 1, 2, 3]


def test_lines_of_the_picture(small: Sweep) -> None:
    shares = {0: 0.5, 1: 0.75, 2: 0.125, 3: 0.25}
    outcomes = {p: Outcome(p, "finished", held_out_accuracy=s) for p, s in shares.items()}
    (line,) = lines(small, outcomes, "learning_rate")
    assert (line.setting, line.values) == ({}, (0.01, 1e6))
    assert (line.median, line.worst, line.best) == ((0.625, 0.1875), (0.5, 0.125), (0.75, 0.25))
    two = Sweep((0.1,), batch=(1, 16), seeds=(0,))
    only = {1: Outcome(1, "finished", held_out_accuracy=0.5)}
    drawn = lines(two, only, "learning_rate")
    assert [(line.setting, line.values) for line in drawn] == [
        ({"batch": 1}, ()),
        ({"batch": 16}, (0.1,)),
    ]


def test_lines_over_another_field_than_the_rate() -> None:
    """Two rates by two widths, then by place: 0.1 and 0.2 with 10 units, 0.1 and 0.2 with 20."""
    sweep = Sweep((0.1, 0.2), hidden=(10, 20), seeds=(0,))
    outcomes = {p: Outcome(p, "finished", held_out_accuracy=p / 10) for p in range(4)}
    assert axes(sweep) == ["learning_rate", "hidden", STEP]
    drawn = lines(sweep, outcomes, "hidden")
    assert [(line.setting, line.values, line.median, line.dots) for line in drawn] == [
        ({"learning_rate": 0.1}, (10, 20), (0.0, 0.2), ((10, 0.0, 0), (20, 0.2, 2))),
        ({"learning_rate": 0.2}, (10, 20), (0.1, 0.3), ((10, 0.1, 1), (20, 0.3, 3))),
    ]
    # Of a list every setting has its own batch, but not its own rate.
    sweep = Sweep((0.1, 0.2, 0.2), batch=(1, 2, 4), seeds=(0,), combine="list")
    assert axes(sweep) == ["learning_rate", "batch", STEP]
    (line,) = lines(sweep, outcomes, "batch")
    assert (line.setting, line.values, line.median) == ({}, (1, 2, 4), (0.0, 0.1, 0.2))
    assert [line.setting for line in lines(sweep, outcomes, "learning_rate")] == [
        {"batch": 1},
        {"batch": 2},
        {"batch": 4},
    ]
    assert axes(Sweep((0.1,))) == ["learning_rate", STEP]


def test_lines_over_the_steps() -> None:
    """Of the first rate three seeds: one diverges after step 150, one has failed later on."""

    def curve(*shares: float) -> tuple[Point, ...]:
        return tuple(Point(100 * at, None, None, share) for at, share in enumerate(shares))

    sweep = Sweep((0.1, 0.2), seeds=(0, 1, 2))
    outcomes = {
        0: Outcome(0, "finished", step=250, held_out_accuracy=0.75, curve=curve(0.0, 0.5, 0.5)),
        1: Outcome(1, "diverged", step=150, held_out_accuracy=0.125, curve=curve(0.0, 0.25)),
        2: Outcome(2, "failed", "Why."),
        5: Outcome(5, "finished", step=100, held_out_accuracy=1.0, curve=curve(0.5, 1.0)),
    }
    first, second = lines(sweep, outcomes, STEP)
    assert (first.setting, second.setting) == ({"learning_rate": 0.1}, {"learning_rate": 0.2})
    assert first.values == (0, 100, 150, 200, 250)
    assert first.best == (0.0, 0.5, 0.5, 0.5, 0.75)
    assert first.worst == (0.0, 0.25, 0.125, 0.125, 0.125)
    assert first.median == (0.0, 0.375, 0.3125, 0.3125, 0.4375)
    assert first.dots == ((250, 0.75, 0), (150, 0.125, 1))
    assert (second.values, second.median, second.dots) == ((0, 100), (0.5, 1.0), ((100, 1.0, 5),))
    (nothing,) = lines(Sweep((0.1,)), {}, STEP)
    assert (nothing.values, nothing.dots) == ((), ())
