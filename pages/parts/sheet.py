"""The arithmetic behind one number, written out: symbols over numbers, one line a term.

Every number that is added stands in an element of its own, ``data-part`` "term", "rest" or
"bias", written with so many decimals that adding what is written, and rounding, gives what is
written under it, ``data-part`` "total" and "result". The factors of a term are written with so
many that they give the term.
"""

import math
import re
from collections.abc import Sequence
from html import escape

from cnn.arithmetic import (
    EXPLANATIONS,
    OUTCOMES,
    Arithmetic,
    Decimals,
    Factor,
    Operation,
    Place,
    Term,
)
from cnn.arithmetic_places import HOMES
from cnn.network import MAP, PARAMETER_NAMES, POOLED
from pages.parts.numbers import LEAST, MOST, decimals_for, in_decimals, readable

ALL = 10
"""A sum of no more terms is written whole."""

SHOWN = 8
"""Terms of a longer one that are written one by one, the largest; the rest is one line."""

PARAMETER_DECIMALS = 6
"""Decimals of what is learned and of its gradients: the changes of a step are small."""

SIDE = 3
"""Rows and columns of a patch."""


def sheet(arithmetic: Arithmetic, batch: int = 1, filters: int = 1) -> str:
    """Write out where a number comes from.

    Args:
        arithmetic: from `cnn.arithmetic.explain`.
        batch: images of the step; which one a term belongs to is written where there are more.
        filters: of the network, likewise.

    Returns:
        HTML, with everything escaped.
    """
    places = _Places(batch, filters, arithmetic.place)
    whole, arithmetic = arithmetic, short(arithmetic)
    decimals = _decimals(arithmetic)
    parts = [
        f'<section class="sheet" data-quantity="{escape(arithmetic.place.quantity)}"'
        f' data-index="{arithmetic.place.index}"'
        f' aria-label="{escape(f"arithmetic of {arithmetic.symbol}")}">',
        _heading(arithmetic, decimals),
        f'<p class="rule">{equation(arithmetic.rule)}</p>',
    ]
    if arithmetic.place.quantity == "z":
        parts.append(_patch(arithmetic, decimals))
    elif arithmetic.combine == "max":
        parts.append(_window(arithmetic, decimals))
    if not arithmetic.terms:
        parts.append("<p>Nothing to add up.</p>")
    elif arithmetic.combine == "sum" and arithmetic.place.quantity not in PARAMETER_NAMES:
        parts.append(_sum(arithmetic, decimals, places))
    if len(arithmetic.terms) < len(whole.terms):
        count = len(whole.terms)
        parts.append(f'<p class="count">{count:,} terms, the largest first.</p>')
    if arithmetic.blocked:
        parts.append(f'<p class="blocked">{escape(arithmetic.blocked.value)}</p>')
    elif arithmetic.routing and arithmetic.place.quantity in _ROUTED:
        parts.append(f'<p class="routing">{escape(routing_in_words(arithmetic))}</p>')
    return "".join([*parts, "</section>"])


def _decimals(arithmetic: Arithmetic) -> Decimals:
    """As many as the stage shows of the same number, or more where it is small."""
    of_parameter = "n" not in HOMES[arithmetic.place.quantity].axes
    least = PARAMETER_DECIMALS if of_parameter else LEAST
    return arithmetic.decimals(max(least, decimals_for(arithmetic.stored)))


def short(arithmetic: Arithmetic) -> Arithmetic:
    """Return the same with no more terms than are written one by one."""
    return arithmetic if len(arithmetic.terms) <= ALL else arithmetic.largest(SHOWN)


_ROUTED = ("feature_map", "pooled", "delta0", "backfill", "dz")


def routing_in_words(arithmetic: Arithmetic) -> str:
    """Say how a pooling window ended, where its winner stands and what comes back to it."""
    routing = arithmetic.routing
    if routing is None:
        return ""
    winner = cell_name("f", routing.winner.index, MAP[1])
    pooled = cell_name("P", routing.pooled.index, POOLED[1])
    return f"Window of {pooled}: {OUTCOMES[routing.outcome]} Recorded position: {winner}."


def cell_name(symbol: str, index: int, columns: int) -> str:
    """Write a cell of a map: ``f[12,7]``."""
    row, column = divmod(index, columns)
    return f"{symbol}[{row},{column}]"


