"""How well parameters do: against the notes' loops, and an image at a time."""

import math

import numpy as np
import oracle
import pytest
from translation import to_oracle

from cnn import Parameters, Recipe, Run, forward
from cnn.evaluation import Judgement, evaluate, is_dead, judge
from cnn.network import CHUNK
from data import Digits


@pytest.fixture(scope="module")
def trained(digits: Digits) -> Parameters:
    """Parameters that are right about most digits and wrong about some."""
    run = Run(Recipe(seed=1, filters=2, learning_rate=0.02), digits.images, digits.labels)
    run.advance(1_000)
    return run.parameters


def parameters_of(values: list[float], *, hidden: int = 1) -> Parameters:
    """A network that gives every image the same ten logits."""
    return Parameters.from_arrays(
        filters=np.ones((1, 3, 3), np.float32),
        filter_bias=np.zeros(1, np.float32),
        hidden_weights=np.zeros((hidden, 169), np.float32),
        hidden_bias=np.zeros(hidden, np.float32),
        output_weights=np.zeros((10, hidden), np.float32),
        output_bias=np.array(values, np.float32),
    )


def one_by_one(
    parameters: Parameters, images: np.ndarray, labels: np.ndarray
) -> tuple[list[float], list[bool]]:
    """Each image's loss and whether it is classified rightly, the logarithms in float64."""
    losses, right = [], []
    for image, label in zip(images, labels, strict=True):
        z2 = forward(parameters, image[np.newaxis]).z2[0].astype(np.float64)
        largest = max(z2)
        losses.append(math.log(sum(math.exp(z - largest) for z in z2)) + largest - z2[label])
        right.append(list(z2).index(largest) == label)
    return losses, right


def test_it_judges_as_the_notes_do(digits: Digits, trained: Parameters) -> None:
    """In float64, where the two may differ by rounding in the last places alone."""
    images, labels = digits.held_out_images[:30], digits.held_out_labels[:30]
    by_the_notes = to_oracle(trained)
    losses, right = [], 0
    for image, label in zip(images, labels, strict=True):
        step = oracle.forward(by_the_notes, image / 255)
        losses.append(oracle.cross_entropy(step.z2, int(label)))
        right += int(max(range(10), key=lambda c: step.p[c]) == label)
    assert 0 < right < 30, "the parameters are too good or too bad for this test"

    judged = evaluate(trained.astype(np.float64), images, labels)

    assert judged.loss == pytest.approx(sum(losses) / 30, rel=1e-12)
    assert judged.accuracy == right / 30
    # In float32 a logit, a chain of sums of 338 products of the size 1, is off by some 5e-6.
    assert evaluate(trained, images, labels).loss == pytest.approx(sum(losses) / 30, abs=5e-5)


@pytest.mark.parametrize("count", [1, 2, 31, 32, 33, 64, 80])
def test_every_image_counts_once_whatever_the_chunks(
    digits: Digits, trained: Parameters, count: int
) -> None:
    assert CHUNK == 32, "choose the counts around the new chunk"
    images, labels = digits.held_out_images[:count], digits.held_out_labels[:count]

    judged = evaluate(trained, images, labels)

    losses, right = one_by_one(trained, images, labels)
    assert judged.loss == pytest.approx(sum(losses) / count, abs=5e-5)
    assert judged.accuracy == pytest.approx(sum(right) / count, abs=1e-12)


@pytest.mark.parametrize("position", [0, 30, 31, 32, 33, 63, 64, 79, 80, 249])
def test_no_image_is_left_out(digits: Digits, trained: Parameters, position: int) -> None:
    """Another label for one image changes the loss by what that image's share says."""
    images, labels = digits.held_out_images[:250], digits.held_out_labels[:250]
    changed = labels.copy()
    changed[position] = (labels[position] + 1) % 10
    before, _ = one_by_one(trained, images[position, np.newaxis], labels[position, np.newaxis])
    after, _ = one_by_one(trained, images[position, np.newaxis], changed[position, np.newaxis])

    difference = evaluate(trained, images, changed).loss - evaluate(trained, images, labels).loss

    assert difference == pytest.approx((after[0] - before[0]) / 250, abs=1e-6)


def test_by_hand(digits: Digits) -> None:
    """Logits ln 2 for class 3 and 0 for the others: p = 2/11 for 3 and 1/11 for another."""
    parameters = parameters_of([0, 0, 0, math.log(2), 0, 0, 0, 0, 0, 0])
    images = digits.images[:5]

    judged = evaluate(parameters, images, np.array([3, 3, 0, 9, 4]))

    assert judged.accuracy == 2 / 5
    assert judged.loss == pytest.approx((2 * math.log(11 / 2) + 3 * math.log(11)) / 5, rel=1e-6)


def test_of_equal_classes_the_first_is_the_guess(digits: Digits) -> None:
    judged = evaluate(parameters_of([0] * 10), digits.images[:3], np.array([0, 1, 9]))

    assert judged.accuracy == 1 / 3
    assert judged.loss == pytest.approx(math.log(10), rel=1e-6)


def test_a_hopeless_certainty_has_a_finite_loss(digits: Digits) -> None:
    """The probability of class 1 rounds to 0; its logarithm is −1000 all the same."""
    judged = evaluate(parameters_of([1000] + [0] * 9), digits.images[:2], np.array([1, 0]))

    assert judged.loss == pytest.approx(1000 / 2, rel=1e-6)
    assert judged.accuracy == 1 / 2


