"""What a sweep will cost, before it starts."""

import math
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from threadpoolctl import threadpool_limits

from cnn import Recipe, Run
from cnn.evaluation import evaluate
from cnn.history import BLOCK, record_of
from cnn.network import CHUNK
from cnn.recipe import MAX_BATCH
from cnn.run import HELD_OUT_IMAGES, checkpoint_room, judged_every
from data import Digits
from experiments.sweep import Sweep
from experiments.where import Where
from experiments.worker import LARGE

PROBE = 0.01
"""Seconds that a shape of network is trained to find out how long a step takes, and that it judges
digits for the same purpose."""

BATCHES = (1, 4, 16, 64, 256, MAX_BATCH)
"""Batches that are tried; what the others take lies between."""

JUDGED = 100
"""Digits that are judged at a time."""

START = 1.5
"""Seconds until the worker processes have imported what they need."""

PROCESS = 90_000_000
"""Bytes of a worker process before its first run: Python, NumPy, joblib."""

OF_AN_IMAGE, OF_ITS_MAP, OF_ITS_UNIT = 34_000, 15_000, 16
"""Bytes that a step has at the same time for every image of its batch: the table of its patches,
what there is for each filter (maps, winners, errors and what they are computed by), and for each
hidden unit."""


@dataclass(frozen=True)
class Estimate:
    """What a sweep will cost.

    Attributes:
        runs: how many.
        steps: of all of them together.
        work: seconds of one core.
        seconds: from the start to the end, or None on a cluster, whose size is not asked for.
        memory: bytes of all worker processes together, at most; on a cluster of each.
    """

    runs: int
    steps: int
    work: float
    seconds: float | None
    memory: int


def estimate(sweep: Sweep, digits: Digits, where: Where, missing: list[int]) -> Estimate:
    """Estimate a sweep from a few steps of each shape of network in it, measured here and now.

    A step takes as long whatever the rate and the seed, so batch, filters and hidden width say
    how long; each such shape is tried once. Runs that diverge end earlier than estimated.

    Args:
        sweep: what is tried.
        digits: what it is trained on.
        where: where it is to run.
        missing: which of its runs are still to be run.
    """
    images = len(digits.images)
    steps = sum(sweep.length(sweep.recipes[place], images) for place in missing)
    seconds = seconds_of_one_core(sweep, digits, missing)
    work, longest = sum(seconds.values()), max(seconds.values(), default=0.0)
    recipes = [sweep.recipes[place] for place in missing]
    largest = max((_room(recipe, sweep.length(recipe, images)) for recipe in recipes), default=0)
    pictures = digits.images.nbytes + digits.held_out_images.nbytes
    processes = min(where.processes, max(1, len(missing)))
    of_each = PROCESS + LARGE + largest
    if where.scheduler:
        return Estimate(len(missing), steps, work, None, of_each + pictures)
    ends = START + max(work / processes, longest)
    return Estimate(len(missing), steps, work, ends, processes * of_each + pictures)


def seconds_of_one_core(sweep: Sweep, digits: Digits, places: Iterable[int]) -> dict[int, float]:
    """Estimate how long each of some runs takes, from start to end."""
    judged = min(HELD_OUT_IMAGES, len(digits.held_out_images))
    seconds = {}
    for place in places:
        recipe = sweep.recipes[place]
        length = sweep.length(recipe, len(digits.images))
        times = [(b, *_measured(b, recipe.filters, recipe.hidden)) for b in _around(recipe.batch)]
        tried, one_step, one_digit = zip(*times, strict=True)
        judgements = judged * (length // judged_every(recipe) + 1) + len(digits.held_out_images)
        step = float(np.interp(recipe.batch, tried, one_step))
        seconds[place] = length * step + judgements * min(one_digit)
    return seconds


def _around(batch: int) -> tuple[int, ...]:
    """Return the tried batches next to one, or it alone."""
    at = bisect_left(BATCHES, batch)
    return (batch,) if BATCHES[at] == batch else BATCHES[at - 1 : at + 1]


def _room(recipe: Recipe, steps: int) -> int:
    """Bytes of a run that long: checkpoints, history, a step's passes, and some parameters."""
    size = recipe.initial_parameters().vector.nbytes
    checkpoints = min(checkpoint_room(recipe), (steps // 16 + 1) * size)
    image = OF_AN_IMAGE + OF_ITS_MAP * recipe.filters + OF_ITS_UNIT * recipe.hidden
    passes = max(recipe.batch, CHUNK) * image
    history = math.ceil(steps / BLOCK) * BLOCK * record_of(recipe).itemsize
    return checkpoints + history + passes + 4 * size


@lru_cache(maxsize=1_000)
def _measured(batch: int, filters: int, hidden: int) -> tuple[float, float]:
    """Measure the seconds of a training step and of judging one digit.

    On noise: what is in a picture does not change how long it takes. The fastest of many short
    tries counts: what else this machine does now makes the others longer, and is over later.
    """
    generator = np.random.default_rng(0)
    count = max(batch, JUDGED)
    images = generator.integers(0, 256, (count, 28, 28), np.uint8)
    labels = generator.integers(0, 10, count)
    recipe = Recipe(batch=batch, filters=filters, hidden=hidden, learning_rate=0.001)
    with threadpool_limits(limits=1, user_api="blas"):
        run = Run(recipe, images, labels)
        steps, some = max(1, 32 // batch), (images[:JUDGED], labels[:JUDGED])
        one_step = _fastest(lambda: run.advance(steps)) / steps
        one_digit = _fastest(lambda: evaluate(run.parameters, *some)) / JUDGED
    return one_step, one_digit


def _fastest(work: Callable[[], object]) -> float:
    """Do something again and again for `PROBE` seconds; return those that the fastest took."""
    work()  # makes its room in memory
    taken, begin = math.inf, time.perf_counter()
    while (start := time.perf_counter()) - begin < PROBE or taken == math.inf:
        work()
        taken = min(taken, time.perf_counter() - start)
    return taken
