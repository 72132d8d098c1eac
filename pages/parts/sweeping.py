"""A sweep beside the page: it runs in processes of its own, and its results are kept as they come.

A sweep's file stands in the cache folder under a name that its recipe gives it, so the same sweep
asked for again goes on where it stopped, also after a closed tab or a stopped server.
"""

import hashlib
import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from weakref import WeakKeyDictionary

from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from cnn.run_file import digest
from data import Cancelled, DataError, Digits
from data.cache import cache_folder, write_whole
from experiments import (
    ClusterError,
    Outcome,
    Record,
    RecordError,
    SweepError,
    Where,
    read_record,
    run_sweep,
)
from pages.parts.limits import limits
from pages.parts.task import Progress, Task

FOLDER = "sweeps"

LISTED = 20
"""Kept sweeps that are offered, the newest first."""


_digests: WeakKeyDictionary[Digits, str] = WeakKeyDictionary()


class Sweeping:
    """A sweep in hand: one that runs, or one whose results are looked at.

    Attributes:
        record: the sweep and what has come of it so far; it grows while it runs.
        digits: what it trains on, or None where they are not here: then it cannot go on.
        path: of its file.
        task: the work, or None if it has not been begun here.
        began: with how many outcomes it was begun,
        since: and when, in seconds of `time.monotonic`.
        waiting: whether another visitor's sweep has to end before this one begins.
    """

    def __init__(self, record: Record, digits: Digits | None, path: Path) -> None:
        self.record, self.digits, self.path = record, digits, path
        self.task: Task[Record] | None = None
        self.began, self.since = 0, 0.0
        self.waiting = False

    @property
    def running(self) -> bool:
        """Whether more outcomes may come."""
        return self.task is not None and self.task.running

    @property
    def left(self) -> float | None:
        """Seconds until it ends, by the pace so far; None while that is not known."""
        done = len(self.record.outcomes) - self.began
        if not self.running or done < 2:
            return None
        total = len(self.record.sweep.recipes)
        return (time.monotonic() - self.since) / done * (total - len(self.record.outcomes))

    @property
    def forbidden(self) -> str | None:
        """Why the server's owner does not let it run, in one sentence, or None."""
        owners, sweep = limits(), self.record.sweep
        if not owners.sweep_processes:
            return "No sweeps are run on this server: its owner has said so."
        longest = sweep.length(min(sweep.recipes, key=lambda r: r.batch), self._images)
        if longest > owners.longest_run:
            return (
                f"A run takes at most {owners.longest_run:,} steps on this server, and one of "
                f"these takes {longest:,}: ask for fewer."
            )
        return None

    @property
    def _images(self) -> int:
        return len(self.digits.images) if self.digits else 1

    def go(self) -> None:
        """Run what is missing."""
        if self.digits is None or self.running or self.forbidden:
            return
        where = where_sweeps_run()
        digits, record, there = self.digits, self.record, _visitor_is_there()
        path = self.path

        def work(report: Progress) -> Record:
            def stopped() -> bool:
                if there() and self.task:
                    self.task.look()
                try:
                    report(len(record.outcomes), len(record.sweep.recipes))
                except Cancelled:
                    return True
                return False

            def heard(outcome: Outcome) -> None:
                # Another dictionary: the page may be going through this one.
                record.outcomes = record.outcomes | {outcome.place: outcome}

            def waits(waiting: bool) -> None:
                self.waiting, self.since = waiting, time.monotonic()

            try:
                if record.outcomes and not path.exists():
                    write_whole(path, record.to_bytes())
                return run_sweep(record.sweep, digits, path, where, stopped, heard, waits)
            except (SweepError, RecordError, ClusterError) as error:
                raise DataError(str(error)) from error
            except OSError as error:
                raise DataError(
                    f"No more results can be kept: {error.strerror}. Those that stand here are; "
                    "“Go on” runs the others."
                ) from error

        self.began, self.since = len(record.outcomes) - len(_failed(record)), time.monotonic()
        self.task = Task(work)


def where_sweeps_run() -> Where:
    """Return where visitors' sweeps run: on the owner's cluster, or on cores of this machine."""
    where = Where.configured()
    return replace(where, processes=min(where.processes, max(limits().sweep_processes, 2)))


def _failed(record: Record) -> list[Outcome]:
    return [outcome for outcome in record.outcomes.values() if outcome.end == "failed"]


def _visitor_is_there() -> Callable[[], bool]:
    """How to find out whether the visitor's tab is still open, on whichever page."""
    context = get_script_run_ctx()

    def there() -> bool:
        try:
            return context is None or runtime.get_instance().is_active_session(context.session_id)
        except RuntimeError:  # no server: a test
            return True

    return there


def digest_of(digits: Digits) -> str:
    """Return the digits' fingerprint, as in the file of a sweep on them; taken but once."""
    if digits not in _digests:
        held_out = digits.held_out_images, digits.held_out_labels
        _digests[digits] = digest(digits.images, digits.labels, held_out)
    return _digests[digits]


def _kept_as(name: bytes) -> Path:
    return cache_folder() / FOLDER / f"{hashlib.sha256(name).hexdigest()[:16]}.jsonl"


@dataclass(frozen=True)
class KeptSweep:
    """A sweep in the cache folder.

    Attributes:
        path: its file.
        record: what is in it.
        changed: when the last outcome came.
    """

    path: Path
    record: Record
    changed: datetime


def kept_sweeps() -> list[KeptSweep]:
    """Return the newest sweeps that are kept, whoever ran them; damaged files are left out."""
    found = []
    with suppress(OSError):
        paths = sorted(
            (cache_folder() / FOLDER).glob("*.jsonl"), key=lambda p: p.stat().st_mtime, reverse=True
        )
        for path in paths[:LISTED]:
            with suppress(OSError, RecordError):
                changed = datetime.fromtimestamp(path.stat().st_mtime).astimezone()
                found.append(KeptSweep(path, read_record(path.read_bytes()), changed))
    return found


def begun(record: Record, digits: Digits | None) -> Sweeping:
    """Return a sweep in hand, with what is kept of it already."""
    named = json.dumps([record.sweep.to_values(), record.digits])
    path = _kept_as(named.encode())
    with suppress(OSError, RecordError):
        record.outcomes |= read_record(path.read_bytes()).outcomes
    return Sweeping(record, digits, path)


def brought(content: bytes, digits_called: Callable[[str], Digits | None]) -> Sweeping:
    """Return the sweep of a file that somebody brought.

    It goes on in a file of its own: nobody else's sweep is to show what it says.

    Args:
        content: of the file.
        digits_called: finds digits by their name.

    Raises:
        RecordError: it is no such file.
    """
    record = read_record(content)
    return Sweeping(record, digits_for(record, digits_called), _kept_as(content))


def digits_for(record: Record, digits_called: Callable[[str], Digits | None]) -> Digits | None:
    """Return the digits that a sweep was trained on, or None if they are not here."""
    digits = digits_called(record.sweep.data)
    return digits if digits is not None and digest_of(digits) == record.digits else None
