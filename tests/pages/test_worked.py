"""Slow motion's sums: what is written comes to the step's own numbers."""

import math
import re
from decimal import Decimal

import numpy as np
import pytest
from mounting import begun

from data import Digits
from pages.parts.worked import worked

KINDS = [(1, 1, 30), (3, 4, 30), (8, 32, 300), (1, 1, 15_000), (1, 1, 20_000)]


def added_up(text: str) -> str:
    """Add up ``0.5 × −0.3 − 0.2 × 0.1 + 0.7 from 8 smaller products + 0.01 (b)`` as written."""
    sum_ = text.rpartition("= ")[2].replace("−", "-").replace("- ", "+ -")
    terms = [map(Decimal, re.findall(r"-?\d+\.\d+", term)) for term in sum_.split(" + ")]
    return f"{sum(map(math.prod, terms)):.4f}"


@pytest.mark.parametrize(("filters", "batch", "number"), KINDS)
def test_the_sums_come_to_the_steps_numbers(
    digits: Digits, filters: int, batch: int, number: int
) -> None:
    """To the four decimals that the stage shows of a cell."""
    step = begun(digits, number, filters, batch).run.at(number)
    image = batch - 1
    there, back = step.forward, step.backward

    lines = worked(step, image, "exact")
    found = {(one.spot.panel, one.spot.filter): one for one in lines}

    unit = found["hidden", 0]
    assert there.a1[image, unit.spot.index] == there.a1[image].max()
    assert added_up(unit.text) == f"{there.z1[image, unit.spot.index]:.4f}"
    error = found["delta1", 0]
    assert abs(back.delta1[image, error.spot.index]) == np.abs(back.delta1[image]).max()
    assert added_up(error.text) == f"{back.delta1[image, error.spot.index]:.4f}"
    for filter in range(filters):
        error = found["delta0", filter]
        errors = back.delta0[image, filter].reshape(-1)
        if there.pooled[image, filter].any():
            assert there.pooled[image, filter].reshape(-1)[error.spot.index] > 0
        assert added_up(error.text) == f"{errors[error.spot.index]:.4f}"
    told = {one.spot.index: one.text for one in lines if one.spot.panel == "probabilities"}
    assert set(told) == {int(there.probabilities[image].argmax()), int(step.labels[image])}
    for name, text in told.items():
        own, total = (Decimal(number) for number in re.findall(r"\d+\.\d+", text))
        assert f"{own / total:.4f}" == f"{there.probabilities[image, name]:.4f}"
