"""Running a sweep and keeping what comes of it, whatever happens meanwhile.

joblib schedules, transports and ends (`experiments.engine`); what stands here is what is left to
say: which runs are still missing, in which order, and what to do when a worker has died.
"""

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from data import Digits
from data.cache import cache_folder
from experiments.engine import WATCHED, ClusterError, Engine, Processes, WorkerDied
from experiments.estimate import seconds_of_one_core
from experiments.outcome import Outcome
from experiments.record import Keeper, Record, RecordError, digest_of, read_record
from experiments.sweep import Sweep
from experiments.where import Where

MOST_DEATHS = 3
"""Times in a row that a worker may die without any run having ended in between. Before the last of
them a run is alone, so that it is known to be the one that its worker dies of."""

LOCKS = "locks"
"""Where in the cache folder the files stand that are locked while a sweep writes its results."""

_processes = threading.Lock()
"""What a sweep holds while it runs on this machine. joblib has one set of worker processes for all
threads, and whoever ends it ends it for all."""


def never() -> bool:
    """Nothing stops it."""
    return False


def run_sweep(
    sweep: Sweep,
    digits: Digits,
    path: Path,
    where: Where,
    stopped: Callable[[], bool] = never,
    heard: Callable[[Outcome], None] = lambda outcome: None,
    waits: Callable[[bool], None] = lambda waiting: None,
) -> Record:
    """Run what is still missing of a sweep, and keep every outcome in its file as it comes.

    Args:
        sweep: what is tried.
        digits: what it is trained on.
        path: of the file with the results; gone on with if it is there.
        where: on how many processes, or on which cluster.
        stopped: asked ten times a second, in another thread; once it says so, the runs that have
            not ended are ended, and the worker processes with them.
        heard: told of every outcome once it is kept, also of those that the same sweep, begun
            by somebody else, has kept while this one had to wait.
        waits: told True while whoever writes the same file, or uses the processes of this one,
            has to end first, and False when its turn has come and all of those have been told.

    Returns:
        The sweep with all that has come of it.

    Raises:
        SweepError: its runs would be too long on these digits.
        RecordError: the file is not that of this sweep on these digits.
        ClusterError: the cluster cannot be reached or has no workers.
        OSError: the file cannot be written, or the digits where the processes share them.
    """
    lengths = [sweep.length(recipe, len(digits.images)) for recipe in sweep.recipes]
    record = record_at(path, sweep, digits)
    with _in_turn(path, where, stopped, waits) as has_turn:
        for place, outcome in record_at(path, sweep, digits).outcomes.items():
            if outcome != record.outcomes.get(place):  # of the same sweep, which this waited for
                record.outcomes[place] = outcome
                heard(outcome)
        waits(False)
        if not has_turn:
            return record
        keeper, engine = Keeper(path, record), _engine(where, stopped)
        tried: set[int] = set()  # a run that fails here is not tried again and again

        def ended(outcome: Outcome) -> None:
            tried.add(outcome.place)
            record.outcomes[outcome.place] = outcome
            keeper.keep(outcome)
            heard(outcome)

        seconds = seconds_of_one_core(sweep, digits, record.missing)
        deaths = 0
        while (missing := [p for p in record.missing if p not in tried]) and not stopped():
            # The longest first, so that no worker is left with one when the others are done. After
            # a death the shortest: what a worker dies of is most often too large for it.
            missing.sort(key=seconds.__getitem__, reverse=not deaths)
            alone = deaths >= MOST_DEATHS - 1
            outcomes = engine.outcomes(sweep, lengths, missing[:1] if alone else missing, digits)
            try:
                with closing(outcomes):  # whatever happens, the workers are ended
                    for outcome in outcomes:
                        deaths = 0
                        ended(outcome)
            except WorkerDied:
                deaths += 1
                if alone:
                    ended(_given_up(missing[0]))
    return record


def record_at(path: Path, sweep: Sweep, digits: Digits) -> Record:
    """Return what a file holds of a sweep on these digits: nothing yet where there is no file.

    Raises:
        RecordError: the file is not that of this sweep on these digits.
        OSError: it cannot be read.
    """
    record = Record(sweep, digest_of(digits))
    if not path.exists():
        return record
    there = read_record(path.read_bytes())
    if (there.sweep, there.digits) != (record.sweep, record.digits):
        raise RecordError("The file holds another sweep, or one on other digits.")
    return there


def _given_up(place: int) -> Outcome:
    why = "Its worker process died, again and again: it may need more memory than there is."
    return Outcome(place, "failed", why)


def _engine(where: Where, stopped: Callable[[], bool]) -> Engine:
    if not where.scheduler:
        return Processes(where, stopped)
    try:
        from experiments.cluster import Cluster  # the only thing that needs Dask
    except ImportError as error:
        raise ClusterError(
            "A cluster needs Dask: pip install -r requirements-cluster.txt."
        ) from error
    return Cluster(where, stopped)


@contextmanager
def _in_turn(
    path: Path, where: Where, stopped: Callable[[], bool], waits: Callable[[bool], None]
) -> Iterator[bool]:
    """Wait until nobody else writes this file, and no other sweep uses the same processes.

    Gives whether its turn has come, or it was stopped before.

    The file is locked by its name, for other processes too: the copies of a server share their
    cache folder, and what is asked for twice is not to be trained twice.
    """
    name = hashlib.sha256(str(path.resolve()).encode(errors="surrogateescape")).hexdigest()[:16]
    folder = cache_folder() / LOCKS
    folder.mkdir(parents=True, exist_ok=True)
    file = FileLock(folder / f"{name}.lock")

    def own_file() -> bool:
        with suppress(Timeout):
            file.acquire(timeout=WATCHED)
        return file.is_locked

    turns: list[tuple[Callable[[], bool], Callable[[], None]]] = [(own_file, file.release)]
    if not where.scheduler:
        turns.append((lambda: _processes.acquire(timeout=WATCHED), _processes.release))
    with ExitStack() as held:
        for take, give in turns:
            while not take():
                waits(True)
                if stopped():
                    yield False
                    return
            held.callback(give)
        yield True
