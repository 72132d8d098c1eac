"""The curves of a run: loss, hits, filters, and the held-out digits now and then."""

import math

import numpy as np
import pytest
from agreement import Floats, assert_same
from plain import assert_history, pair

from cnn import Parameters, Recipe, Run, forward
from data import Digits


def test_the_curves_of_a_run_that_has_not_begun(digits: Digits) -> None:
    curves = pair(Recipe(filters=2), digits)[0].history

    assert curves.loss.shape == curves.correct.shape == curves.learning_rate.shape == (0,)
    assert curves.filters.shape == (0, 2, 3, 3)
    assert curves.filter_bias.shape == (0, 2)
    assert curves.held_out_step.shape == curves.held_out_loss.shape == (0,)


def test_the_curves_by_hand(digits: Digits) -> None:
    run, _ = pair(Recipe(filters=2, batch=7, learning_rate=[(1, 0.02), (4, 0.05)]), digits)
    run.advance(6)
    run.set_learning_rate(0.1)
    run.set_learning_rate(0.2)
    run.advance(2)

    assert run.history.learning_rate.tolist() == [0.02] * 3 + [0.05] * 3 + [0.2] * 2
    assert run.learning_rate == 0.2
    for t in range(1, 9):
        step = run.at(t)
        assert_same(run.history.filters[t - 1], step.after.filters)
        assert_same(run.history.filter_bias[t - 1], step.after.filter_bias)
        assert run.history.loss[t - 1] == np.float32(step.loss)
        expected = [
            -math.log(p[y]) for p, y in zip(step.forward.probabilities, step.labels, strict=True)
        ]
        # p is a float32, so its logarithm is off by an eps, and so is the mean.
        assert run.history.loss[t - 1] == pytest.approx(sum(expected) / len(expected), rel=1e-5)
        hits = [
            int(p.argmax()) == y
            for p, y in zip(step.forward.probabilities, step.labels, strict=True)
        ]
        assert run.history.correct[t - 1] == sum(hits)
    with pytest.raises(ValueError, match="read-only"):
        run.history.loss[0] = 0


def test_the_curves_of_a_long_run_and_of_its_forks(digits: Digits) -> None:
    """Across the borders of the blocks that they are kept in, at 1,024 and 2,048 steps."""
    run, plain = pair(Recipe(seed=3, hidden=4, batch=3, learning_rate=0.02), digits)
    plain.advance(2_100)
    run.advance(1_000)
    run.advance(1_100)
    assert_history(run, plain)

    for number in (0, 1, 1_023, 1_024, 1_025, 2_047, 2_048, 2_100):
        child, way = run.fork(number), plain.fork(number)
        assert_history(child, way)
        child.set_learning_rate(0.05)
        way.set_learning_rate(0.05)
        child.advance(30)
        way.advance(30)
        assert_history(child, way)
    assert_history(run, plain)


def test_some_entries_of_a_long_run(digits: Digits) -> None:
    """The sums over all steps so far, added up here one after the other."""
    run, plain = pair(Recipe(seed=3, hidden=4, batch=3, learning_rate=0.02), digits)
    run.advance(1_500)
    plain.advance(1_500)
    child = run.fork(1_100)
    child.advance(400)
    chosen = [1, 2, 1_024, 1_025, 1_100, 1_101, 1_500, 7]

    for history in (run.history, child.history):
        entries = history.entries(np.array(chosen))
        for number, entry in zip(chosen, entries, strict=True):
            step = plain.steps[number - 1]
            loss_sum = sum(earlier.loss for earlier in plain.steps[:number])
            assert entry["loss"] == np.float32(step.loss)
            assert entry["loss_sum"] == pytest.approx(loss_sum, rel=1e-12)
            assert entry["correct_sum"] == sum(s.correct for s in plain.steps[:number])
            assert_same(entry["kernels"][:, :9].reshape(1, 3, 3), step.after.filters)
            assert_same(entry["kernels"][:, 9], step.after.filter_bias)


def judged_one_by_one(
    parameters: Parameters, images: np.ndarray, labels: np.ndarray
) -> tuple[float, float]:
    """Mean loss and accuracy, an image at a time, the logarithms in float64."""
    losses, hits = [], 0
    for image, label in zip(images, labels, strict=True):
        z2: Floats = forward(parameters, image[np.newaxis]).z2[0].astype(np.float64)
        losses.append(math.log(sum(math.exp(z - z2.max()) for z in z2)) + z2.max() - z2[label])
        hits += int(z2.argmax() == label)
    return sum(losses) / len(losses), hits / len(labels)


@pytest.mark.parametrize(("batch", "every"), [(1, 1000), (4, 250), (64, 100)])
def test_the_held_out_curve(digits: Digits, batch: int, every: int) -> None:
    """Taken before the first step and every 1,000 images or 100 steps, whichever is longer."""
    held_out = digits.held_out_images[:200], digits.held_out_labels[:200]
    recipe = Recipe(batch=batch, learning_rate=0.02)
    run = Run(recipe, digits.images[:90], digits.labels[:90], held_out)
    alone = Run(recipe, digits.images[:90], digits.labels[:90])
    run.advance(every - 1)
    run.advance(every + 1)
    run.advance(every // 2)
    alone.advance(run.step)

    assert run.history.held_out_step.tolist() == [0, every, 2 * every]
    for entry, step in enumerate(run.history.held_out_step):
        before = run.at(int(step) + 1).before
        loss, accuracy = judged_one_by_one(before, *held_out)
        # Sums of some 170 products whose order differs: √170·6e-8 of values up to ten.
        assert run.history.held_out_loss[entry] == pytest.approx(loss, abs=1e-5)
        assert run.history.held_out_accuracy[entry] == pytest.approx(accuracy, abs=1e-12)
    # Looking has no effect.
    assert run.parameters.vector.tobytes() == alone.parameters.vector.tobytes()
    assert alone.history.held_out_step.size == 0
    # A fork keeps what was judged up to where it leaves, and goes on in the same places.
    child = run.fork(every)
    assert child.history.held_out_step.tolist() == [0, every]
    child.advance(every)
    assert_same(child.history.held_out_loss, run.history.held_out_loss)
    assert_same(child.history.held_out_accuracy, run.history.held_out_accuracy)


def test_a_thousand_held_out_digits_are_enough_for_the_curve(digits: Digits) -> None:
    images = np.concatenate([digits.held_out_images, digits.images[:500]])
    labels = np.concatenate([digits.held_out_labels, digits.labels[:500]])
    run = Run(Recipe(), digits.images, digits.labels, (images, labels))

    loss, accuracy = judged_one_by_one(run.parameters, images[:1000], labels[:1000])
    assert run.history.held_out_loss[0] == pytest.approx(loss, abs=1e-5)
    assert run.history.held_out_accuracy[0] == pytest.approx(accuracy, abs=1e-12)
