"""What a sweep is said to cost, beside what it costs."""

import tracemalloc

import pytest

from cnn import Recipe, Run
from data import Digits
from experiments import Sweep, Where, estimate
from experiments.estimate import PROCESS, _measured
from experiments.worker import LARGE


def test_the_estimate_counts_what_is_missing(few: Digits) -> None:
    sweep = Sweep((0.01, 0.1), batch=(1, 16), seeds=(0,))  # 400 and 25 steps an epoch
    cost = estimate(sweep, few, Where(2), [0, 1, 2])
    assert (cost.runs, cost.steps) == (3, 825)
    assert cost.seconds is not None
    assert cost.work > 0
    assert estimate(sweep, few, Where(2, "tcp://a:1"), [0]).seconds is None
    assert cost.memory > 2 * few.images.nbytes


@pytest.mark.parametrize(
    ("batch", "filters", "hidden", "steps"),
    [(1, 1, 40, 40), (64, 8, 256, 20), (400, 1, 256, 3), (400, 8, 40, 3), (1000, 8, 256, 2)],
)
def test_no_run_takes_more_memory_than_estimated(
    digits: Digits, batch: int, filters: int, hidden: int, steps: int
) -> None:
    """The room for checkpoints is asked for at once, but only what is written of it is memory."""
    sweep = Sweep((0.001,), (batch,), (filters,), (hidden,), seeds=(0,), epochs=None, steps=steps)
    cost = estimate(sweep, digits, Where(1), [0])
    run_alone = cost.memory - PROCESS - LARGE - digits.images.nbytes - digits.held_out_images.nbytes
    tracemalloc.start()
    try:
        held_out = digits.held_out_images, digits.held_out_labels
        run = Run(sweep.recipes[0], digits.images, digits.labels, held_out)
        run.advance(steps)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    size = Recipe(filters=filters, hidden=hidden).initial_parameters().vector.nbytes
    reserved = max(16, 8 * filters) * 1_000_000
    written = peak - reserved + (steps // 16 + 1) * size
    assert written < run_alone
    if batch >= 64:
        assert run_alone < 1.6 * written


def test_many_batches_are_estimated_from_few(few: Digits) -> None:
    _measured.cache_clear()
    sweep = Sweep((0.01,), batch=tuple(range(801, 1_001)), seeds=(0,), epochs=None, steps=10)
    cost = estimate(sweep, few, Where(2), [*range(200)])
    assert _measured.cache_info().misses == 2
    assert cost.work > 0
