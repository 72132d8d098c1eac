"""The life of a filter: moments, maps and distances against plain loops, and the table."""

import csv
import io
import itertools
import math

import numpy as np
import oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnn import Recipe, Run
from cnn.history import History
from data import Digits
from pages.parts import filter_life
from pages.parts.filter_life import (
    Spacing,
    feature_maps,
    kernels_at,
    moments,
    stride,
    strip_of,
    table,
    travelled,
)


@pytest.fixture(scope="module")
def run(digits: Digits) -> Run:
    """Two filters, batches of three, another rate from step 200 on."""
    recipe = Recipe(seed=3, filters=2, batch=3, learning_rate=((1, 0.05), (200, 0.01)))
    run = Run(recipe, digits.images, digits.labels)
    run.advance(450)
    return run


@given(st.integers(1, 2_000_000), st.integers(2, 40), st.sampled_from(["even", "log"]))
def test_moments_go_from_the_start_to_the_newest(newest: int, count: int, spacing: Spacing) -> None:
    steps = moments(newest, count, spacing).tolist()
    assert steps[0] == 0
    assert steps[-1] == newest
    assert 2 <= len(steps) <= count
    assert steps == sorted(set(steps))


def test_moments_are_spread_as_asked() -> None:
    assert moments(1_000, 5, "even").tolist() == [0, 250, 500, 750, 1_000]
    assert moments(1_000, 5, "log").tolist() == [0, 1, 10, 100, 1_000]
    assert moments(3, 12, "even").tolist() == [0, 1, 2, 3]
    assert moments(1, 12, "log").tolist() == [0, 1]


def test_kernels_are_those_of_the_steps(run: Run) -> None:
    kernels = kernels_at(run, np.array([0, 1, 77, 450]))
    assert kernels.shape == (4, 2, 10)
    for at, parameters in enumerate(
        (run.at(1).before, run.at(1).after, run.at(77).after, run.parameters)
    ):
        assert (kernels[at, :, :9].reshape(2, 3, 3) == parameters.filters).all()
        assert (kernels[at, :, 9] == parameters.filter_bias).all()


def test_a_strip_shows_what_the_loops_make_of_the_digit(run: Run, digits: Digits) -> None:
    image = digits.images[11]
    strip = strip_of(run, 1, np.array([0, 30, 450]), image, "eleven")
    assert strip.title == "Filter 2 of 2"
    x = image / 255
    for at, parameters in enumerate((run.at(1).before, run.at(30).after, run.parameters)):
        k, b = parameters.filters[1].astype(float), float(parameters.filter_bias[1])
        for i, j in itertools.product((0, 5, 12, 25), range(26)):
            z = b + sum(k[u, v] * x[i + u, j + v] for u in range(3) for v in range(3))
            assert strip.maps[at, i, j] == pytest.approx(max(z, 0), abs=1e-5)
    assert strip.largest_weight == np.abs(strip.weights).max()
    assert strip.largest_value == strip.maps.max()


def test_feature_maps_are_the_networks_own(run: Run, digits: Digits) -> None:
    step = run.at(450)
    maps = feature_maps(step.before.kernels, step.images[0])
    np.testing.assert_allclose(maps, step.forward.feature_map[0], atol=1e-6)


def test_distances_are_the_sums_of_a_loop(run: Run) -> None:
    went = travelled(run, 0)
    assert went.steps.tolist() == [100, 200, 300, 400]
    places = [run.at(1).before, *(run.at(step).after for step in (100, 200, 300, 400, 450))]
    ten = [[*p.filters[0].ravel().tolist(), float(p.filter_bias[0])] for p in places]
    expected = [math.dist(a, b) for a, b in itertools.pairwise(ten)]
    assert went.lengths.tolist() == pytest.approx(expected[:-1], rel=1e-9)
    # Up to step 450, so that it is never shorter than the straight line.
    assert went.total == pytest.approx(sum(expected), rel=1e-9)
    assert went.straight == pytest.approx(math.dist(ten[0], ten[-1]), rel=1e-9)
    assert went.stretches == 1


def test_many_stretches_become_means(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = travelled(run, 1)
    monkeypatch.setattr(filter_life, "MOST_POINTS", 2)
    went = travelled(run, 1)
    assert went.stretches == 2
    assert went.steps.tolist() == [200, 400]
    a, b, c, d = whole.lengths.tolist()
    assert went.lengths.tolist() == pytest.approx([(a + b) / 2, (c + d) / 2])
    monkeypatch.setattr(filter_life, "MOST_POINTS", 3)  # the last point has what is left over
    assert travelled(run, 1).lengths.tolist() == pytest.approx([(a + b) / 2, (c + d) / 2])
    monkeypatch.setattr(filter_life, "STRETCH", 90)
    assert len(travelled(run, 1).steps) == 3  # five stretches: 2 + 2 + 1
    assert travelled(run, 1).steps.tolist() == [180, 360, 450]


def test_the_table_is_the_history(run: Run) -> None:
    rows = list(csv.DictReader(io.StringIO(table(run.history).decode())))
    history = run.history
    assert len(rows) == 450
    names = [f"k{u}{v}" for u in range(3) for v in range(3)]
    for t in (0, 1, 198, 199, 449):
        row = rows[t]
        assert int(row["step"]) == t + 1
        assert np.float32(row["loss"]) == history.loss[t]
        assert int(row["correct"]) == history.correct[t]
        assert float(row["learning_rate"]) == (0.05 if t + 1 < 200 else 0.01)
        for f in range(2):
            weights = [np.float32(row[f"filter{f + 1}_{name}"]) for name in names]
            assert (np.array(weights) == history.filters[t, f].ravel()).all()
            assert np.float32(row[f"filter{f + 1}_b"]) == history.filter_bias[t, f]


def test_a_long_runs_table_is_thinned(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filter_life, "MOST_ROWS", 100)  # of one filter; these are two
    assert stride(run.history) == 9
    rows = list(csv.DictReader(io.StringIO(table(run.history).decode())))
    steps = [int(row["step"]) for row in rows]
    assert steps == [1, *range(9, 451, 9)]
    losses = [np.float32(row["loss"]) for row in rows]
    assert losses == [run.history.loss[step - 1] for step in steps]
    assert [int(row["correct"]) for row in rows] == [run.history.correct[s - 1] for s in steps]


def test_no_table_is_huge() -> None:
    """A row of eight filters, at its longest, times the rows of the longest run."""
    history = History(Recipe(filters=8))
    history.record(-1.2345678e-30, 1, np.full((8, 10), -1.2345678e-30, np.float32))
    header, row = table(history).decode().splitlines()
    assert len(row) * filter_life.MOST_ROWS / 8 < 20e6
    assert len(header.split(",")) == len(row.split(",")) == 4 + 80


def test_the_oracles_own_convolution_agrees(digits: Digits) -> None:
    kernel = np.arange(-5, 5, dtype=np.float32)[np.newaxis] / 10
    image = digits.images[40]
    k, b = kernel[0, :9].reshape(3, 3), float(kernel[0, 9])
    expected = oracle.relu_of_map(oracle.convolution(image / 255, k, b))
    np.testing.assert_allclose(feature_maps(kernel, image)[0], expected, atol=1e-6)
