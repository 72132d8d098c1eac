"""Thinned curves against a plain loop over the steps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnn import Recipe
from cnn.history import History
from pages.parts.curves import SMOOTHED, Curves, from_start, thinned


def recorded(steps: int, filters: int = 1, seed: int = 0) -> History:
    """A history of random numbers: what a point is the mean of does not depend on their sense."""
    generator = np.random.default_rng(seed)
    history = History(Recipe(filters=filters))
    for _ in range(steps):
        kernels = generator.normal(size=(filters, 10)).astype(np.float32)
        loss = float(np.float32(generator.exponential()))
        history.record(loss, int(generator.integers(2)), kernels)
    return history


def check_against_loop(history: History, curves: Curves) -> None:
    losses, hits = history.loss.tolist(), history.correct.tolist()
    before = 0
    for at, step in enumerate(curves.steps.tolist()):
        # Everything since the point before, or the last hundred steps where that is more.
        first = max(min(before, step - SMOOTHED), 0)
        steps = range(first, step)  # entry t - 1 belongs to step t
        loss = sum(losses[t] for t in steps) / len(steps)
        correct = sum(hits[t] for t in steps) / len(steps)
        assert curves.loss[at] == pytest.approx(loss, rel=1e-9)
        assert curves.correct[at] == pytest.approx(correct, rel=1e-9)
        before = step
    assert (curves.filters == history.filters[curves.steps - 1]).all()
    assert (curves.filter_bias == history.filter_bias[curves.steps - 1]).all()


@given(st.integers(1, 700), st.integers(1, 150), st.sampled_from([1, 3]))
def test_every_point_is_the_mean_that_a_loop_finds(steps: int, points: int, filters: int) -> None:
    history = recorded(steps, filters)
    curves = thinned(history, points)
    assert 1 <= len(curves.steps) <= points
    check_against_loop(history, curves)


@pytest.fixture(scope="module")
def long() -> History:
    return recorded(5_000)


@given(steps=st.integers(1, 5_000), points=st.integers(2, 150))
def test_points_begin_and_end_with_the_run_and_lie_evenly(
    long: History, steps: int, points: int
) -> None:
    shown = thinned(long.until(steps, long.recipe), points).steps
    assert shown[0] == 1
    assert shown[-1] == steps
    assert len(shown) == min(points, steps)
    apart = np.diff(shown)
    assert apart.size == 0 or apart.max() - apart.min() <= 2


def test_a_hand_worked_case() -> None:
    """Losses 4, 2, 6, 8, hits 0, 1, 1, 0: with fewer than a hundred steps a point is the mean
    of all steps up to it."""
    history = History(Recipe())
    for loss, correct in ((4.0, 0), (2.0, 1), (6.0, 1), (8.0, 0)):
        history.record(loss, correct, np.zeros((1, 10), np.float32))
    curves = thinned(history, 10)
    assert curves.steps.tolist() == [1, 2, 3, 4]
    assert curves.loss.tolist() == [4.0, 3.0, 4.0, 5.0]
    assert curves.correct.tolist() == [0.0, 0.5, pytest.approx(2 / 3), 0.5]


def test_a_huge_loss_leaves_the_means_after_it_as_they_are() -> None:
    generator = np.random.default_rng(3)
    losses = generator.exponential(size=1_000)
    losses[[300, 350]] = 3e38, 1e20
    history = History(Recipe())
    for loss in losses.tolist():
        history.record(loss, 0, np.zeros((1, 10), np.float32))
    curves = thinned(history, 60)
    assert history.loss[300] == np.float32(3e38)  # the step itself says what it was
    counted = np.minimum(losses, 1e9)
    for step, mean in zip(curves.steps, curves.loss, strict=True):
        assert mean == pytest.approx(counted[max(step - SMOOTHED, 0) : step].mean(), rel=1e-7)


def test_long_stretches_leave_no_step_out() -> None:
    """Where points are further apart than a hundred steps, each is the mean of all between."""
    history = recorded(1_000)
    curves = thinned(history, 3)
    assert curves.steps.tolist() == [1, 500, 1_000]  # 500.5 rounded to the even neighbour
    assert curves.loss[1] == pytest.approx(np.mean(history.loss[1:500], dtype=np.float64))
    assert curves.loss[2] == pytest.approx(np.mean(history.loss[500:], dtype=np.float64))


@given(st.integers(1, 300), st.integers(0, 300), st.integers(1, 80))
def test_a_part_of_the_steps_has_the_same_means(first: int, more: int, points: int) -> None:
    """Of a part every point is the mean of the hundred steps before it, or since the last point."""
    history = recorded(600)
    last = first + more
    part = thinned(history, points, first, last)
    losses = history.loss.tolist()
    assert part.steps[-1] == last or points == 1
    assert part.steps[0] == first
    before = first - 1
    for at, step in enumerate(part.steps.tolist()):
        span = losses[max(min(before, step - SMOOTHED), 0) : step]
        assert part.loss[at] == pytest.approx(sum(span) / len(span), rel=1e-6)
        before = step
    assert (part.filters == history.filters[part.steps - 1]).all()


def test_the_start_is_step_0_with_its_filters_and_no_loss() -> None:
    history = recorded(3, filters=2)
    start = Recipe(filters=2).initial_parameters()
    curves = from_start(thinned(history, 10), start)
    assert curves.steps.tolist() == [0, 1, 2, 3]
    assert np.isnan(curves.loss).tolist() == [True, False, False, False]
    assert np.isnan(curves.correct).tolist() == [True, False, False, False]
    assert (curves.filters[0] == start.filters).all()
    assert (curves.filters[1:] == history.filters).all()
    assert curves.filter_bias.tolist() == [[0, 0], *history.filter_bias.tolist()]
