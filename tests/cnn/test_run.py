"""A run: it trains as the notes say, in the order of its recipe, on the digits that it is given.

What a step must be comes from `plain.Plain`, which is held to the notes' loops here.
"""

from collections.abc import Iterator

import numpy as np
import oracle
import pytest
from agreement import assert_same, assert_within
from plain import Plain, assert_history, assert_step, pair
from translation import to_oracle

from cnn import Recipe, Run
from cnn.network import PARAMETER_NAMES
from data import Digits

# It trains as the notes say


def mean(gradients: list[oracle.Parameters]) -> oracle.Parameters:
    return oracle.Parameters(
        *(sum(getattr(one, n) for one in gradients) / len(gradients) for n in vars(gradients[0]))
    )


def trained_by_the_notes(plain: Plain, steps: int) -> Iterator[oracle.Parameters]:
    """The oracle's own training, in float64, on the images that the plain loop chose."""
    parameters = to_oracle(plain.first)
    for step in plain.steps[:steps]:
        images, labels = plain.images[step.chosen] / 255, plain.labels[step.chosen]
        if len(labels) == 1:
            parameters = oracle.train_step(
                parameters, images[0], int(labels[0]), step.rate, plain.recipe.bias_rule
            )
        else:
            gradients = [
                oracle.backward(
                    parameters, oracle.forward(parameters, x), int(y), plain.recipe.bias_rule
                ).gradients
                for x, y in zip(images, labels, strict=True)
            ]
            parameters = oracle.update(parameters, mean(gradients), step.rate)
        yield parameters


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(seed=1, learning_rate=[(1, 0.05), (4, 0.1)]),
        Recipe(seed=2, batch=3, learning_rate=0.1),
        Recipe(seed=3, filters=2, bias_rule="notes", learning_rate=0.05),
        Recipe(seed=4, filters=2, hidden=7, batch=5, bias_rule="notes", learning_rate=0.1),
    ],
    ids=repr,
)
def test_a_run_trains_as_the_notes_say(digits: Digits, recipe: Recipe) -> None:
    """Eight steps in float32 against the notes' loops in float64, from the same start.

    The two may part by rounding alone. A parameter of size ≤ 2 is rounded to within 1.2e-7 at
    each of the eight steps. Its gradient comes out of a chain of four sums, of at most 338
    products each, that all have the size 1: in float32 such a sum is exact to some √338·6e-8 =
    1e-6 (the errors of the products are as often up as down), the chain to 5e-6, and the rate
    of at most 0.1 leaves 5e-7 a step. Eight steps: 8·(1.2e-7 + 5e-7) = 5e-6. The parameters
    move a hundred times as far, which is also asserted: a rate, a sign, a mean or a bias rule
    that is wrong cannot hide.
    """
    run, plain = pair(recipe, digits, count=13)  # the batches of 3 and 5 do not divide it
    plain.advance(8)

    for expected in trained_by_the_notes(plain, 8):
        assert run.advance(1) == 1
        for name, values in zip(PARAMETER_NAMES, vars(expected).values(), strict=True):
            assert_within(getattr(run.parameters, name), values, 5e-6, f"{name}, step {run.step}")

    for name in PARAMETER_NAMES:
        moved = np.abs(getattr(run.parameters, name) - getattr(plain.first, name)).max()
        assert moved > 100 * 5e-6, name


def test_it_learns(digits: Digits) -> None:
    """One epoch of the bundled digits: most of those never seen are then known."""
    held_out = digits.held_out_images, digits.held_out_labels
    run = Run(Recipe(), digits.images, digits.labels, held_out)
    run.advance(4_000)

    assert run.history.held_out_accuracy[0] < 0.3
    assert run.history.held_out_accuracy[-1] > 0.8
    assert run.history.loss[-500:].mean() < run.history.loss[:500].mean() / 2


# The order of the images


