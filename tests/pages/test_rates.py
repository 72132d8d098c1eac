"""The learning rates that the slider offers."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnn import Recipe
from pages.parts.rates import RATES, nearest, tenth, written


def test_they_rise_from_a_ten_thousandth_to_one_in_even_ratios() -> None:
    assert RATES[0] == 0.0001
    assert RATES[-1] == 1.0
    assert len(RATES) == 4 * 10 + 1
    ratios = [later / earlier for earlier, later in pairwise(RATES)]
    # Ten steps a decade would be 1.26 each; round numbers stray from that.
    assert all(1.15 < ratio < 1.35 for ratio in ratios)


def test_the_default_rate_and_its_tenths_are_among_them() -> None:
    assert {1.0, 0.1, 0.01, 0.001, 0.0001} <= set(RATES)
    assert Recipe().rate_at(1) in RATES


def test_every_rate_is_possible_and_reads_as_the_number_it_is() -> None:
    for rate in RATES:
        assert Recipe(learning_rate=rate).rate_at(1) == rate
        assert float(written(rate)) == rate
        assert "e" not in written(rate)
    assert [written(rate) for rate in (0.0001, 0.00012, 0.01, 0.5, 1.0)] == [
        "0.0001",
        "0.00012",
        "0.01",
        "0.5",
        "1",
    ]
    assert len({written(rate) for rate in RATES}) == len(RATES)


@given(st.floats(1e-9, 1e6))
def test_no_other_rate_is_nearer_in_ratio(rate: float) -> None:
    distance = abs(math.log10(nearest(rate)) - math.log10(rate))
    others = [abs(math.log10(other) - math.log10(rate)) for other in RATES]
    assert distance == pytest.approx(min(others))


@pytest.mark.parametrize(
    ("rate", "expected"),
    [(0.1, 0.1), (0.0137, 0.015), (1e5, 1.0), (1e-7, 0.0001), (0.012 / 10, 0.0012)],
)
def test_nearest_at_some_places(rate: float, expected: float) -> None:
    assert nearest(rate) == expected


@given(st.floats(1e-9, 1e6))
def test_any_rate_reads_as_itself(rate: float) -> None:
    assert float(written(rate)) == rate
    assert "e" not in written(rate)


@pytest.mark.parametrize("rate", [5e-324, 1e-300, 1.5e-10])
def test_what_is_next_to_nothing_is_written_shortly(rate: float) -> None:
    assert float(written(rate)) == rate
    assert len(written(rate)) < 10


def test_a_tenth_is_a_tenth_to_the_last_digit() -> None:
    assert [tenth(rate) for rate in (1.0, 0.012, 0.0123, 0.06, 0.3, 1e5)] == [
        0.1,
        0.0012,
        0.00123,
        0.006,
        0.03,
        1e4,
    ]
    assert all(tenth(rate) in RATES for rate in RATES[10:])
