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
from functools import lru_cache
from pathlib import Path
from weakref import WeakValueDictionary

from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from data import Cancelled, DataError, Digits
from data.cache import cache_folder, write_whole
from experiments import (
    ClusterError,
    Outcome,
    Record,
    RecordError,
    Sweep,
    SweepError,
    Where,
    digest_of,
    read_record,
    run_sweep,
    seconds_of_one_core,
)
from pages.parts.limits import limits
from pages.parts.task import Progress, Task

FOLDER = "sweeps"

BROUGHT = f"{FOLDER}/brought"
"""Where sweeps go on that came from files: apart, for those of `FOLDER` are offered to everybody.
"""

LISTED = 20
"""Kept sweeps that are offered, the newest first."""


class Sweeping:
    """A sweep in hand: one that runs, or one whose results are looked at.

    Attributes:
        record: the sweep and what has come of it so far; it grows while it runs.
        digits: what it trains on, or None where they are not here: then it cannot go on.
        path: of its file.
        task: the work, or None if it has not been begun here.
        todo: how many runs were missing when it was begun,
        ended: how many of them have ended since,
        since: and when that was, in seconds of `time.monotonic`.
        costs: what each of them was estimated to take, in seconds of one core.
        waiting: whether another visitor's sweep has to end before this one begins.
        left_to_others: whether it goes on for another visitor, while this one has cancelled it.
    """

    def __init__(self, record: Record, digits: Digits | None, path: Path) -> None:
        self.record, self.digits, self.path = record, digits, path
        self.task: Task[None] | None = None
        self.todo, self.ended, self.since = 0, 0, 0.0
        self.costs: dict[int, float] = {}
        self.waiting, self.left_to_others = False, False
        self._visitors: set[str | None] = set()

    @property
    def running(self) -> bool:
        """Whether more outcomes may come."""
        return self.task is not None and self.task.running

    @property
    def done(self) -> int:
        """How many runs have ended. One that failed is to end once more while it goes on."""
        if self.running:
            return len(self.record.sweep.recipes) - self.todo + self.ended
        return len(self.record.outcomes)

    @property
    def left(self) -> float | None:
        """Seconds until it ends, by the pace so far; None while that is not known."""
        if not self.running or self.ended < 2:
            return None
        to_go = {*self.record.missing} & {*self.costs}
        left = sum(self.costs[place] for place in to_go)
        done = sum(self.costs.values()) - left
        return (time.monotonic() - self.since) * left / done if done else None

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
        digits, record, path = self.digits, self.record, self.path

        def work(report: Progress) -> None:
            def stopped() -> bool:
                if self.task and any(map(_is_there, [*self._visitors])):
                    self.task.look()
                try:
                    report(len(record.outcomes), len(record.sweep.recipes))
                except Cancelled:
                    return True
                return False

            def heard(outcome: Outcome) -> None:
                # Another dictionary: the page may be going through this one.
                record.outcomes = record.outcomes | {outcome.place: outcome}
                self.ended += 1

            def waits(waiting: bool) -> None:
                self.waiting = waiting
                self._begin()

            try:
                if record.outcomes and not path.exists():
                    write_whole(path, record.to_bytes())
                run_sweep(record.sweep, digits, path, where, stopped, heard, waits)
            except (SweepError, RecordError, ClusterError) as error:
                raise DataError(str(error)) from error
            except OSError as error:
                raise DataError(
                    f"The sweep cannot go on: {error.strerror}. What stands here is kept, and "
                    "“Go on” runs the others."
                ) from error

        _look_up(record, path)  # somebody else may have gone on with it
        self._begin()
        self._visitors = {_visitor()}
        self.task = Task(work)
        _under_way[path] = self

    def join(self) -> "Sweeping":
        """Have it run for as long as this visitor is there, too."""
        self._visitors.add(_visitor())
        return self

    def cancelled(self) -> "Sweeping":
        """Stop it, or only take leave of it where another visitor waits for it as well.

        Returns:
            What stays in hand of it.
        """
        others = self._visitors - {_visitor()}
        if any(map(_is_there, others)):
            self._visitors = others
            record = Record(self.record.sweep, self.record.digits, {**self.record.outcomes})
            left = Sweeping(record, self.digits, self.path)
            left.left_to_others = True
            return left
        if self.task:
            self.task.cancel()
        return self

    def _begin(self) -> None:
        missing = self.record.missing
        self.todo, self.ended, self.since = len(missing), 0, time.monotonic()
        if self.digits:
            self.costs = seconds_of_one_core(self.record.sweep, self.digits, missing)


def where_sweeps_run() -> Where:
    """Return where visitors' sweeps run: on the owner's cluster, or on cores of this machine."""
    where = Where.configured()
    return replace(where, processes=min(where.processes, max(limits().sweep_processes, 2)))