class _Places:
    """Writes where a factor lives, as far as that is not clear from its symbol."""

    def __init__(self, batch: int, filters: int, own: Place) -> None:
        self.batch, self.filters, self.own = batch, filters, own

    def of(self, factor: Factor) -> str:
        place = factor.place
        if place is None:
            return ""
        said = []
        if place.quantity == "pooled" and not factor.symbol.startswith("P"):
            said.append("= " + cell_name("P", place.index, POOLED[1]))
            if self.filters > 1:
                said.append(f"filter {(place.filter or 0) + 1}")
        # The images share the number that is explained: its terms come from all of them.
        if self.batch > 1 and self.own.image is None and place.image is not None:
            said.append(f"image {place.image + 1}")
        return ", ".join(said)


def _heading(arithmetic: Arithmetic, decimals: Decimals) -> str:
    name = EXPLANATIONS[arithmetic.place.quantity].name
    stored = in_decimals(arithmetic.stored, decimals.result)
    return (
        f"<h4><var>{escape(arithmetic.symbol)}</var> = "
        f'<b data-part="stored">{stored}</b> <small>{escape(name)}</small></h4>'
    )


def _patch(arithmetic: Arithmetic, decimals: Decimals) -> str:
    """Nine products, each on its place in the patch: pixel × weight over their product."""
    largest = max(abs(term.value) for term in arithmetic.terms) or 1.0
    rows = []
    for start in range(0, SIDE * SIDE, SIDE):
        cells = "".join(
            f'<td style="{shade(term.value / largest)}">'
            f'<span class="symbols">{escape(_reversed(term))}</span>'
            f'<span class="numbers">{" × ".join(reversed(_numbers(term, decimals.terms)))}</span>'
            f'<b data-part="term">{in_decimals(term.value, decimals.terms)}</b></td>'
            for term in arithmetic.terms[start : start + SIDE]
        )
        rows.append(f"<tr>{cells}</tr>")
    caption = "<caption>patch × filter, place by place: pixel × weight = product</caption>"
    return f'<table class="patch">{caption}<tbody>{"".join(rows)}</tbody></table>'


def _reversed(term: Term) -> str:
    return " · ".join(factor.symbol for factor in reversed(term.factors))


def _window(arithmetic: Arithmetic, decimals: Decimals) -> str:
    """Four candidates where they stand in the window, the recorded winner marked."""
    routing = arithmetic.routing
    winner = routing.winner.index if routing else None
    largest = arithmetic.stored or 1.0
    rows = []
    for start in (0, 2):
        cells = []
        for term in arithmetic.terms[start : start + 2]:
            place = term.factors[0].place
            won = place is not None and place.index == winner
            cells.append(
                f'<td class="{"won" if won else ""}" style="{shade(term.value / largest)}">'
                f'<span class="symbols">{escape(term.symbol)}{" ← winner" if won else ""}</span>'
                f'<b data-part="term">{in_decimals(term.value, decimals.terms)}</b></td>'
            )
        rows.append(f"<tr>{''.join(cells)}</tr>")
    caption = "<caption>the four candidates of the window</caption>"
    return f'<table class="patch">{caption}<tbody>{"".join(rows)}</tbody></table>'


def _sum(arithmetic: Arithmetic, decimals: Decimals, places: _Places) -> str:
    """The terms below each other, their sum, and what happens to it."""
    lines = []
    if arithmetic.place.quantity != "z":
        lines += [_term(term, decimals.terms, places) for term in arithmetic.terms]
    if arithmetic.rest:
        words = f"{arithmetic.rest.count:,} smaller terms"
        lines.append(_line(words, in_decimals(arithmetic.rest.value, decimals.terms), "rest"))
    if arithmetic.bias:
        words = f"<var>{escape(arithmetic.bias.symbol)}</var>, the bias"
        lines.append(_line(words, in_decimals(arithmetic.bias.value, decimals.terms), "bias"))
    several = len(arithmetic.terms) + bool(arithmetic.rest) + bool(arithmetic.bias) > 1
    operation = arithmetic.operation
    if several:
        lines.append(_line("Σ", total(arithmetic, decimals), "total"))
    if operation:
        lines.append(_operation(operation, decimals))
    if several or operation:
        stored = in_decimals(arithmetic.stored, decimals.result)
        lines.append(_line(f"<var>{escape(arithmetic.symbol)}</var>", stored, "result"))
    note = _about_logarithm(arithmetic, decimals)
    note = f'<p class="count">{note}</p>' if note else ""
    return f'<table class="terms"><tbody>{"".join(lines)}</tbody></table>{note}'


OWN_LOGARITHM = (
    "The network keeps log p beside p, and with more digits than p has: the logarithm of p as it "
    "stands here differs from it in the last ones."
)

NO_LOGARITHM = (
    "This p is too small for a 32-bit number, so it stands here as 0. The network keeps log p "
    "beside p, and that is still a number."
)


