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
            shown, terms, _ = arithmetic.decimals(5)
            texts = [f"{value:.{terms}f}" for value in summands(arithmetic)]
            total = sum(map(Fraction, texts), start=Fraction(0))
            assert round(total, shown) == Fraction(f"{arithmetic.stored:.{shown}f}")


def test_no_digit_of_a_sum_is_another_one_elsewhere(digits: Digits) -> None:
    """z1 is added up, and taken over by a1: one number, whichever of the two one reads.

    With two digits more the sum of what is written would often end otherwise, for float32 adds
    with seven digits and the written terms are rounded.
    """
    apart = 0
    for name in ("late", "8 filters, batch"):
        case = case_called(name)
        for unit in range(40):
            made, taken = case.explain("z1", unit).largest(8), case.explain("a1", unit)
            sum_, copy = made.decimals(4), taken.decimals(4)
            texts = {
                f"{rounded(made.stored, sum_.result):f}",
                f"{made.written_total(sum_):f}",
                f"{rounded(taken.terms[0].value, copy.terms):f}",
            }
            if sum_.result == copy.result:
                assert len(texts) == 1, (name, unit)
            apart += made.written_total(sum_._replace(total=6)) != rounded(made.stored, 6)
    assert apart > 20


def a_place() -> Place:
    return Place("z", 0)


@pytest.mark.parametrize(
    ("factors", "form", "shown", "expected"),
    [
        # −0.01 × −0.0012 would be 0.000012
        ((-0.01, -0.001183844), "product", 8, (2, 6)),
        ((-0.01, -0.001183844), "product", 6, (2, 4)),
        # −1.0174 × 3.5832 = −3.64554768, −1.017 × 3.583 = −3.643911
        ((-1.01742, 3.58325), "product", 4, (5, 5)),
        ((0.0, 0.1234567), "product", 6, (4, 4)),
        ((0.5, 0.25), "product", 6, (4, 4)),
        ((1.0, 0.1931414), "product", 6, (4, 6)),  # 1.000000 says no more than 1.0000
        ((1e-11, 0.5), "product", 6, (11, 4)),
        ((1e-15, 0.5), "product", 6, (4, 4)),
        ((1e-15, 0.5), "product", 16, (15, 4)),
        ((2.00004, 1.00001), "power", 4, (5, 5)),  # e^1.0000 = 2.7183, e^1.00003 = 2.7184
        ((-1.0, 0.12346), "log", 4, (0, 5)),  # −log 0.1235 = 2.0915, −log 0.12346 = 2.0918
        ((0.0, 0.0), "log", 4, (0, 4)),
        ((math.nan, 1.0), "product", 4, (4, 4)),
    ],
)
def test_factors_have_the_digits_that_their_term_needs(
    factors: tuple[float, float], form: str, shown: int, expected: tuple[int, int]
) -> None:
    first, second = factors
    value = {
        "product": lambda: first * second,
        "power": lambda: math.exp(first - second),
        "log": lambda: first and first * math.log(second),
    }[form]()
    on_no_map = form == "log" or first == -0.01
    placed = Factor("a", first, None if on_no_map else a_place()), Factor("b", second, a_place())
    assert Term(placed, value, form).decimals(shown) == expected


def test_a_logarithm_with_more_digits_than_its_number() -> None:
    """A probability that float32 rounds to 1, or to 0, has a log that is neither."""
    for p, log_p in ((1.0, -4.7e-8), (0.0, -120.0)):
        term = Term((Factor("−y[3]", -1.0), Factor("p[3]", p, a_place())), -log_p, "log")
        assert term.decimals(9) is None


def one_term(term: float, stored: float, *more: float) -> Arithmetic:
    terms = tuple(Term((Factor("a", value),), value) for value in (term, *more))
    return Arithmetic(Place("z", 0), "z[0,0]", "z = a", stored, terms)


@pytest.mark.parametrize(
    ("exact", "stored", "expected"),
    [
        (0.1234, 0.1234, (4, 6, 4)),
        (0.12345 - 1e-9, 0.12345 + 1e-9, (5, 7, 5)),  # 0.1234 and 0.1235, but both 0.12345
        (0.1234499999, 0.1234499999, (4, 10, 4)),  # nine decimals: 0.123450000
        (0.5 - 1e-9, 0.5 + 1e-9, (4, 6, 4)),
        (123456.78, 123456.75, (1, 3, 1)),  # a float32 of this size knows no second decimal
        (987654321.0, 987654336.0, (-2, 0, -2)),
        (1e30, 1.0000000150474662e30, (-23, -21, -23)),
        (-1e-9, 0.0, (4, 6, 4)),
        (math.nan, math.nan, (4, 4, 4)),
        (math.inf, math.inf, (4, 4, 4)),
    ],
)
def test_decimals_worked_by_hand(
    exact: float, stored: float, expected: tuple[int, int, int]
) -> None:
    assert one_term(exact, stored, 0.0).decimals(4) == expected
    # What is alone needs no digit more than what it becomes.
    result, _, total = expected
    assert one_term(exact, stored).decimals(4) == (result, result, total)


def test_a_sum_that_is_divided_has_the_digits_of_its_terms() -> None:
    mean = Operation("divide", Factor("n", 32.0))
    assert replace(one_term(0.05, 0.003125, 0.05), operation=mean).decimals(4) == (4, 6, 6)


def test_a_share_is_taken_of_numbers_as_they_are_written() -> None:
    """0.33334 / 1.33334 is above a quarter; 0.333 / 1.333 and 0.3333 / 1.3333 are below."""
    power = 0.33334
    terms = tuple(Term((Factor("a", value),), value) for value in (1.0, power))
    share = Operation("share", Factor("a", power))
    p = Arithmetic(Place("z", 0), "p", "p", power / (1 + power), terms, operation=share)

    assert p.decimals(1) == (1, 5, 5)


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
