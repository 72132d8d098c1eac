"""Running a sweep: in processes of this machine or on a Dask cluster, both through joblib.

joblib schedules, transports and ends; what stands here is what is left to say: which runs are
still missing, when to stop, and what to do when a worker has died.
"""

import asyncio
import errno
import multiprocessing
import os
import shutil
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import BrokenExecutor, ThreadPoolExecutor
from contextlib import closing, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from joblib import Parallel, delayed, parallel_config
from joblib.externals.loky.backend import resource_tracker
from numpy.typing import NDArray

from data import Digits
from data.cache import cache_folder
from experiments.outcome import Outcome
from experiments.record import Keeper, Record, RecordError, digest_of, read_record
from experiments.sweep import Sweep
from experiments.where import Where
from experiments.worker import train

MOST_DEATHS = 3
"""Times in a row that a worker may die without any run having ended in between."""

IDLE = 20.0
"""Seconds after which a worker process without work ends; another sweep until then need not wait
for it to start."""

WATCHED = 0.1
"""Seconds between two looks at whether the sweep is to stop."""

CONNECTING = 15.0
"""Seconds to wait for a cluster's scheduler, and for its workers."""

SHARED = "shared"
"""Where in the cache folder the file stands that is mapped, until the sweep ends. The digits may be
somebody's own, which are written nowhere else."""

_turns: defaultdict[str | None, threading.Lock] = defaultdict(threading.Lock)
"""What a sweep holds while it runs. joblib has one set of worker processes for all threads, and
whoever ends it ends it for all: of the sweeps on this machine one runs at a time (None). A cluster
runs several, but each for one file, so that the same sweep is not trained twice. A file goes by its
name and not by its `Path`, whose hash is Python's: between that and the lock another thread could
come and make a second one."""


_Arrays = tuple[NDArray[np.generic], ...]


class ClusterError(Exception):
    """A cluster that cannot be used; the text is one sentence."""


class _WorkerDied(Exception):  # caught here, and the runs are run again
    """A worker process is gone, and what it ran with it."""


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
        waits: told True while another sweep in this process has to end first (on a cluster only
            the same one), and False when its turn has come and all of those have been told.

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
    engine = _Cluster(where, stopped) if where.scheduler else _Processes(where, stopped)
    with _in_turn(str(path.resolve()) if where.scheduler else None, stopped, waits):
        for place, outcome in record_at(path, sweep, digits).outcomes.items():
            if outcome != record.outcomes.get(place):  # of the same sweep, which this waited for
                record.outcomes[place] = outcome
                heard(outcome)
        waits(False)
        keeper = Keeper(path, record)
        deaths = 0
        tried: set[int] = set()  # a run that fails here is not tried again and again
        while (missing := [p for p in record.missing if p not in tried]) and not stopped():
            # The longest first, so that no worker is left with one when the others are done.
            missing.sort(key=lambda place: -lengths[place] * sweep.recipes[place].batch)
            if deaths >= MOST_DEATHS:
                outcomes = (_given_up(place, where) for place in missing)
            else:
                outcomes = engine.outcomes(sweep, lengths, missing, digits)
            try:
                with closing(outcomes):  # whatever happens, the workers are ended
                    for outcome in outcomes:
                        deaths = 0
                        tried.add(outcome.place)
                        record.outcomes[outcome.place] = outcome
                        keeper.keep(outcome)
                        heard(outcome)
            except _WorkerDied:
                deaths += 1
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


def _given_up(place: int, where: Where) -> Outcome:
    or_else = ", or scheduler and workers do not find this program" if where.scheduler else ""
    return Outcome(
        place,
        "failed",
        f"The worker process died {MOST_DEATHS} times in a row: it may need more memory than "
        f"there is{or_else}.",
    )


class _Engine:
    """Runs of a sweep through one of joblib's backends."""

    def __init__(self, where: Where, stopped: Callable[[], bool]) -> None:
        self.where, self.stopped = where, stopped

    def outcomes(
        self, sweep: Sweep, lengths: list[int], places: list[int], digits: Digits
    ) -> Generator[Outcome, None, None]:
        """Yield the outcomes of some runs as they come, until it is to stop.

        Raises:
            _WorkerDied: the others have to be run again.
        """
        pictures = (digits.images, digits.labels, digits.held_out_images, digits.held_out_labels)
        recipes, starter = sweep.recipes, None if self.where.scheduler else os.getpid()
        with self._configured(pictures) as (arrays, broken):
            tasks = (
                delayed(train)(place, recipes[place], lengths[place], starter, *arrays)
                for place in places
                if not self.stopped()  # asked where there is no process to end: between two runs
            )
            parallel = Parallel(return_as="generator_unordered", batch_size=1)
            try:
                results = parallel(tasks)  # which starts the first of them
                with _ended_when(parallel, lambda: self.stopped() or broken()):
                    yield from results
            except (BrokenExecutor, multiprocessing.TimeoutError) as error:
                if not self.stopped():
                    raise _WorkerDied from error

    @contextmanager
    def _configured(self, arrays: _Arrays) -> Iterator[tuple[_Arrays, Callable[[], bool]]]:
        """Choose joblib's backend; gives the digits as it shares them, and how to find out that it
        waits in vain."""
        raise NotImplementedError