def test_it_writes_to_nothing(digits: Digits, trained: Parameters) -> None:
    images, labels = digits.held_out_images[:120].copy(), digits.held_out_labels[:120].copy()
    copies = images.tobytes(), labels.tobytes(), trained.vector.tobytes()
    evaluate(trained, images, labels)

    assert (images.tobytes(), labels.tobytes(), trained.vector.tobytes()) == copies


# An image at a time


def judgement_of(labels: list[int], said: list[int], losses: list[float]) -> Judgement:
    """A judgement with these outcomes; the probabilities do not matter."""
    return Judgement(
        np.array(labels),
        np.array(said),
        np.array(losses, np.float32),
        np.full((len(labels), 10), 0.1, np.float32),
    )


def test_each_image_is_judged_as_the_notes_do(digits: Digits, trained: Parameters) -> None:
    images, labels = digits.held_out_images[85:115], digits.held_out_labels[85:115]
    by_the_notes = to_oracle(trained)

    judged = judge(trained.astype(np.float64), images, labels)

    for at, (image, label) in enumerate(zip(images, labels, strict=True)):
        step = oracle.forward(by_the_notes, image / 255)
        assert judged.losses[at] == pytest.approx(
            oracle.cross_entropy(step.z2, int(label)), rel=1e-10
        )
        assert judged.said[at] == max(range(10), key=lambda c: step.p[c])
        np.testing.assert_allclose(judged.probabilities[at], step.p, rtol=1e-10)
    assert judged.labels is labels


@pytest.mark.parametrize("count", [1, 31, 32, 33, 80])
def test_judging_and_evaluating_agree_whatever_the_chunks(
    digits: Digits, trained: Parameters, count: int
) -> None:
    images, labels = digits.held_out_images[:count], digits.held_out_labels[:count]

    judged = judge(trained, images, labels)

    losses, right = one_by_one(trained, images, labels)
    np.testing.assert_allclose(judged.losses, losses, atol=5e-5)
    assert (judged.said == labels).tolist() == right
    assert judged.correct == sum(right)
    summary = evaluate(trained, images, labels)
    assert judged.loss == pytest.approx(summary.loss, rel=1e-6)
    assert judged.correct / count == summary.accuracy
    assert not any(
        array.flags.writeable for array in (judged.said, judged.losses, judged.probabilities)
    )


def test_of_equal_classes_the_first_is_said(digits: Digits) -> None:
    judged = judge(
        parameters_of([0, 2, 2, 0, 0, 0, 0, 0, 0, 2]), digits.images[:2], np.array([2, 9])
    )

    assert judged.said.tolist() == [1, 1]


def test_the_confusion_matrix_counts_by_hand() -> None:
    """Rows are what it is, columns what it was taken for."""
    judged = judgement_of([0, 0, 0, 4, 9, 9], [0, 0, 6, 9, 4, 9], [0.1] * 6)

    expected = [[0] * 10 for _ in range(10)]
    expected[0][0], expected[0][6] = 2, 1
    expected[4][9], expected[9][4], expected[9][9] = 1, 1, 1
    assert judged.confusion.tolist() == expected


def test_a_class_without_an_image_has_no_accuracy() -> None:
    judged = judgement_of([0, 0, 0, 4, 9, 9], [0, 0, 6, 9, 4, 9], [0.1] * 6)

    accuracy = judged.accuracy_by_class
    assert accuracy[[0, 4, 9]].tolist() == pytest.approx([2 / 3, 0, 1 / 2])
    assert np.isnan(accuracy[[1, 2, 3, 5, 6, 7, 8]]).all()


def test_the_worst_come_first_and_only_where_they_belong() -> None:
    judged = judgement_of([3, 3, 5, 3, 3], [5, 5, 3, 3, 5], [1.0, 7.0, 2.0, 9.0, 1.0])

    assert judged.mistakes.tolist() == [1, 2, 0, 4]  # equal losses in the order of the images
    assert judged.among(3, 5).tolist() == [1, 0, 4]
    assert judged.among(3, 3).tolist() == [3]
    assert judged.among(5, 5).tolist() == []


# A dead network


def test_a_network_that_knows_something_is_alive(digits: Digits, trained: Parameters) -> None:
    assert not is_dead(trained, digits.held_out_images)


@pytest.mark.parametrize("bias", [0.0, -1.0])
def test_a_network_without_a_hidden_value_is_dead(digits: Digits, bias: float) -> None:
    """At 0 exactly a ReLU passes nothing back either."""
    parameters = parameters_of([0] * 10, hidden=3)
    hidden_bias = np.full(3, bias, np.float32)
    dead = Parameters.from_arrays(
        parameters.filters,
        parameters.filter_bias,
        parameters.hidden_weights,
        hidden_bias,
        parameters.output_weights,
        parameters.output_bias,
    )

    assert is_dead(dead, digits.images[:150])


@pytest.mark.parametrize("position", [0, 99, 100, 149])
def test_one_hidden_value_of_one_image_is_life(position: int) -> None:
    """All images are blank but one, whose ink alone lifts a hidden unit above its bias."""
    images = np.zeros((150, 28, 28), np.uint8)
    assert is_dead(parameters_of([0] * 10), images)
    weights = np.zeros((2, 169), np.float32)
    weights[1, 0] = 1
    parameters = Parameters.from_arrays(
        filters=np.ones((1, 3, 3), np.float32),
        filter_bias=np.zeros(1, np.float32),
        hidden_weights=weights,
        hidden_bias=np.zeros(2, np.float32),
        output_weights=np.zeros((10, 2), np.float32),
        output_bias=np.zeros(10, np.float32),
    )
    assert is_dead(parameters, images)
    images[position, 0, 0] = 1

    assert not is_dead(parameters, images)
