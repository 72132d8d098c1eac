"""A sweep and its results in one file, which grows by a line with every run that ends.

The first line is the sweep, each further one a run, all of them JSON. A line reaches the disk
before the next run is waited for. What stood half written when a machine stopped is no JSON and
is passed over; a line that is JSON and makes no sense means that the file is damaged.
"""

import json
import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from cnn.run_file import digest
from data import Digits
from data.cache import write_whole
from experiments.outcome import Outcome
from experiments.sweep import Sweep, SweepError

FORMAT, VERSION = "watch-it-learn sweep", 1

LARGEST = 20_000_000
"""Bytes: 200 runs with the longest curves take less."""


class RecordError(ValueError):
    """A file that no sweep can be had from; the text is one sentence."""


@dataclass
class Record:
    """A sweep and what has come of it so far.

    Attributes:
        sweep: what is tried.
        digits: the `cnn.run_file.digest` of what it is trained on and judged by.
        outcomes: by the run's position among the sweep's recipes.
    """

    sweep: Sweep
    digits: str
    outcomes: dict[int, Outcome] = field(default_factory=dict)

    @property
    def missing(self) -> list[int]:
        """The runs that have not ended yet. One that failed is tried again when it goes on."""
        return [
            place
            for place in range(len(self.sweep.recipes))
            if place not in self.outcomes or self.outcomes[place].end == "failed"
        ]

    def to_bytes(self) -> bytes:
        """Return the whole file."""
        recipes = self.sweep.recipes
        lines = [self._head(), *(o.to_values(recipes[o.place]) for o in self.outcomes.values())]
        return b"".join(map(_line, lines))

    def _head(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "version": VERSION,
            "digits": self.digits,
            "sweep": self.sweep.to_values(),
        }


_digests: WeakKeyDictionary[Digits, str] = WeakKeyDictionary()


def digest_of(digits: Digits) -> str:
    """Return the digits' `cnn.run_file.digest`, as in a saved run or sweep; taken but once."""
    if digits not in _digests:
        held_out = digits.held_out_images, digits.held_out_labels
        _digests[digits] = digest(digits.images, digits.labels, held_out)
    return _digests[digits]


class Keeper:
    """Writes the outcomes of a sweep into its file, as they come.

    Args:
        path: of the file; if it is there already, it is gone on with.
        record: what is in it, or what it begins with.
    """

    def __init__(self, path: Path, record: Record) -> None:
        # A link is followed: it stays, and what it leads to is written.
        self.path, self._record = path.resolve(), record
        self._left = self._state()
        if self._left is None:
            self._write()  # a file without a whole first line is no sweep's
        elif not self.path.read_bytes().endswith(b"\n"):
            self._append(b"\n")  # after a line that was torn

    def keep(self, outcome: Outcome) -> None:
        """Write one, which is in the record already, so that it outlives whatever comes next.

        Raises:
            RecordError: the file has meanwhile become that of something else.
            OSError: it cannot be written.
        """
        if self._state() == self._left:
            self._append(_line(outcome.to_values(self._record.sweep.recipes[outcome.place])))
            return
        # Somebody has removed, emptied or cut it.
        if self.path.exists() and (content := self.path.read_bytes()):
            there = read_record(content)
            if (there.sweep, there.digits) != (self._record.sweep, self._record.digits):
                raise RecordError("The file has become that of another sweep, and is left alone.")
        self._write()

    def _state(self) -> tuple[int, int, int] | None:
        """Which file it is, how long, and when it was changed; None where there is none."""
        if not self.path.exists():
            return None
        stat = self.path.stat()
        return stat.st_ino, stat.st_size, stat.st_mtime_ns

    def _write(self) -> None:
        write_whole(self.path, self._record.to_bytes())
        self._left = self._state()

    def _append(self, content: bytes) -> None:
        before = self.path.stat().st_size
        try:
            with self.path.open("ab") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            with suppress(OSError):
                os.truncate(self.path, before)  # no half line, when the disk is full
            raise
        self._left = self._state()


def read_record(content: bytes) -> Record:
    """Read a sweep's file, and believe none of it unchecked.

    Raises:
        RecordError: it is damaged, too large, or no sweep of this program.
    """
    if len(content) > LARGEST:
        raise RecordError(f"{len(content) / 1e6:,.0f} MB is more than the results of any sweep.")
    first, *lines = content.split(b"\n")
    head = _json(first)
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise RecordError(
            "This is not the file of a sweep: choose a .jsonl file that was saved here."
        )
    if head.get("version") != VERSION:
        raise RecordError(f"This sweep is in another format than {VERSION}, which is read here.")
    try:
        record = Record(Sweep.from_values(head["sweep"]), str(head["digits"])[:64])
    except SweepError as error:
        raise RecordError(f"The sweep of this file makes no sense: {error}") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise RecordError("The first line of this file is no sweep: it is damaged.") from error
    recipes = record.sweep.recipes
    for number, line in enumerate(lines, 2):
        if (values := _json(line)) is None:  # empty, or torn when the machine stopped
            continue
        try:
            outcome = Outcome.from_values(values, recipes)
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
            raise RecordError(f"Line {number:,} is no run of this sweep: it is damaged.") from error
        record.outcomes[outcome.place] = outcome
    return record


def _line(values: dict[str, Any]) -> bytes:
    return json.dumps(values, allow_nan=False).encode() + b"\n"


def _json(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None
