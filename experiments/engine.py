"""Runs of a sweep through joblib, which schedules, transports and ends."""

import errno
import multiprocessing
import multiprocessing.resource_tracker
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import BrokenExecutor, CancelledError
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

import joblib
import numpy as np
from filelock import FileLock, Timeout
from joblib import Parallel, delayed, parallel_config
from joblib.externals.loky.backend import resource_tracker
from numpy.typing import NDArray

from data import Digits
from data.cache import cache_folder
from experiments.outcome import Outcome
from experiments.sweep import Sweep
from experiments.where import Where
from experiments.worker import Astray, train

IDLE = 20.0
"""Seconds after which a worker process without work ends; another sweep until then need not wait
for it to start."""

WATCHED = 0.1
"""Seconds between two looks at whether the sweep is to stop."""

SHARED = "shared"
"""Where in the cache folder the file stands that is mapped, until the sweep ends. The digits may be
somebody's own, which are written nowhere else."""

IN_USE = "in use"
"""The file in that folder which is locked by the process that shares the digits: the lock goes with
the process, whatever ends it."""

Arrays = tuple[NDArray[np.generic], ...]


class ClusterError(Exception):
    """A cluster that cannot be used; the text is one sentence."""


class WorkerDied(Exception):  # caught, and the runs are run again
    """A worker process is gone, and what it ran with it."""


class Engine:
    """Runs of a sweep through one of joblib's backends.

    Args:
        where: on how many processes, or on which cluster.
        stopped: whether it is to stop.
    """

    def __init__(self, where: Where, stopped: Callable[[], bool]) -> None:
        self.where, self.stopped = where, stopped

    def outcomes(
        self, sweep: Sweep, lengths: list[int], places: list[int], digits: Digits
    ) -> Generator[Outcome, None, None]:
        """Yield the outcomes of some runs as they come, until it is to stop.

        Raises:
            WorkerDied: the others have to be run again.
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
                with _undisturbed():
                    results = parallel(tasks)  # which starts the first of them
                with _ended_when(parallel, lambda: self.stopped() or broken()):
                    yield from results
            except (BrokenExecutor, CancelledError, Astray, multiprocessing.TimeoutError) as error:
                if not self.stopped():
                    raise WorkerDied from error

    @contextmanager
    def _configured(self, arrays: Arrays) -> Iterator[tuple[Arrays, Callable[[], bool]]]:
        """Choose joblib's backend; gives the digits as it shares them, and how to find out that it
        waits in vain."""
        raise NotImplementedError


class Processes(Engine):
    """Processes of this machine (joblib's backend loky)."""

    @contextmanager
    def _configured(self, arrays: Arrays) -> Iterator[tuple[Arrays, Callable[[], bool]]]:
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
            yield arrays, lambda: False


@contextmanager
def _mapped(arrays: Arrays) -> Iterator[Arrays]:
    """Write arrays to a file and give them mapped from it, as every process that is given them then
    maps them.

    joblib would write them too, in a thread, when the workers have started already: on a full disk
    that ends with more than one sentence.

    Raises:
        OSError: the file cannot be written.
    """
    shared = cache_folder() / SHARED
    shared.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{shared}.lock"):  # against others who remove and make folders at this moment
        _remove_abandoned(shared)
        folder = Path(tempfile.mkdtemp(dir=shared))
        in_use = FileLock(folder / IN_USE)
        in_use.acquire()
    resource_tracker.register(str(folder), "folder")  # removes it should this process be killed
    try:
        try:
            joblib.dump(arrays, folder / "digits")
        except OSError as error:  # NumPy's say neither what nor where
            raise OSError(errno.ENOSPC, "there is no room for the digits", shared) from error
        yield joblib.load(folder / "digits", mmap_mode="r")
    finally:
        in_use.release()
        with suppress(OSError):  # what is still mapped may have to stay until the processes end
            shutil.rmtree(folder)
            resource_tracker.unregister(str(folder), "folder")


def _remove_abandoned(shared: Path) -> None:
    """Remove the digits of sweeps that were killed together with all that would have done it."""
    for folder in shared.iterdir():
        with suppress(Timeout, OSError), FileLock(folder / IN_USE, timeout=0):
            shutil.rmtree(folder)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Start processes that leave ^C to this one, which ends them."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    multiprocessing.resource_tracker.ensure_running()  # whose own start would let ^C through
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


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