def test_an_epoch_shows_every_image_once_the_last_batch_is_smaller(digits: Digits) -> None:
    run, _ = pair(Recipe(batch=16), digits, count=40)
    run.advance(7)

    assert run.steps_per_epoch == 3
    assert [len(run.at(t).indices) for t in range(1, 8)] == [16, 16, 8, 16, 16, 8, 16]
    assert [run.at(t).epoch for t in range(1, 8)] == [1, 1, 1, 2, 2, 2, 3]
    for first in (1, 4):
        shown = np.concatenate([run.at(t).indices for t in range(first, first + 3)])
        assert sorted(shown) == list(range(40))
        assert_same(shown, Recipe(batch=16).order((first + 2) // 3, 40))
    for t in range(1, 8):
        step = run.at(t)
        assert_same(step.images, digits.images[:40][step.indices])
        assert_same(step.labels, digits.labels[:40][step.indices])


def test_a_batch_larger_than_the_data_is_all_of_it(digits: Digits) -> None:
    run, plain = pair(Recipe(batch=1000), digits, count=6)
    run.advance(3)
    plain.advance(3)

    assert run.steps_per_epoch == 1
    assert_step(run.at(3), 3, plain)
    assert len(run.at(3).indices) == 6


# The end


def test_a_run_ends(digits: Digits, monkeypatch: pytest.MonkeyPatch) -> None:
    # The true end, 2,000,000 steps, is two minutes away for any network.
    monkeypatch.setattr("cnn.run.MAX_STEPS", 50)
    monkeypatch.setattr("cnn.recipe.MAX_STEPS", 50)
    run, plain = pair(Recipe(learning_rate=0.02), digits)
    plain.advance(50)

    assert run.advance(49) == 49
    assert run.stopped is None
    assert run.advance(10) == 1
    assert run.stopped == "The run has reached 50 steps, where every run ends."
    assert run.advance(1) == 0
    assert run.step == 50
    assert_history(run, plain)
    assert_step(run.at(50), 50, plain)
    run.set_learning_rate(0.5)  # a slider may be moved there too: there is no next step to change
    assert run.recipe == Recipe(learning_rate=0.02)
    assert run.fork(20).advance(100) == 30


def test_the_true_end_is_two_million_steps() -> None:
    from cnn import recipe, run

    assert recipe.MAX_STEPS == run.MAX_STEPS == 2_000_000


# What it is given


def test_a_run_never_writes_to_its_digits(digits: Digits) -> None:
    """They are read-only where they come from; here they could be written to."""
    images, labels = digits.images[:30].copy(), digits.labels[:30].copy()
    held_out = digits.held_out_images[:30].copy(), digits.held_out_labels[:30].copy()
    copies = [array.tobytes() for array in (images, labels, *held_out)]
    run = Run(Recipe(batch=64), images, labels, held_out)
    run.advance(120)
    step = run.at(60)
    run.fork(50).advance(10)

    assert [array.tobytes() for array in (images, labels, *held_out)] == copies
    assert images.flags.writeable, "nor does it lock what is not its own"
    assert not np.shares_memory(step.images, images)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int32, np.int64, np.uint64])
def test_any_whole_labels_give_the_same_run(digits: Digits, dtype: type) -> None:
    run, _ = pair(Recipe(batch=3), digits)
    other = Run(Recipe(batch=3), digits.images[:40], digits.labels[:40].astype(dtype))
    run.advance(20)
    other.advance(20)

    assert other.parameters.vector.tobytes() == run.parameters.vector.tobytes()


IMAGES, LABELS = np.zeros((4, 28, 28), np.uint8), np.zeros(4, int)


@pytest.mark.parametrize(
    ("images", "labels", "sentence"),
    [
        (IMAGES.astype(np.float32), LABELS, "not float32 [(]4, 28, 28[)] and 4 labels[.]$"),
        (IMAGES[0], LABELS, "not uint8 [(]28, 28[)] and 4 labels[.]$"),
        (IMAGES.reshape(4, 784), LABELS, "not uint8 [(]4, 784[)] and 4 labels[.]$"),
        (IMAGES[:, :, :27], LABELS, "not uint8 [(]4, 28, 27[)] and 4 labels[.]$"),
        (IMAGES, LABELS[:3], "not uint8 [(]4, 28, 28[)] and 3 labels[.]$"),
        (IMAGES[:0], LABELS[:0], "not uint8 [(]0, 28, 28[)] and 0 labels[.]$"),
        (IMAGES, LABELS - 1, "^The labels of a run are whole numbers from 0 to 9, "),
        (IMAGES, LABELS + 10, "^The labels of a run are whole numbers from 0 to 9, "),
        (IMAGES, LABELS.astype(float), "^The labels of a run are whole numbers from 0 to 9, "),
        (IMAGES, LABELS[:, np.newaxis], "^The labels of a run are whole numbers from 0 to 9, "),
    ],
)
def test_digits_that_do_not_fit_are_refused(
    images: np.ndarray, labels: np.ndarray, sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        Run(Recipe(), images, labels)
    with pytest.raises(ValueError, match=sentence):
        Run(Recipe(), IMAGES, LABELS, held_out=(images, labels))
