"""A sweep's file: torn lines, nonsense, and what is still missing."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from experiments import Outcome, Record, RecordError, Sweep, read_record
from experiments.outcome import Point
from experiments.record import Keeper

SWEEP = Sweep(learning_rate=(0.01, 0.1), seeds=(0,), epochs=None, steps=5)

ENDED = Outcome(
    place=1,
    end="diverged",
    why="Step 3 …",
    step=2,
    loss=2.5,
    held_out_loss=None,
    held_out_accuracy=0.25,
    curve=(Point(0, None, 2.25, 0.125), Point(2, 2.5, None, 0.25)),
    parameters="a" * 64,
    seconds=0.5,
    process=12,
)


def kept(path: Path, *outcomes: Outcome) -> bytes:
    keeper = Keeper(path, Record(SWEEP, "d" * 64))
    for outcome in outcomes:
        keeper.keep(outcome)
    return path.read_bytes()


def test_what_is_kept_is_read_back(tmp_path: Path) -> None:
    content = kept(tmp_path / "sweep.jsonl", ENDED)
    record = read_record(content)
    assert record == Record(SWEEP, "d" * 64, {1: ENDED})
    assert record.missing == [0]
    assert record.to_bytes() == content


def test_every_prefix_of_a_file_loses_no_run_whose_line_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "sweep.jsonl"
    content = kept(path, ENDED, Outcome(0, "failed", "No room."))
    first = content.index(b"\n") + 1
    second = content.index(b"\n", first) + 1
    for length in range(first, len(content)):
        outcomes = read_record(content[:length]).outcomes
        assert (1 in outcomes) == (length >= second - 1)  # the line's end itself may be missing
        assert (0 in outcomes) == (length >= len(content) - 1)


def test_a_torn_file_goes_on_after_the_torn_line(tmp_path: Path) -> None:
    path = tmp_path / "sweep.jsonl"
    content = kept(path, ENDED)
    path.write_bytes(content[:-20])
    again = Outcome(0, "finished", step=5, held_out_accuracy=0.5)
    assert read_record(kept(path, again)).outcomes == {0: again}


def test_a_failed_run_is_tried_again_and_the_newest_line_counts(tmp_path: Path) -> None:
    path = tmp_path / "sweep.jsonl"
    assert read_record(kept(path, Outcome(1, "failed", "No."))).missing == [0, 1]
    assert read_record(kept(path, ENDED)).outcomes[1] == ENDED


def test_a_file_that_is_deleted_is_written_again(tmp_path: Path) -> None:
    path = tmp_path / "sweeps" / "sweep.jsonl"
    record = Record(SWEEP, "d" * 64)
    keeper = Keeper(path, record)
    for outcome in (ENDED, Outcome(0, "finished", step=5)):
        shutil.rmtree(path.parent)
        record.outcomes[outcome.place] = outcome
        keeper.keep(outcome)
        assert read_record(path.read_bytes()) == record


@pytest.mark.parametrize("left", [0, 30, -40])
def test_a_file_that_is_emptied_or_cut_is_written_again(tmp_path: Path, left: int) -> None:
    path, record = tmp_path / "sweep.jsonl", Record(SWEEP, "d" * 64)
    keeper = Keeper(path, record)
    record.outcomes[1] = ENDED
    keeper.keep(ENDED)
    os.truncate(path, left if left >= 0 else path.stat().st_size + left)
    if left == 30:  # half of the first line, which could be anybody's
        with pytest.raises(RecordError):
            keeper.keep(ENDED)
        return
    record.outcomes[0] = Outcome(0, "finished", step=5)
    keeper.keep(record.outcomes[0])
    assert read_record(path.read_bytes()) == record


def test_a_file_that_becomes_another_sweeps_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "sweep.jsonl"
    keeper = Keeper(path, Record(SWEEP, "d" * 64))
    for other in (Record(SWEEP, "e" * 64).to_bytes(), b"a letter to my aunt\n"):
        path.write_bytes(other)
        with pytest.raises(RecordError):
            keeper.keep(ENDED)
        assert path.read_bytes() == other


def test_a_link_stays_one(tmp_path: Path) -> None:
    path, link = tmp_path / "there" / "sweep.jsonl", tmp_path / "link.jsonl"
    link.symlink_to(path)  # where nothing is yet
    record = Record(SWEEP, "d" * 64, {1: ENDED})
    Keeper(link, record).keep(ENDED)
    assert link.readlink() == path
    assert read_record(path.read_bytes()) == record


FULL_DISK = """
import resource, sys
from pathlib import Path
from experiments import Outcome, Record, Sweep
from experiments.record import Keeper
limit = int(sys.argv[2])
record = Record(Sweep(learning_rate=(0.01,), seeds=tuple(range(20)), steps=5, epochs=None), "d")
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    keeper = Keeper(Path(sys.argv[1]), record)
    for place in range(20):
        keeper.keep(Outcome(place, "finished", step=5))
except OSError as error:
    print(place if limit > 100 else "none")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX limits")
@pytest.mark.parametrize("limit", [50, 1_500, 2_000, 2_001, 2_002])
def test_a_full_disk_leaves_whole_lines(tmp_path: Path, limit: int) -> None:
    """Or no file at all, where there is no room for the first line."""
    path = tmp_path / "sweep.jsonl"
    result = subprocess.run(
        [sys.executable, "-B", "-c", FULL_DISK, str(path), str(limit)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    if limit == 50:
        assert (result.stdout, list(tmp_path.iterdir())) == ("none\n", [])
        return
    content = path.read_bytes()
    assert 0 < len(content) <= limit
    assert content.endswith(b"\n")
    kept = read_record(content).outcomes
    assert list(kept) == list(range(int(result.stdout)))
    assert len(kept) > 2


def changed(**fields: object) -> bytes:
    head, line = Record(SWEEP, "d" * 64, {1: ENDED}).to_bytes().splitlines()
    return head + b"\n" + json.dumps(json.loads(line) | fields).encode() + b"\n"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe\x00",
        b"[1, 2]\n",
        b'{"format": "watch-it-learn sweep", "version": 2}\n',
        b'{"format": "watch-it-learn sweep", "version": 1}\n',
        b'{"format": "watch-it-learn sweep", "version": 1, "digits": "", "sweep": {"batch": 0}}\n',
        changed(place=2),
        changed(place=0),  # whose recipe is another
        changed(end="lost"),
        changed(step=-1),
        changed(held_out_accuracy=1.5),
        changed(loss="much"),
        changed(curve=[[1, 2]]),
        changed(parameters="b"),
        b"[" * 100_000,
    ],
    ids=range(15),
)
def test_nonsense_is_refused(content: bytes) -> None:
    with pytest.raises(RecordError):
        read_record(content)
