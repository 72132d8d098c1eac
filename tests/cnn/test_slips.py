"""Both forms of every slip: what comes of them, by independent arithmetic."""

import numpy as np
import oracle
import pytest
from translation import to_oracle

from cnn import Recipe, Run, Step, check_gradients
from cnn.by_difference import Difference, bias_by_difference, scores_by_difference
from cnn.slips import SLIPS, outcome, values
from data import Digits

ROW, COLUMN = 10, 12


@pytest.fixture(scope="module")
def step(digits: Digits) -> Step:
    run = Run(Recipe(seed=0, learning_rate=0.02), digits.images, digits.labels)
    run.advance(200)
    return run.at(200)


@pytest.fixture(scope="module")
def there(step: Step) -> oracle.Forward:
    return oracle.forward(to_oracle(step.before), step.images[0] / 255)


@pytest.fixture(scope="module")
def back(step: Step, there: oracle.Forward) -> oracle.Backward:
    return oracle.backward(to_oracle(step.before), there, int(step.labels[0]))


def run(step: Step, key: str, form: str) -> object:
    return outcome(getattr(SLIPS[key], form), values(step, 0, 0, ROW, COLUMN))


@pytest.mark.parametrize(
    ("key", "kind", "words"),
    [
        ("pooled-side", IndexError, "index 26 is out of bounds"),  # the 14th window
        ("sixteen", ValueError, "(40,16) and (169,)"),
        ("new-map", IndexError, "index 1"),  # row 16 or more
        ("hidden-shape", ValueError, "(10,40) and (10,)"),
        ("output-gradient", ValueError, "(10,40) (10,10)"),
        ("hidden-error", ValueError, "(10,1) and (10,40)"),
        ("filter-sum", IndexError, "index 3 is out of bounds"),  # a fourth weight
    ],
)
def test_what_the_notes_have_does_not_fit(
    step: Step, key: str, kind: type[Exception], words: str
) -> None:
    found = run(step, key, "as_written")
    assert isinstance(found, kind)
    assert words in str(found)


def test_what_is_meant_gives_the_networks_numbers(
    step: Step, there: oracle.Forward, back: oracle.Backward
) -> None:
    rate, W2 = step.learning_rate, step.before.output_weights.astype(np.float64)
    expected = {
        "pooled-side": there.P[0],
        "sixteen": there.z1,
        "new-map": back.backfill[0],
        "hidden-shape": there.z2,
        "output-error": back.delta2,
        "cross-entropy": oracle.cross_entropy(there.z2, int(step.labels[0])),
        "output-gradient": oracle.update_matrix(W2, back.gradients.W2, rate),
        "hidden-error": back.delta1,
        "indexes": back.backfill[0],
        "filter-sum": there.z[0, ROW, COLUMN],
        "bias-rule": back.gradients.b[0],
    }
    assert set(expected) == set(SLIPS)
    for key, value in expected.items():
        found = np.asarray(run(step, key, "as_meant"))
        assert found.shape == np.shape(value), key
        np.testing.assert_allclose(found, value, rtol=1e-9, atol=1e-12, err_msg=key)


def test_the_forms_that_run_through_give_other_numbers(
    step: Step, there: oracle.Forward, back: oracle.Backward
) -> None:
    np.testing.assert_allclose(run(step, "output-error", "as_written"), there.p - 1, atol=1e-12)
    np.testing.assert_allclose(run(step, "cross-entropy", "as_written"), back.delta2, atol=1e-12)
    notes = oracle.backward(
        to_oracle(step.before), there, int(step.labels[0]), "notes"
    ).gradients.b[0]
    assert run(step, "bias-rule", "as_written") == pytest.approx(notes, rel=1e-9)
    assert abs(notes - back.gradients.b[0]) > 1e-3


def test_indexes_stored_at_the_corner_are_read_elsewhere(
    step: Step, there: oracle.Forward, back: oracle.Backward
) -> None:
    """The winner of (a, b) is stored at (2a, 2b); (i, j) reads that of (i/2, j/2), or (0, 0)."""
    expected = np.zeros((26, 26))
    for i in range(13):
        for j in range(13):
            even = i % 2 == 0 and j % 2 == 0
            row, column = there.indexes[0, i // 2, j // 2] if even else (0, 0)
            expected[row, column] = back.delta0[0, i, j]
    found = run(step, "indexes", "as_written")
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-15)


def test_a_finite_difference_decides_about_the_bias(step: Step, back: oracle.Backward) -> None:
    found = bias_by_difference(step, 0, 0)
    whole = check_gradients(step.before, step.images, step.labels)
    assert found.slope == pytest.approx(float(whole.numeric.filter_bias[0]), rel=1e-9)
    places = whole.analytic.replaced(np.arange(whole.kink.size, dtype=np.float64))
    assert found.kink == whole.kink[int(places.filter_bias[0])]
    parameters = to_oracle(step.before)
    for loss, change in ((found.up, 1e-5), (found.down, -1e-5)):
        moved = oracle.Parameters(**(vars(parameters) | {"b": parameters.b + change}))
        seen = oracle.forward(moved, step.images[0] / 255)
        assert loss == pytest.approx(oracle.cross_entropy(seen.z2, int(step.labels[0])), rel=1e-12)
    assert found.error_of(back.gradients.b[0]) < 1e-6
    assert found.error_of(float(back.gradients.k.sum())) > 0.1


def test_it_is_asked_of_one_image_and_one_filter(digits: Digits) -> None:
    run = Run(Recipe(seed=3, filters=3, batch=4), digits.images, digits.labels)
    run.advance(20)
    step = run.at(20)
    found = bias_by_difference(step, 2, 1)
    alone = check_gradients(step.before, step.images[2:3], step.labels[2:3])
    assert found.slope == pytest.approx(float(alone.numeric.filter_bias[1]), rel=1e-9)
    given = values(step, 2, 1, ROW, COLUMN)
    exact, notes = (
        float(outcome(rule, given))
        for rule in (SLIPS["bias-rule"].as_meant, SLIPS["bias-rule"].as_written)
    )
    assert exact == pytest.approx(float(alone.analytic.filter_bias[1]), rel=1e-9)
    assert notes == pytest.approx(float(alone.analytic.filters[1].sum()), rel=1e-9)


def test_relative_error_by_hand() -> None:
    found = Difference(up=1.00003, down=1.00001, kink=False)  # slope 0.00002 / 0.00002 = 1
    assert found.slope == pytest.approx(1.0, rel=1e-9)
    assert found.error_of(2.0) == pytest.approx(0.5)
    assert Difference(1.0, 1.0, False).error_of(1e-5) == pytest.approx(0.1)  # against 1e-4


def test_the_slope_of_the_scores_is_p_minus_y(there: oracle.Forward, step: Step) -> None:
    y = np.eye(10)[int(step.labels[0])]
    np.testing.assert_allclose(scores_by_difference(there.z2, y), there.p - y, atol=1e-8)


def test_every_rule_says_what_it_does() -> None:
    assert len(SLIPS) == 11  # the rows of the list
    for slip in SLIPS.values():
        for text in (slip.says, slip.meant, slip.why, slip.as_written.__doc__):
            assert text