class _Processes(_Engine):
    """Processes of this machine (joblib's backend loky)."""

    @contextmanager
    def _configured(self, arrays: _Arrays) -> Iterator[tuple[_Arrays, Callable[[], bool]]]:
        alone = self.where.processes == 1  # it runs in this process
        with (
            nullcontext(arrays) if alone else _mapped(arrays) as arrays,
            parallel_config(
                "loky",
                n_jobs=self.where.processes,
                inner_max_num_threads=1,
                idle_worker_timeout=IDLE,
            ),
        ):
            yield arrays, never


class _Cluster(_Engine):
    """Workers of a Dask cluster, which may be on other machines (joblib's backend dask).

    The scheduler and each worker need the packages of requirements-cluster.txt and have to find
    this project, such as in its folder: ``PYTHONPATH=. dask worker tcp://… --nthreads 1``.
    """

    @contextmanager
    def _configured(self, arrays: _Arrays) -> Iterator[tuple[_Arrays, Callable[[], bool]]]:
        client = self._client()

        def broken() -> bool:
            # What a run raises travels as its result. So a future that has failed is one whose
            # worker has died too often, or whose digits were lost with the last worker; joblib
            # would wait for it for ever.
            states = [state.status for state in list(client.futures.values())]
            return any(status in ("error", "cancelled") for status in states)

        with (
            closing(client),  # after which the scheduler forgets the runs, and none goes on
            _copies_kept(client),
            parallel_config("dask", n_jobs=-1, client=client, scatter=list(arrays)),
        ):
            yield arrays, broken

    def _client(self) -> Any:
        try:
            import distributed
        except ImportError as error:
            raise ClusterError(
                "A cluster needs Dask: pip install -r requirements-cluster.txt."
            ) from error
        connect: Any = distributed.Client  # it ships no types
        try:
            with ThreadPoolExecutor(1) as thread:  # whatever else its caller's thread waits for
                thread.submit(_greet, self.where.scheduler).result()
            client = connect(self.where.scheduler, timeout=CONNECTING, set_as_default=False)
        except Exception as error:  # whatever is read into what another program answers there
            raise ClusterError("The cluster’s scheduler does not answer at its address.") from error
        # With a single core joblib would run everything in this process instead.
        deadline = time.monotonic() + CONNECTING
        while sum(client.ncores().values()) < 2:
            if time.monotonic() > deadline or self.stopped():
                client.close()
                raise ClusterError("The cluster has fewer than two cores: start more workers.")
            time.sleep(WATCHED)
        return client


def _greet(address: str | None) -> None:
    """Ask a scheduler who it is: a client that finds none leaves threads that end in tracebacks.

    Raises:
        Exception: there is none at that address.
    """
    from distributed import Security
    from distributed.core import rpc

    connect: Any = rpc  # it ships no types
    configured: Any = Security  # as the client's

    async def ask() -> str:
        given = configured().get_connection_args("client")
        async with connect(address, connection_args=given) as scheduler:
            said: str = (await scheduler.identity())["type"]
            return said

    if asyncio.run(asyncio.wait_for(ask(), CONNECTING)) != "Scheduler":
        raise ValueError("a worker, or another program of Dask")


@contextmanager
def _mapped(arrays: _Arrays) -> Iterator[_Arrays]:
    """Write arrays to a file and give them mapped from it, as every process that is given them then
    maps them.

    joblib would write them too, in a thread, when the workers have started already: on a full disk
    that ends with more than one sentence.

    Raises:
        OSError: the file cannot be written.
    """
    shared = cache_folder() / SHARED
    shared.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=shared))
    resource_tracker.register(str(folder), "folder")  # should this process be killed
    try:
        try:
            joblib.dump(arrays, folder / "digits")
        except OSError as error:  # NumPy's say neither what nor where
            raise OSError(errno.ENOSPC, "there is no room for the digits", shared) from error
        yield joblib.load(folder / "digits", mmap_mode="r")
    finally:
        with suppress(OSError):  # what is still mapped may have to stay until the processes end
            shutil.rmtree(folder)
            resource_tracker.unregister(str(folder), "folder")


@contextmanager
def _copies_kept(client: Any) -> Iterator[None]:
    """Have every worker keep the digits until the sweep ends.

    Every two seconds a scheduler lets go of copies that no run waits for at that moment, and the
    worker's next run would have them sent again.
    """
    if not client.amm.running():
        yield
        return
    client.amm.stop()
    try:
        yield
    finally:
        with suppress(OSError):  # the scheduler is gone
            client.amm.start()


@contextmanager
def _in_turn(
    what: str | None, stopped: Callable[[], bool], waits: Callable[[bool], None]
) -> Iterator[None]:
    """Wait until no other sweep in this process holds the same turn."""
    turn = _turns[what]
    while not (has_turn := turn.acquire(timeout=WATCHED)):
        waits(True)
        if stopped():
            break
    try:
        yield
    finally:
        if has_turn:  # any thread can release a lock: that of the sweep it waited for stays
            turn.release()


@contextmanager
def _ended_when(parallel: Parallel, over: Callable[[], bool]) -> Iterator[None]:
    """Watch, in a thread, whether it is to end, and then end it.

    joblib ends what takes longer than its timeout, with the worker processes, from the thread
    that waits for results. So it is ended by a timeout that has passed already.
    """
    done = threading.Event()

    def watch() -> None:
        while not done.wait(WATCHED):
            if over():
                parallel.timeout = 0.0
                return

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
