"""The Plotly figures: every trace has the numbers that it was given, and changes are marked."""

import numpy as np
import plotly.graph_objects as go
import pytest

from cnn import Recipe
from cnn.history import History
from pages.parts.curves import Curves, thinned
from pages.parts.figures import accuracy_figure, distances_figure, loss_figure, weights_figure
from pages.parts.filter_life import Travelled

CHANGES = ((1, 0.01), (40, 0.1), (90, 0.0025))
JUDGED = np.array([0, 50, 100])


@pytest.fixture
def curves() -> Curves:
    """Two filters over 120 steps of a batch of 4."""
    generator = np.random.default_rng(5)
    history = History(Recipe(filters=2, batch=4))
    for _ in range(120):
        kernels = generator.normal(size=(2, 10)).astype(np.float32)
        history.record(generator.exponential(), int(generator.integers(5)), kernels)
    return thinned(history, 30)


def trace(figure: go.Figure, name: str) -> go.Scatter:
    (found,) = (trace for trace in figure.data if trace.name == name)
    return found


def marks(figure: go.Figure) -> list[tuple[int, str]]:
    """Where there is an upright line, and what stands at it."""
    lines, words = figure.layout.shapes, figure.layout.annotations
    for line, word in zip(lines, words, strict=True):
        assert line.x0 == line.x1 == word.x
    return [(word.x, word.text) for word in words]


def test_the_loss_figure_has_both_losses(curves: Curves) -> None:
    held_out = np.array([2.3, 1.1, 0.7])
    figure = loss_figure(curves, JUDGED, held_out, CHANGES)
    assert len(figure.data) == 2
    training, judged = trace(figure, "training, smoothed"), trace(figure, "held-out digits")
    assert (training.x == curves.steps).all()
    assert (training.y == curves.loss).all()
    assert (judged.x == JUDGED).all()
    assert (judged.y == held_out).all()
    assert "nats" in figure.layout.yaxis.title.text


def test_the_accuracy_figure_has_shares_of_the_batch(curves: Curves) -> None:
    held_out = np.array([0.1, 0.6, 0.9])
    figure = accuracy_figure(curves, 4, JUDGED, held_out, CHANGES)
    training, judged = trace(figure, "training, smoothed"), trace(figure, "held-out digits")
    assert np.allclose(training.y * 4, curves.correct)
    assert 0 <= training.y.min() <= training.y.max() <= 1
    assert (judged.y == held_out).all()
    low, high = figure.layout.yaxis.range
    assert low < 0  # neither a dot at 0 % nor the line at 100 % is cut
    assert high > 1


def test_points_that_can_be_clicked_are_not_seen_and_a_single_one_is() -> None:
    history = History(Recipe())
    for steps in (1, 2):
        history.record(2.0, 1, np.full((1, 10), 0.5, np.float32))
        curves = thinned(history, 30)
        drawn = (
            trace(loss_figure(curves, JUDGED, JUDGED, CHANGES), "training, smoothed"),
            trace(accuracy_figure(curves, 1, JUDGED, JUDGED, CHANGES), "training, smoothed"),
            trace(weights_figure(curves, 0, CHANGES), "bias b"),
        )
        for line in drawn:
            assert line.mode == "lines+markers"  # what has no markers cannot be clicked
            seen = line.line.color if steps == 1 else "rgba(0, 0, 0, 0)"
            assert line.marker.color == seen
        weight = trace(weights_figure(curves, 0, CHANGES), "k[1,2]")
        assert weight.mode == ("lines+markers" if steps == 1 else "lines")


@pytest.mark.parametrize("shown", [0, 1])
def test_the_weights_figure_has_the_shown_filters_ten_numbers(curves: Curves, shown: int) -> None:
    figure = weights_figure(curves, shown, CHANGES)
    assert len(figure.data) == 10
    for u in range(3):
        for v in range(3):
            assert (trace(figure, f"k[{u},{v}]").y == curves.filters[:, shown, u, v]).all()
    assert (trace(figure, "bias b").y == curves.filter_bias[:, shown]).all()
    # No two lines look the same.
    looks = {(line.line.color, line.line.dash) for line in figure.data}
    assert len(looks) == 10


def test_changes_of_the_rate_are_marked_and_the_first_rate_is_none(curves: Curves) -> None:
    held_out = np.array([2.3, 1.1, 0.7])
    for figure in (
        loss_figure(curves, JUDGED, held_out, CHANGES),
        accuracy_figure(curves, 4, JUDGED, held_out, CHANGES),
        weights_figure(curves, 0, CHANGES),
    ):
        assert marks(figure) == [(40, "η 0.1"), (90, "η 0.0025")]
        assert figure.layout.xaxis.title.text == "step"
    assert marks(weights_figure(curves, 0, CHANGES[:1])) == []


def test_the_distances_figure_has_the_distances() -> None:
    went = Travelled(np.array([100, 200]), np.array([0.5, 0.25]), 1, 0.75, 0.6)
    figure = distances_figure(went, CHANGES)
    (line,) = figure.data
    assert (line.x.tolist(), line.y.tolist()) == ([100, 200], [0.5, 0.25])
    assert marks(figure) == [(40, "η 0.1"), (90, "η 0.0025")]


@pytest.mark.parametrize(
    ("steps", "changes", "apart"),
    [
        (1, CHANGES[:1], 1),
        (3, CHANGES[:1], 1),
        (11, CHANGES[:1], 1),
        (12, CHANGES[:1], None),
        (3, CHANGES, None),  # the marks are drawn too, up to step 90
    ],
)
def test_few_steps_are_named_one_by_one(
    steps: int, changes: tuple[tuple[int, float], ...], apart: int | None
) -> None:
    """Plotly's own choice would write halves between them; of many it writes a few."""
    history = History(Recipe())
    for _ in range(steps):
        history.record(2.0, 1, np.full((1, 10), 0.5, np.float32))
    curves = thinned(history, 30)
    for figure in (
        loss_figure(curves, JUDGED, JUDGED, changes),
        accuracy_figure(curves, 1, JUDGED, JUDGED, changes),
        weights_figure(curves, 0, changes),
    ):
        assert figure.layout.xaxis.dtick == apart


def test_a_zoom_outlives_a_redraw(curves: Curves) -> None:
    first, second = (weights_figure(curves, 0, changes) for changes in (CHANGES[:1], CHANGES))
    assert first.layout.uirevision == second.layout.uirevision is not None
