"""Runs of a sweep on a Dask cluster. Whoever imports this needs requirements-cluster.txt."""

import asyncio
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any

import distributed
from distributed.core import rpc
from joblib import parallel_config

from experiments.engine import WATCHED, Arrays, ClusterError, Engine, WorkerDied

CONNECTING = 15.0
"""Seconds to wait for a cluster's scheduler, and for its workers."""

_plugin: Any = distributed.SchedulerPlugin  # Dask ships no types


class Cluster(Engine):
    """Workers of a Dask cluster, which may be on other machines (joblib's backend dask).

    The scheduler and each worker need the packages of requirements-cluster.txt and have to find
    this project, such as in its folder: ``PYTHONPATH=. dask worker tcp://… --nthreads 1``.
    """

    @contextmanager
    def _configured(self, arrays: Arrays) -> Iterator[tuple[Arrays, Callable[[], bool]]]:
        def broken() -> bool:
            # What a run raises travels as its result. So a future that has failed is one whose
            # worker has died too often, or whose digits were lost with the last worker; joblib
            # would wait for it for ever.
            states = [state.status for state in list(client.futures.values())]
            return any(status in ("error", "cancelled") for status in states)

        # When the client is closed the scheduler forgets the runs, and none goes on.
        with closing(self._client()) as client:
            self._wait_for_workers(client)
            try:
                prepare(client)
                with parallel_config("dask", n_jobs=-1, client=client, scatter=list(arrays)):
                    yield arrays, broken
            except OSError as error:  # a connection of Dask's has broken
                raise WorkerDied from error

    def _client(self) -> Any:
        connect: Any = distributed.Client
        try:
            with ThreadPoolExecutor(1) as thread:  # whatever else its caller's thread waits for
                thread.submit(_greet, self.where.scheduler).result()
            return connect(self.where.scheduler, timeout=CONNECTING, set_as_default=False)
        except Exception as error:  # whatever is read into what another program answers there
            raise ClusterError("The cluster’s scheduler does not answer at its address.") from error

    def _wait_for_workers(self, client: Any) -> None:
        """Wait for two cores: with a single one joblib would run everything in this process."""
        deadline = time.monotonic() + CONNECTING
        while sum(client.ncores().values()) < 2:
            if time.monotonic() > deadline or self.stopped():
                raise ClusterError("The cluster has fewer than two cores: start more workers.")
            time.sleep(WATCHED)


def _greet(address: str | None) -> None:
    """Ask a scheduler who it is: a client that finds none leaves threads that end in tracebacks.

    Raises:
        Exception: there is none at that address.
    """
    connect: Any = rpc
    configured: Any = distributed.Security  # as the client's

    async def ask() -> str:
        given = configured().get_connection_args("client")
        async with connect(address, connection_args=given) as scheduler:
            said: str = (await scheduler.identity())["type"]
            return said

    if asyncio.run(asyncio.wait_for(ask(), CONNECTING)) != "Scheduler":
        raise ValueError("a worker, or another program of Dask")


def prepare(client: Any) -> None:
    """Have every worker import what it needs, and the scheduler keep the digits where they are.

    Raises:
        ClusterError: they do not find this project.
        OSError: one of them has gone meanwhile.
    """
    try:
        client.run(exec, "import experiments.worker")
        client.register_plugin(CopiesKept(client.id))
    except ImportError as error:
        raise ClusterError(
            "The cluster’s scheduler or a worker does not find this program, or a package that "
            f"it needs ({error}): start them with PYTHONPATH set to its folder."
        ) from error


class CopiesKept(_plugin):  # type: ignore[misc]  # Dask ships no types
    """Has the scheduler leave the digits on every worker until a sweep's client has gone.

    Every two seconds its memory manager lets go of copies that no run waits for at that moment,
    and the worker's next run would have them sent again. It rests until the last sweep has ended,
    however that ends.

    Args:
        client: of the sweep, by Dask's name for it.
    """

    def __init__(self, client: str) -> None:
        self.client, self.to_start = client, False
        self.name = f"copies kept for {client}"

    async def start(self, scheduler: Any) -> None:
        """Let the memory manager rest."""
        manager = scheduler.extensions["amm"]
        self.to_start = manager.running or any(other.to_start for other in _others(self, scheduler))
        manager.stop()

    def remove_client(self, scheduler: Any, client: str) -> None:
        """Let it work again, unless it rests for another sweep too."""
        if client == self.client:
            scheduler.remove_plugin(self.name)
            if self.to_start and not _others(self, scheduler):
                scheduler.extensions["amm"].start()


def _others(plugin: CopiesKept, scheduler: Any) -> list[CopiesKept]:
    return [
        other
        for other in scheduler.plugins.values()
        if isinstance(other, CopiesKept) and other is not plugin
    ]
