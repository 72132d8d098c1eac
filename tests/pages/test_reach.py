"""How far the stage's colours reach, beside the largest of the numbers that a frame carries."""

from dataclasses import replace

import numpy as np
import pytest
from test_frame import read, trained

from cnn import Recipe, Run, forward
from data import Digits
from pages.parts.frame import Scene, pack
from pages.parts.held import Held
from pages.parts.reach import reach_of
from pages.parts.scenes import live_frame
from pages.parts.session import Session

GROUPS = {
    "maps": ["z", "feature_map", "pooled"],
    "weights": ["filters_before", "filters_after", "filter_bias_before", "filter_bias_after"],
    "gradients": ["filters_gradient", "filter_bias_gradient"],
    "changes": ["filters_change", "filter_bias_change"],
    "errors": ["delta0", "backfill", "dz"],
}
"""All that is drawn with a range of its own, filter by filter."""


def largest(values: np.ndarray) -> float:
    """The largest size, one value after the other."""
    return max((abs(float(value)) for value in values.ravel() if np.isfinite(value)), default=0.0)


@pytest.mark.parametrize(("filters", "image"), [(1, 0), (3, 4)])
def test_a_group_reaches_as_far_as_the_largest_of_its_numbers(filters: int, image: int) -> None:
    step = trained(filters, batch=5)
    _, arrays = read(pack(step, Scene("run", batch_index=image)))

    reach = reach_of(step, image)
    for group, names in GROUPS.items():
        expected = [max(largest(arrays[name][f]) for name in names) for f in range(filters)]
        assert reach[group] == pytest.approx(expected, rel=1e-7), group
    assert reach["hidden"] == pytest.approx([largest(arrays["a1"])], rel=1e-7)
    assert reach["delta1"] == pytest.approx([largest(arrays["delta1"])], rel=1e-7)


def test_what_is_not_finite_is_left_out() -> None:
    step = trained()
    vector = step.before.vector.copy()
    vector[:10] = 0
    spoilt = step.before.replaced(vector)
    spoilt.filters[0, 1, 1], spoilt.filter_bias[0] = 3e38, 1e38  # bright pixels go beyond float32
    with np.errstate(over="ignore", invalid="ignore"):
        values = forward(spoilt, step.images)
    z = values.z
    assert np.isinf(z).any()
    assert np.isfinite(z).any()

    reach = reach_of(replace(step, forward=values))
    assert reach["maps"] == pytest.approx([largest(z)], rel=1e-7)


def test_the_fixed_ranges_start_from_the_first_step_whichever_is_shown(digits: Digits) -> None:
    """So that a link to a late step has the colours of the page it was copied from."""
    run = Run(Recipe(seed=2), digits.images, digits.labels)
    run.advance(40)
    session = Session(Held(run, digits, 1))
    session.open(run.fork(30), digits)
    first, _ = read(pack(run.at(1), Scene("run")))

    for held in (session.held, *session.others.values()):
        session.held = held
        meta, _ = read(live_frame(session, held.run.at(held.run.step)))
        assert meta["first_reach"] == first["reach"]
        assert meta["first_reach"] != meta["reach"]
