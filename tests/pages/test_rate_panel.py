"""Other rates: the curve against the loops, and the sentence against the curve."""

import re

import numpy as np
import oracle
import pytest
from mounting import begun, figures, mounted, toggled, trace
from opening import drawn, text
from translation import to_oracle

from cnn import Step
from data import Digits
from pages.parts.rate_panel import rate_panel
from pages.parts.session import Session


def loss_by_the_notes(step: Step, rate: float) -> float:
    """The mean loss of the step's images after its own gradient with that rate, by the loops."""
    moved = oracle.update(to_oracle(step.before), to_oracle(step.backward.gradients), rate)
    losses = [
        oracle.cross_entropy(oracle.forward(moved, image / 255).z2, int(label))
        for image, label in zip(step.images, step.labels, strict=True)
    ]
    return sum(losses) / len(losses)


@pytest.mark.parametrize(("filters", "batch"), [(1, 1), (2, 3)])
def test_the_curve_is_the_loops_loss(digits: Digits, filters: int, batch: int) -> None:
    session = begun(digits, 30, filters, batch)
    app = mounted(rate_panel, session, 30, image=batch - 1)
    assert not figures(app)
    assert session.kept.losses is None
    toggled(app, "another rate")

    step = session.run.at(30)
    curve = trace(figures(app)[0], "loss after the step")
    rates = np.asarray(curve["x"])
    assert len(rates) == 60
    np.testing.assert_allclose(rates[[0, -1]], [0.0001, 10])
    np.testing.assert_allclose(np.diff(np.log(rates)), np.log(1e5) / 59)
    for index in (0, 25, 45, 52):
        np.testing.assert_allclose(
            curve["y"][index], loss_by_the_notes(step, rates[index]), rtol=1e-4, atol=1e-5
        )
    before = trace(figures(app)[0], "loss before it")
    assert before["y"] == [step.loss] * 2
    own = trace(figures(app)[0], "this step's rate")
    assert own["x"] == [0.02]
    np.testing.assert_allclose(own["y"], loss_by_the_notes(step, 0.02), rtol=1e-4)


def test_the_sliders_rate_is_marked_where_it_differs(digits: Digits) -> None:
    session = begun(digits, 30)
    app = mounted(rate_panel, session, 30)
    app.session_state[session.slider.key] = 0.5
    toggled(app, "another rate")

    marked = trace(figures(app)[0], "the slider's rate")
    assert marked["x"] == [0.5]
    np.testing.assert_allclose(
        marked["y"], loss_by_the_notes(session.run.at(30), 0.5), rtol=1e-4, atol=1e-5
    )
    assert "the slider's rate, η = 0.5" in text(app)


def test_it_is_computed_again_when_the_step_or_the_rate_changes(digits: Digits) -> None:
    session = begun(digits, 30)
    app = toggled(mounted(rate_panel, session, 30), "another rate")
    kept = session.kept.losses
    drawn(app)
    assert session.kept.losses is kept
    app.session_state["number"] = 29
    drawn(app)
    other = session.kept.losses
    assert other is not kept
    app.session_state[session.slider.key] = 0.1
    drawn(app)
    assert session.kept.losses is not other


def test_where_it_overshoots_is_said_and_shaded(digits: Digits) -> None:
    """The first rate beyond the lowest point from which the loss is above what it was."""
    session = begun(digits, 30, filters=3, batch=4)
    app = toggled(mounted(rate_panel, session, 30), "another rate")

    figure = figures(app)[0]
    curve, before = trace(figure, "loss after the step"), session.run.at(30).loss
    losses, rates = np.asarray(curve["y"]), np.asarray(curve["x"])
    lowest = int(np.nanargmin(losses))
    first = next(n for n in range(lowest, 60) if not losses[n] <= before)
    assert 1 < rates[first] < 10
    (said,) = re.findall(r"From about ([\d.]+) on the step overshoots", text(app))
    assert float(said) == pytest.approx(rates[first], rel=0.05)
    (shaded,) = figure["layout"]["shapes"]
    assert (shaded["x0"], shaded["x1"]) == (rates[first], rates[-1])
    (best,) = re.findall(r"rates tried is about ([\d.]+),", text(app))
    assert float(best) == pytest.approx(rates[lowest], rel=0.2)


def test_a_step_that_no_rate_overshoots_is_not_shaded(digits: Digits) -> None:
    session = begun(digits, 60)
    app = toggled(mounted(rate_panel, session, 57), "another rate")

    curve = trace(figures(app)[0], "loss after the step")
    assert np.all(np.asarray(curve["y"]) < session.run.at(57).loss)
    assert "shapes" not in figures(app)[0]["layout"]
    assert "overshoots**" not in text(app)


def test_of_a_digit_that_is_only_looked_at_no_step_is_told(digits: Digits) -> None:
    session = begun(digits, 30)
    session.look.examine(4_321)  # held out
    app = toggled(mounted(_of_the_step_looked_at, session, 30), "another rate")

    assert "Before the step" not in text(app)
    assert "The loss of this image is" in text(app)
    assert "a step on it would bring it to" in text(app)


def _of_the_step_looked_at(session: Session, _: Step) -> None:
    rate_panel(session, session.step_looked_at)
