"""What a worker process does with one run of a sweep."""

import ctypes
import hashlib
import os
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext, suppress
from functools import cache

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from cnn import Recipe, Run
from cnn.evaluation import DEATH_IMAGES, evaluate, is_dead
from cnn.history import History
from experiments.outcome import CURVE_POINTS, End, Outcome, Point, finite

LAST_STEPS = 100
"""Steps that a run's final training loss is the mean of."""

CHUNK = 2_000
"""Images times filters trained between two looks at whether the run is still wanted: some 0.2 s."""


KEPT, LARGE = 1 << 28, 1 << 24
"""Bytes free from which on a worker gives memory back, and bytes of an array that is given back at
once, or asked for beyond what is needed."""

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3
"""glibc's names (malloc.h)."""


class Unwanted(Exception):  # nothing is wrong: the sweep was cancelled
    """Nobody waits for this run any more."""


class Astray(Exception):  # caught, and the run is run again
    """It was to run on a cluster. Without workers, joblib runs it in the process that asked."""


def train(
    place: int,
    recipe: Recipe,
    steps: int,
    starter: int | None,
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    held_out_images: NDArray[np.uint8],
    held_out_labels: NDArray[np.int64],
) -> Outcome:
    """Train one run and return what came of it. Whatever happens, the other runs go on.

    BLAS has one thread: the processes share the cores already, and the number of threads must
    not change a run's bits.

    The digits are four arguments of their own, because joblib shares an array among runs where
    it stands alone: on this machine by mapping one file into every process, on a cluster by
    sending it to every worker once.

    Args:
        place: of the run in the sweep.
        recipe: of the run.
        steps: that it takes.
        starter: the process that started the sweep, or None on a cluster.
        images: (n, 28, 28), what it trains on.
        labels: (n,).
        held_out_images: (m, 28, 28), what it is judged by.
        held_out_labels: (m,).

    Raises:
        Unwanted: the sweep was cancelled.
        Astray: this is no worker of a cluster, and it was to be one.
    """
    start = time.perf_counter()
    wanted = _wanted(starter)
    mine = starter != os.getpid()
    if mine:
        _settle()
    # Views without the mapping's own class, whose every slice costs more than the slice.
    images, held_out_images = np.asarray(images), np.asarray(held_out_images)
    labels, held_out_labels = np.asarray(labels), np.asarray(held_out_labels)
    try:
        with nullcontext() if mine else threadpool_limits(limits=1, user_api="blas"):
            outcome = _trained(
                place, recipe, steps, wanted, images, labels, (held_out_images, held_out_labels)
            )
    except Unwanted:
        raise
    except Exception as error:  # one run that fails is marked, and is not the end of the others
        why = f"{type(error).__name__}: {error}"[:300]
        outcome = Outcome(place, "failed", f"The run could not be trained ({why}).")
    taken = time.perf_counter() - start
    return Outcome(**(vars(outcome) | {"seconds": taken, "process": os.getpid()}))


def _trained(
    place: int,
    recipe: Recipe,
    steps: int,
    wanted: Callable[[], bool],
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    held_out: tuple[NDArray[np.uint8], NDArray[np.int64]],
) -> Outcome:
    run = Run(recipe, images, labels, held_out)
    chunk = max(1, CHUNK // (recipe.batch * recipe.filters))
    while run.step < steps and run.advance(min(chunk, steps - run.step)):
        if not wanted():
            raise Unwanted
    parameters = run.parameters
    with np.errstate(over="ignore", invalid="ignore"):  # on the way to divergence
        judged = evaluate(parameters, *held_out)
        dead = is_dead(parameters, held_out[0][:DEATH_IMAGES])
    end: End = "diverged" if run.diverged else "dead" if dead else "finished"
    why = {
        "diverged": str(run.diverged),
        "dead": "The network has died: all its maps or all hidden units are 0 for every digit.",
        "finished": "",
    }[end]
    last = max(0, run.step - LAST_STEPS)
    return Outcome(
        place,
        end,
        why,
        run.step,
        _mean_loss(run.history, last, run.step),
        finite(judged.loss),
        judged.accuracy,
        _curve(run.history),
        hashlib.sha256(parameters.vector.tobytes()).hexdigest(),
    )


def _curve(history: History) -> tuple[Point, ...]:
    """The held-out judgements, evenly thinned, with the training loss between them."""
    judged = history.judgements  # (m, 3)
    chosen = np.unique(np.linspace(0, len(judged) - 1, CURVE_POINTS).round().astype(int))
    points, before = [], 0
    for step, loss, accuracy in judged[chosen].tolist():
        mean = _mean_loss(history, before, int(step))
        points.append(Point(int(step), mean, finite(loss), accuracy))
        before = int(step)
    return tuple(points)


def _mean_loss(history: History, after: int, until: int) -> float | None:
    """The mean training loss of the steps ``after + 1`` to ``until``."""
    if after == until:
        return None
    sums = history.entries(np.array([max(after, 1), until]))["loss_sum"].tolist()
    return finite((sums[1] - (sums[0] if after else 0.0)) / (until - after))


@cache
def _settle() -> None:
    """Prepare this process, which trains and does nothing else.

    BLAS keeps to one thread for good: several threads of a Dask worker train at once, and the one
    that ended first would give the others as many again, and so other bits.

    The memory that a run frees is kept for the next run. Every run would ask for it again, page by
    page: a fiftieth of its time, and a tenth on a cluster, since Dask has its workers give back
    whatever they can.
    """
    threadpool_limits(limits=1, user_api="blas")
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # a libc other than glibc
            libc = ctypes.CDLL(None)
            libc.mallopt(_M_TRIM_THRESHOLD, KEPT)
            libc.mallopt(_M_MMAP_THRESHOLD, LARGE)
            libc.mallopt(_M_TOP_PAD, LARGE)


def _wanted(starter: int | None) -> Callable[[], bool]:
    """How to find out whether anybody still waits for this run.

    On one machine joblib ends the processes of a sweep that is cancelled; but if the process
    that started it was killed, nobody is left to do so, and this one ends itself. On a cluster a
    run that has begun goes on whatever becomes of the client, unless it looks.
    """
    if starter is not None:

        def not_orphaned() -> bool:
            if starter not in (os.getpid(), os.getppid()):
                os._exit(1)
            return True

        return not_orphaned
    from distributed import get_worker  # only there where a cluster is used

    try:
        worker = get_worker()
    except ValueError as error:
        raise Astray from error
    key = worker.get_current_task()

    def still_there() -> bool:
        task = worker.state.tasks.get(key)
        return task is not None and task.state not in ("cancelled", "released")

    return still_there