_under_way: WeakValueDictionary[Path, Sweeping] = WeakValueDictionary()
"""The sweeps that run in this process, by their files. Who asks for one of them is given that: a
visitor whose page was loaded again, or another one."""


def _running(path: Path) -> Sweeping | None:
    sweeping = _under_way.get(path)
    return sweeping if sweeping is not None and sweeping.running else None


def _visitor() -> str | None:
    """Streamlit's name of the visitor's tab, on whichever page; None without a server."""
    context = get_script_run_ctx()
    return context.session_id if context else None


def _is_there(visitor: str | None) -> bool:
    try:
        return visitor is None or runtime.get_instance().is_active_session(visitor)
    except RuntimeError:  # no server: a test
        return True


def _kept_as(name: bytes, folder: str = FOLDER) -> Path:
    return cache_folder() / folder / f"{hashlib.sha256(name).hexdigest()[:16]}.jsonl"


def _look_up(record: Record, path: Path) -> None:
    """Add to a sweep what is kept of it; for a run that is known already it is the newer."""
    with suppress(OSError, RecordError):
        record.outcomes = record.outcomes | read_record(path.read_bytes()).outcomes


@dataclass(frozen=True)
class KeptSweep:
    """A sweep in the cache folder.

    Attributes:
        path: its file.
        sweep: what is tried.
        ended: how many runs have ended.
        changed: when the last outcome came.
    """

    path: Path
    sweep: Sweep
    ended: int
    changed: datetime


def kept_sweeps() -> list[KeptSweep]:
    """Return the newest sweeps that are kept, whoever ran them; damaged files are left out.

    A file is read again only when it has changed: the list stands on a page that is drawn often,
    and a large sweep takes 0.2 s to read.
    """
    stated = []
    for path in (cache_folder() / FOLDER).glob("*.jsonl"):
        with suppress(OSError):
            stated.append((path.stat(), path))
    newest = sorted(stated, key=lambda one: one[0].st_mtime_ns, reverse=True)[:LISTED]
    found = []
    for stat, path in newest:
        with suppress(OSError):
            found.append(_glanced(path, stat.st_mtime_ns, stat.st_size))
    return [kept for kept in found if kept]


@lru_cache(maxsize=10 * LISTED)
def _glanced(path: Path, changed: int, size: int) -> KeptSweep | None:
    """Read what is said of a sweep in the list, or None if it is damaged.

    Args:
        path: of its file.
        changed: when, in nanoseconds,
        size: and how many bytes it has: of a file that is still so, nothing new is said.

    Raises:
        OSError: it cannot be read now.
    """
    try:
        record = read_record(path.read_bytes())
    except RecordError:
        return None
    when = datetime.fromtimestamp(changed / 1e9).astimezone()
    return KeptSweep(path, record.sweep, len(record.outcomes), when)


def gone_on(sweeping: Sweeping) -> Sweeping:
    """Run what is missing of a sweep, or wait for it with whoever runs it already.

    Returns:
        What is in hand of it.
    """
    joined = _joined(sweeping)
    joined.go()
    return joined


def _joined(sweeping: Sweeping) -> Sweeping:
    """Return the same sweep as it runs already, or the given one.

    Only who has its digits joins it: they may be another visitor's own, and its runs can be opened.
    """
    running = _running(sweeping.path) if sweeping.digits else None
    return running.join() if running else sweeping


def begun(record: Record, digits: Digits | None) -> Sweeping:
    """Return a sweep in hand, with what is kept of it already."""
    named = json.dumps([record.sweep.to_values(), record.digits])
    path = _kept_as(named.encode())
    if running := _running(path):
        return running
    _look_up(record, path)
    return Sweeping(record, digits, path)


def taken_up(path: Path, digits_called: Callable[[str], Digits | None]) -> Sweeping:
    """Return a sweep that is kept here, in hand.

    Args:
        path: of its file.
        digits_called: finds digits by their name.

    Raises:
        RecordError, OSError: it is there no more.
    """
    record = read_record(path.read_bytes())
    return _joined(Sweeping(record, digits_for(record, digits_called), path))


def brought(content: bytes, digits_called: Callable[[str], Digits | None]) -> Sweeping:
    """Return the sweep of a file that somebody brought, with what is kept of it already.

    It goes on in a file of its own, which nobody is offered: no other sweep is to show what it
    says. Whoever opens the same file again has what came of it since.

    Args:
        content: of the file.
        digits_called: finds digits by their name.

    Raises:
        RecordError: it is no such file.
    """
    record, path = read_record(content), _kept_as(content, BROUGHT)
    _look_up(record, path)
    return _joined(Sweeping(record, digits_for(record, digits_called), path))


def digits_for(record: Record, digits_called: Callable[[str], Digits | None]) -> Digits | None:
    """Return the digits that a sweep was trained on, or None if they are not here."""
    digits = digits_called(record.sweep.data)
    return digits if digits is not None and digest_of(digits) == record.digits else None