def _about_logarithm(arithmetic: Arithmetic, decimals: Decimals) -> str:
    """Say why the logarithm of a probability as it is written is not the one that is added."""
    for term in arithmetic.terms:
        if term.form == "log" and term.decimals(decimals.terms) is None:
            return OWN_LOGARITHM if term.factors[1].value else NO_LOGARITHM
    return ""


def total(arithmetic: Arithmetic, decimals: Decimals) -> str:
    """Write the sum of the terms, the rest and the bias as they are written with so many."""
    if math.isfinite(arithmetic.total):
        return in_decimals(arithmetic.written_total(decimals), decimals.total)
    return in_decimals(arithmetic.total, decimals.total)


def _term(term: Term, decimals: int, places: _Places) -> str:
    value = in_decimals(term.value, decimals)
    if len(term.factors) == 1:
        (factor,) = term.factors
        where = places.of(factor)
        words = f"<var>{escape(factor.symbol)}</var> <small>{escape(where)}</small>"
        return _line(words, value, "term")
    factors = [
        f'<span class="factor"><span><var>{escape(factor.symbol)}</var>'
        + (f" <small>{escape(where)}</small>" if (where := places.of(factor)) else "")
        + f"</span>{number}</span>"
        for factor, number in zip(term.factors, _numbers(term, decimals), strict=True)
    ]
    if term.form == "power":
        words = f"e^({factors[0]} − {factors[1]})"
    else:
        words = ("· log " if term.form == "log" else " × ").join(factors)
    return _line(words, value, "term")


def _operation(operation: Operation, decimals: Decimals) -> str:
    operand = operation.operand
    name = f"<var>{escape(operand.symbol)}</var>"
    if operation.kind == "at least":
        words = "max(0, ·): what is below 0 becomes 0"
    elif operation.kind == "gate":
        passes = operand.value > 0
        words = f"{name} = {readable(operand.value)} " + (
            "is above 0: it passes" if passes else "is not above 0: nothing passes"
        )
    elif operation.kind == "divide":
        words = f"÷ {name}" + ("" if _is_number(operand.symbol) else f" = {operand.value:g}")
    else:
        written = in_decimals(operand.value, decimals.terms)
        words = f'its own <span data-part="operand">{written}</span>, divided by Σ'
    return f'<tr class="operation"><th scope="row" colspan="2">{words}</th></tr>'


def _is_number(symbol: str) -> bool:
    return symbol.isdigit()


def _line(words: str, value: str, part: str) -> str:
    return (
        f'<tr class="{part}"><th scope="row">{words}</th><td data-part="{part}">{value}</td></tr>'
    )


def _numbers(term: Term, decimals: int) -> list[str]:
    """Write the factors of a term so that the term follows, written with so many decimals."""
    return [f'<span class="number">{number}</span>' for number in factors_of(term, decimals)]


def factors_of(term: Term, decimals: int) -> list[str]:
    """Write each factor with so many digits that the term follows from what is written.

    Args:
        term: the term.
        decimals: that it is written with itself.
    """
    needed = term.decimals(decimals, LEAST, MOST)
    if needed is None:  # a logarithm that has more digits than its number
        return [
            in_decimals(factor.value, 0) if factor.place is None else readable(factor.value)
            for factor in term.factors
        ]
    return [in_decimals(factor.value, n) for factor, n in zip(term.factors, needed, strict=True)]


def shade(share: float) -> str:
    """Colour a cell, blue above 0 and orange below, stronger with its size, −1 to 1."""
    colour = "31, 111, 180" if share > 0 else "217, 95, 2"
    return f"background: rgba({colour}, {min(1.0, abs(share)) * 0.45:.2f})"


def explanation(quantity: str) -> str:
    """Write what a quantity is, in plain words, with its equation."""
    known = EXPLANATIONS[quantity]
    return (
        f'<section class="explanation"><h4><var>{escape(HOMES[quantity].symbol)}</var> '
        f"{escape(known.name)}</h4>"
        f'<p class="rule">{equation(known.equation)}</p><p>{escape(known.words)}</p></section>'
    )


def equation(text: str) -> str:
    """Set an equation; what a sum runs over goes below the line."""
    return re.sub(r"_(\w)", r"<sub>\1</sub>", escape(text))


def all_terms(arithmetic: Arithmetic, batch: int, filters: int) -> str:
    """Write every term of a long sum in one compact line."""
    places = _Places(batch, filters, arithmetic.place)
    decimals = _decimals(arithmetic)
    return f'<div class="all">{_rows(arithmetic.terms, decimals.terms, places)}</div>'


def _rows(terms: Sequence[Term], decimals: int, places: _Places) -> str:
    rows = "".join(_term(term, decimals, places) for term in terms)
    return f'<table class="terms"><tbody>{rows}</tbody></table>'
