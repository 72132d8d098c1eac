"""What the arithmetic behind a number is made of: places, factors, terms, what happens to a sum.

Nothing here knows the network; `cnn.arithmetic.explain` fills these in from a step.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal, localcontext
from enum import Enum
from functools import reduce
from typing import Literal, NamedTuple, TypeVar

Number = TypeVar("Number", float, Decimal)

EXACT = Context(prec=200)
"""Room for every digit of a float32 and of a sum of them, so that adding loses nothing."""

ROUNDINGS = ROUND_HALF_EVEN, ROUND_HALF_UP
"""How Python's format and JavaScript's toFixed write a number that lies exactly in the middle."""

LOGARITHMS = Context(prec=40)
"""More digits than any number is written with, for powers of e and logarithms."""

COARSEST = -40
"""No float32 reaches 10^40: rounded to that, every number is 0."""

FINEST = 60
"""Digits with which any two float32 have been multiplied exactly, as far as they are written."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a number lives.

    Attributes:
        quantity: one of `cnn.arithmetic.EXPLANATIONS`.
        index: flat position in what the quantity has for one image and one filter.
        image: position in the batch, or None where the images share the number.
        filter: counted from 0, or None where the number belongs to no one filter.
    """

    quantity: str
    index: int
    image: int | None = None
    filter: int | None = None


@dataclass(frozen=True, slots=True)
class Factor:
    """One number in a term.

    Attributes:
        symbol: as in the notes, with its position: ``k[0,2]``.
        value: as the step holds it.
        place: where it lives, or None for what lives on no map: η, n, y, 255.
    """

    symbol: str
    value: float
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Term:
    """One summand, or one candidate of a maximum.

    Attributes:
        factors: what it is made of; a minus sign belongs to the first of them.
        value: what it comes to, in float64.
        form: how: "product", all factors multiplied; "power", ``e^(first − second)``;
            "log", ``first · log second``.
    """

    factors: tuple[Factor, ...]
    value: float
    form: Literal["product", "power", "log"] = "product"

    @property
    def symbol(self) -> str:
        """The term in symbols: ``k[0,2]·x[5,9]``."""
        symbols = [factor.symbol for factor in self.factors]
        if self.form == "power":
            return f"e^({symbols[0]} − {symbols[1]})"
        return ("·log " if self.form == "log" else "·").join(symbols)

    def decimals(self, shown: int, least: int = 4, most: int = 12) -> tuple[int, ...] | None:
        """How many decimals to write each factor with, so that the written term follows.

        Multiplied (or raised, or their logarithm taken) as they are written and rounded to
        ``shown`` decimals, the factors give the term, written with ``shown`` decimals. What
        lives on no map, such as η, is written exactly.

        Args:
            shown: decimals that the term is written with.
            least: every other factor has at least so many, and two digits that are not 0,
            most: if that does not take more decimals than these, unless the term needs them.

        Returns:
            The decimals, factor by factor, or None if no digits of the factors give the term:
            the log p of a loss is kept beside p, and has more digits than p.
        """
        values = [factor.value for factor in self.factors]
        if not all(map(math.isfinite, (*values, self.value))):
            return (least,) * len(values)
        goal = rounded(self.value, shown)
        needed = Decimal(self.value).adjusted() + shown if self.form == "product" else 0
        for digits in (2, *range(max(3, needed), FINEST)):
            decimals = [
                _decimals(f, digits, least, most if digits == 2 else None) for f in self.factors
            ]
            written = [rounded(value, n) for value, n in zip(values, decimals, strict=True)]
            made = self._made_of(written)
            if made.is_finite() and rounded(made, shown) == goal:
                return tuple(
                    _without_zeros(number, least) if f.place else n
                    for f, number, n in zip(self.factors, written, decimals, strict=True)
                )
        return None

    def _made_of(self, factors: Sequence[Decimal]) -> Decimal:
        """What the term comes to if these are its factors."""
        if self.form == "power":
            return EXACT.subtract(*factors).exp(LOGARITHMS)
        if self.form == "log":
            return factors[0] and EXACT.multiply(factors[0], factors[1].ln(LOGARITHMS))
        return reduce(EXACT.multiply, factors)


def product(*factors: Factor) -> Term:
    """Multiply, in float64: of two float32 factors the exact product."""
    return Term(factors, math.prod(factor.value for factor in factors))


def by_size(terms: Iterable[Term]) -> tuple[Term, ...]:
    """Return the terms, those that contribute most first; equal ones keep their order."""
    return tuple(sorted(terms, key=lambda term: -abs(term.value)))


@dataclass(frozen=True, slots=True)
class Rest:
    """Terms that are not listed one by one."""

    count: int
    value: float


@dataclass(frozen=True, slots=True)
class Operation:
    """What happens to the sum.

    Attributes:
        kind: "at least", the larger of the sum and the operand (a ReLU, with 0); "gate", the
            sum where the operand is above 0 and otherwise 0 (the gradient of a ReLU);
            "divide", the sum over the operand; "share", the operand over the sum (softmax).
        operand: the other number.
    """

    kind: Literal["at least", "gate", "divide", "share"]
    operand: Factor

    def applied(self, total: Number, operand: Number) -> Number:
        """Apply it to a sum, both numbers of one kind."""
        zero = type(total)(0)
        if self.kind == "at least":
            return max(total, operand)
        if self.kind == "gate":
            return total if operand > zero else zero
        return total / operand if self.kind == "divide" else operand / total


Outcome = Literal["unique", "tie", "dead"]
"""How a pooling window ended; `cnn.arithmetic.OUTCOMES` has each in words."""


@dataclass(frozen=True, slots=True)
class Routing:
    """How a value went up through a pooling window, and how its error comes back.

    Attributes:
        pooled: the pooled cell; its error δ0 lives at the same index.
        window: the four cells of the feature map under it, in row order.
        winner: the recorded one of them, where the error goes back to.
        outcome: one largest value, several of which the first won, or four zeros.
    """

    pooled: Place
    window: tuple[Place, ...]
    winner: Place
    outcome: Outcome


class Blocked(Enum):
    """Why nothing passed, in words."""

    NOT_THE_WINNER = (
        "Another cell of this window was recorded as the winner. This one had no part in the "
        "pooled value, so no error comes back to it."
    )
    DEAD_WINDOW = (
        "All four cells of this window are 0: max(0, ·) holds them there, a small change of z "
        "changes nothing, and so no error passes."
    )
    RELU_OFF = (
        "This unit is off: z1 is not above 0, so max(0, z1) stays 0 when z1 changes a little, "
        "and no error passes."
    )
    NO_ERROR = "No error reached any cell of this map, so there is nothing to add up."
    NOT_TRAINED = "This digit is only looked at: nothing is trained on it, so nothing changes."


class Decimals(NamedTuple):
    """How many decimals to write so that what is written adds up.

    Attributes:
        result: of the stored number.
        terms: of each term, the rest and the bias.
        total: of their sum: those of the result where the sum is the result, so that no digit
            stands there which float32, or the rounding of the terms, made another one; those of
            the terms where it is divided.
    """

    result: int
    terms: int
    total: int


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """Where one number of a step comes from.

    ``result = operation(Σ terms + rest + bias)``, everything in float64 from the numbers that
    the step holds; ``stored`` is what float32 made of the same sum. The two lie within
    ``(2 + √T)·2⁻²³·Σ|term|`` of each other for T terms, divided like the sum: each of the T
    roundings is at most half of 2⁻²³ of a partial sum, none of which exceeds Σ|term|, and
    roundings do not conspire (Higham and Mary 2019, doi 10.1137/18M1226312); in practice it is
    at most some three times 2⁻²³·Σ|term|. A probability or a loss is right to a few 2⁻²³ likewise.

    Attributes:
        place: where the number lives.
        symbol: its name, ``z[12,7]``.
        rule: how it is made, in the notes' symbols.
        stored: the number itself, as the step holds it.
        terms: as the rule writes them, at most ten; where there may be more, the largest first.
        combine: what is done with them: "sum", or "max" for a pooling window.
        rest: the sum of further terms, in what `largest` returns.
        bias: added after the terms.
        operation: what happens to the sum, or None if it is the result.
        routing: of the window that the cell stands in or under, for cells of the maps.
        blocked: why nothing passes here (or why nothing changed), or None.
    """

    place: Place
    symbol: str
    rule: str
    stored: float
    terms: tuple[Term, ...]
    combine: Literal["sum", "max"] = "sum"
    rest: Rest | None = None
    bias: Term | None = None
    operation: Operation | None = None
    routing: Routing | None = None
    blocked: Blocked | None = None

    @property
    def total(self) -> float:
        """The terms, the rest and the bias added up; for a window the largest candidate."""
        return _combined(self.combine, self._summands(), 0.0)

    @property
    def result(self) -> float:
        """What the operation makes of the total."""
        if self.operation is None:
            return self.total
        return self.operation.applied(self.total, self.operation.operand.value)

    def largest(self, count: int) -> "Arithmetic":
        """Return the same with that many terms, the largest, and the others as one number.

        A single other term is listed too, and a window keeps its four candidates.
        """
        terms = by_size(self.terms)
        others = terms[count:]
        if self.combine == "max" or len(others) < 2:
            return self
        rest = Rest(len(others), sum(term.value for term in others))
        return replace(self, terms=terms[:count], rest=rest)

    def decimals(self, wanted: int = 4) -> Decimals:
        """How many decimals to write, so that adding what is written gives what is written.

        Let every term, the rest, the bias and the operand of a "share" be written with
        ``terms`` decimals (Python's ``f"{value:.{n}f}"`` or JavaScript's ``toFixed``). Added
        up and rounded to ``total`` decimals, then put through the operation and rounded to
        ``result`` decimals, they are the stored number, written with ``result`` decimals, to
        its last digit.

        ``result`` is what is wanted, but for the rare number that float32 moved across a
        rounding boundary, which takes one decimal more, and for numbers too large for so many
        decimals of float32, which take fewer; below 0 they count tens and hundreds, as in
        Python's ``round``. ``terms`` is at least two more where several are added, and no more
        than that where one number alone is taken over. What `largest` returns needs its own: it
        has other terms.
        """
        numbers = [*self._summands(), self.result, self.stored]
        if not all(math.isfinite(number) for number in numbers):
            return Decimals(wanted, wanted, wanted)
        more = 2 if self.combine == "sum" and len(self._summands()) > 1 else 0
        is_divided = self.operation is not None and self.operation.kind in ("divide", "share")
        return next(
            found
            for shown in (wanted, wanted + 1, *range(wanted - 1, COARSEST - 1, -1))
            if rounded(self.result, shown) == rounded(self.stored, shown)
            for terms in range(shown + more, shown + 10)
            for found in [Decimals(shown, terms, terms if is_divided else shown)]
            if all(self._adds_up(found, rounding) for rounding in ROUNDINGS)
        )

    def _summands(self) -> list[float]:
        values = [term.value for term in self.terms]
        values += [self.rest.value] if self.rest else []
        return values + ([self.bias.value] if self.bias else [])

    def _adds_up(self, decimals: Decimals, rounding: str) -> bool:
        """Whether the terms as written come to the stored number as written."""
        shown, terms, _ = decimals
        with localcontext(EXACT):
            result = self.written_total(decimals, rounding)
            if self.operation:
                operand = Decimal(self.operation.operand.value)
                if self.operation.kind == "share":  # it is written like the terms
                    operand = rounded(operand, terms, rounding)
                result = self.operation.applied(result, operand)
            return rounded(result, shown, rounding) == rounded(self.stored, shown, rounding)

    def written_total(self, decimals: Decimals, rounding: str = ROUND_HALF_EVEN) -> Decimal:
        """Add up the terms, the rest and the bias as they are written, and round their sum."""
        with localcontext(EXACT):
            written = [rounded(value, decimals.terms, rounding) for value in self._summands()]
            return rounded(_combined(self.combine, written, Decimal(0)), decimals.total, rounding)


def rounded(value: float | Decimal, decimals: int, rounding: str = ROUND_HALF_EVEN) -> Decimal:
    """Round exactly, to that many decimals; below 0 to tens and hundreds.

    ``f"{rounded(value, decimals):f}"`` writes any number with any count of decimals. What
    rounds to 0 has no sign.
    """
    step = Decimal(1).scaleb(-decimals)
    return EXACT.add(Decimal(value).quantize(step, rounding, EXACT), Decimal(0))


def _decimals(factor: Factor, digits: int, least: int, most: int | None) -> int:
    """How many decimals show so many digits of a factor, or all where it lives on no map."""
    if factor.place is None:
        return -min(0, int(Decimal(repr(factor.value)).normalize().as_tuple().exponent))
    if factor.value == 0:
        return least
    decimals = max(least, digits - 1 - Decimal(factor.value).adjusted())
    return decimals if most is None else min(decimals, most)


def _without_zeros(number: Decimal, least: int) -> int:
    """How many decimals of a written number stand before the zeros at its end."""
    return max(least, -min(0, int(number.normalize(EXACT).as_tuple().exponent)))


def check_index(what: str, given: int, count: int) -> None:
    """Refuse a position that does not exist.

    Raises:
        ValueError: one sentence, in which ``what`` names the position.
    """
    if given not in range(count):
        raise ValueError(f"There is no {what}: the first is 0, the last {count - 1}.")


def _combined(combine: Literal["sum", "max"], values: list[Number], zero: Number) -> Number:
    return max(values) if combine == "max" else sum(values, start=zero)
