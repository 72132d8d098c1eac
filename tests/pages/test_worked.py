"""Slow motion's sums: what is written comes to the step's own numbers."""

import re

import numpy as np
import pytest
from mounting import begun

from data import Digits
from pages.parts.worked import worked


def added_up(text: str) -> float:
    """Add up ``0.5 × −0.3 − 0.2 × 0.1 + 0.7 from 8 smaller products + 0.01 (b)`` as written."""
    sum_ = text.rpartition("= ")[2].replace("−", "-").replace("- ", "+ -")
    terms = [re.findall(r"-?\d+\.\d+", term) for term in sum_.split(" + ")]
    return float(sum(np.prod([float(factor) for factor in term]) for term in terms))


@pytest.mark.parametrize(("filters", "batch"), [(1, 1), (3, 4)])
def test_the_sums_come_to_the_steps_numbers(digits: Digits, filters: int, batch: int) -> None:
    step = begun(digits, 30, filters, batch).run.at(30)
    image = batch - 1
    there, back = step.forward, step.backward

    lines = worked(step, image, "exact")
    found = {(one.spot.panel, one.spot.filter): one for one in lines}

    unit = found["hidden", 0]
    assert there.a1[image, unit.spot.index] == there.a1[image].max()
    assert added_up(unit.text) == pytest.approx(there.z1[image, unit.spot.index], abs=2e-3)
    error = found["delta1", 0]
    assert abs(back.delta1[image, error.spot.index]) == np.abs(back.delta1[image]).max()
    assert added_up(error.text) == pytest.approx(back.delta1[image, error.spot.index], abs=2e-3)
    for filter in range(filters):
        error = found["delta0", filter]
        errors = back.delta0[image, filter].reshape(-1)
        assert there.pooled[image, filter].reshape(-1)[error.spot.index] > 0
        assert added_up(error.text) == pytest.approx(errors[error.spot.index], abs=2e-3)
    told = {one.spot.index: one.text for one in lines if one.spot.panel == "probabilities"}
    assert set(told) == {int(there.probabilities[image].argmax()), int(step.labels[image])}
    for name, text in told.items():
        own, total = (float(number) for number in re.findall(r"\d+\.\d+", text))
        assert own / total == pytest.approx(there.probabilities[image, name], abs=1e-4)
