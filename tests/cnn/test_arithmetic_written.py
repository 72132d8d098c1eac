"""The arithmetic behind every number as a page writes it: rounded, shortened, and it adds up."""

import math
from dataclasses import replace
from fractions import Fraction

import pytest
from cells import (
    Case,
    assert_adds_up_as_written,
    case_called,
    size_of,
    some_cells,
    summands,
)

from cnn.arithmetic import Arithmetic, Factor, Operation, Place, Term, rounded
from data import Digits


@pytest.mark.parametrize("wanted", [4, 6])
def test_what_is_written_adds_up_to_what_is_written(case: Case, wanted: int) -> None:
    shown = []
    for arithmetic in some_cells(case, count=3):
        assert_adds_up_as_written(case, arithmetic, wanted)
        assert_adds_up_as_written(case, arithmetic.largest(5), wanted)
        shown.append(arithmetic.decimals(wanted).result)
    if case is not case_called("huge"):
        assert shown.count(wanted) > 0.95 * len(shown)


def test_text_adds_up(digits: Digits) -> None:
    """The same once more the way a page does it: with Python's own format, read back."""
    case = case_called("late")
    for quantity in ("z", "z1", "z2", "delta0", "dk", "db", "new_filters", "new_hidden_weights"):
        for index in range(min(size_of(case, quantity), 9)):
            arithmetic = case.explain(quantity, index).largest(10)
            shown, terms = arithmetic.decimals(5)
            texts = [f"{value:.{terms}f}" for value in summands(arithmetic)]
            total = sum(map(Fraction, texts), start=Fraction(0))
            assert round(total, shown) == Fraction(f"{arithmetic.stored:.{shown}f}")


def one_term(term: float, stored: float) -> Arithmetic:
    terms = (Term((Factor("a", term),), term),)
    return Arithmetic(Place("z", 0), "z[0,0]", "z = a", stored, terms)


@pytest.mark.parametrize(
    ("exact", "stored", "expected"),
    [
        (0.1234, 0.1234, (4, 6)),
        (0.12345 - 1e-9, 0.12345 + 1e-9, (5, 7)),  # 0.1234 and 0.1235, but both 0.12345
        (0.1234499999, 0.1234499999, (4, 10)),  # nine decimals: 0.123450000
        (0.5 - 1e-9, 0.5 + 1e-9, (4, 6)),
        (123456.78, 123456.75, (1, 3)),  # a float32 of this size knows no second decimal
        (987654321.0, 987654336.0, (-2, 0)),
        (1e30, 1.0000000150474662e30, (-23, -21)),
        (-1e-9, 0.0, (4, 6)),
        (math.nan, math.nan, (4, 4)),
        (math.inf, math.inf, (4, 4)),
    ],
)
def test_decimals_worked_by_hand(exact: float, stored: float, expected: tuple[int, int]) -> None:
    assert one_term(exact, stored).decimals(4) == expected


def test_a_share_is_taken_of_numbers_as_they_are_written() -> None:
    """0.33334 / 1.33334 is above a quarter; 0.333 / 1.333 and 0.3333 / 1.3333 are below."""
    power = 0.33334
    terms = tuple(Term((Factor("a", value),), value) for value in (1.0, power))
    share = Operation("share", Factor("a", power))
    p = Arithmetic(Place("z", 0), "p", "p", power / (1 + power), terms, operation=share)

    assert p.decimals(1) == (1, 5)


def test_rounded_writes_any_number() -> None:
    assert f"{rounded(0.125, 2):f}" == "0.12"
    assert f"{rounded(-0.00001, 4):f}" == "0.0000"
    assert f"{rounded(1234567.0, -3):f}" == "1235000"
    assert f"{rounded(-2.5, 4):f}" == "-2.5000"


def test_the_largest_terms_and_the_rest(digits: Digits) -> None:
    for quantity, count in (("z1", 8 * 169), ("delta0", 40), ("z2", 40)):
        whole_sum = case_called("8 filters, batch").explain(quantity, 3, image=5, filter=2)
        folded = whole_sum.largest(10)

        assert len(whole_sum.terms) == count
        sizes = sorted((abs(term.value) for term in whole_sum.terms), reverse=True)
        assert [abs(term.value) for term in whole_sum.terms] == sizes
        assert [abs(term.value) for term in folded.terms] == sizes[:10]
        assert folded.rest
        assert folded.rest.count == count - 10
        assert folded.rest.value == pytest.approx(
            math.fsum(term.value for term in whole_sum.terms[10:]), abs=1e-12
        )
        assert folded.result == pytest.approx(whole_sum.result, abs=1e-12)
        assert replace(folded, terms=whole_sum.terms, rest=None) == whole_sum


def test_short_sums_keep_their_terms(digits: Digits) -> None:
    case = case_called("late")
    z = case.explain("z", 300)
    assert len(z.largest(8).terms) == 9  # one other term is not a rest
    assert {term.value for term in z.largest(3).terms} <= {term.value for term in z.terms}
    assert (
        min(abs(term.value) for term in z.largest(3).terms)
        >= sorted((abs(term.value) for term in z.terms), reverse=True)[2]
    )
    assert case.explain("pooled", 80).largest(1) == case.explain("pooled", 80)
