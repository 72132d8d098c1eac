"""The inspector: the pinned number's arithmetic, written out beside the stage."""

from dataclasses import replace

import numpy as np
import streamlit as st

from cnn import Step
from cnn.arithmetic import EXPLANATIONS, Arithmetic, Factor, Place, explain
from cnn.arithmetic_places import HOMES
from cnn.network import CLASSES, IMAGE, MAP, POOLED
from pages.parts.keys import Key
from pages.parts.numbers import readable
from pages.parts.pictures import hidden_pictures
from pages.parts.quiz import open_question
from pages.parts.session import Session
from pages.parts.sheet import all_terms, explanation, sheet, short
from pages.parts.spots import FILTER_QUANTITIES, QUANTITIES

ALSO = {
    "feature_map": ("z",),
    "a1": ("z1",),
    "probabilities": ("z2", "loss"),
    "dz": ("backfill",),
    "dk": ("new_filters",),
    "db": ("new_filter_bias",),
    "dW1": ("new_hidden_weights",),
    "db1": ("new_hidden_bias",),
    "dW2": ("new_output_weights",),
    "db2": ("new_output_bias",),
    "filters": ("dk", "new_filters"),
    "filter_bias": ("db", "new_filter_bias"),
    "hidden_weights": ("dW1", "new_hidden_weights"),
    "hidden_bias": ("db1", "new_hidden_bias"),
    "output_weights": ("dW2", "new_output_weights"),
    "output_bias": ("db2", "new_output_bias"),
    "new_filters": ("dk",),
    "new_filter_bias": ("db",),
    "new_hidden_weights": ("dW1",),
    "new_hidden_bias": ("db1",),
    "new_output_weights": ("dW2",),
    "new_output_bias": ("db2",),
}
"""What is written out below a number, at the same position: what it was made of or becomes."""

LOST = "Click a cell of any picture, or move to it with Tab and the arrow keys and press Enter."


COVERED = (
    "The quiz asks for this number, or for one that stands in its arithmetic. "
    "Answer the question first; then it is written out here."
)


def inspector(session: Session, step: Step) -> None:
    """Write out the pinned number of a step, and lead on to those that it is made of."""
    with st.container(key="inspector"):
        _controls(session, step)
        if session.look.asked:
            _explain_panel(session.look.asked)
        if session.look.pinned is None:
            if not session.look.asked:
                st.caption(f"**The arithmetic behind every number.** {LOST}")
            return
        main = _explained(session, step, session.look.pinned)
        everything = _untold(session, step, [main, *_also(session, step, main)])
        if main not in everything:
            st.html(f'<div class="arithmetic"><p class="blocked">{COVERED}</p></div>')
            return
        html = []
        for arithmetic in everything:
            html.append(sheet(arithmetic, *_counts(step)))
            if arithmetic.place.quantity == "z1":
                html.append(_unit(step, arithmetic, session.look.image_in(step)))
            if arithmetic is main:
                html.append(f'<p class="words">{_words(main)}</p>')
        st.html(
            '<div class="arithmetic" role="region" aria-label="the pinned number" '
            f'aria-live="polite">{"".join(html)}</div>'
        )
        _all_terms(everything, step)
        _follow(session, step, everything)


def _explained(session: Session, step: Step, place: Place) -> Arithmetic:
    return explain(
        step,
        place.quantity,
        place.index,
        session.look.image_in(step),
        place.filter or 0,
        session.run.recipe.bias_rule,
    )


def _also(session: Session, step: Step, main: Arithmetic) -> list[Arithmetic]:
    place = main.place
    found = []
    for quantity in ALSO.get(place.quantity, ()):
        if quantity == "loss":
            if place.index != step.labels[session.look.image_in(step)]:
                continue  # only the true class's probability counts
            found.append(_explained(session, step, Place("loss", 0)))
        else:
            found.append(
                _explained(session, step, Place(quantity, place.index, None, place.filter))
            )
    return found


def _untold(session: Session, step: Step, everything: list[Arithmetic]) -> list[Arithmetic]:
    """Return those that do not give the answer to the open question of the quiz away."""
    asked = open_question(session, step)
    if asked is None:
        return everything
    return [
        arithmetic
        for arithmetic in everything
        if not any(asked.hides(place, step) for place in _places(arithmetic))
    ]


def _places(arithmetic: Arithmetic) -> list[Place]:
    """Return the numbers that stand in a sheet: its own and those that it is made of."""
    return [arithmetic.place, *(f.place for f in _factors(arithmetic) if f.place)]


def _counts(step: Step) -> tuple[int, int]:
    return len(step.labels), len(step.before.filters)


def _words(arithmetic: Arithmetic) -> str:
    return EXPLANATIONS[arithmetic.place.quantity].words


def _unit(step: Step, z1: Arithmetic, image: int) -> str:
    """The unit's weights as pictures."""
    weights = step.before.hidden_weights[z1.place.index]
    return hidden_pictures(z1, weights, step.forward.a0[image])


def _explain_panel(panel: str) -> None:
    quantities = [QUANTITIES[panel]] if panel in QUANTITIES else FILTER_QUANTITIES[panel]
    st.html(f'<div class="arithmetic">{"".join(explanation(q) for q in quantities)}</div>')


def _all_terms(everything: list[Arithmetic], step: Step) -> None:
    """Offer every term of the long sums; they are written only when they are asked for."""
    for arithmetic in everything:
        if short(arithmetic) is arithmetic:
            continue
        label = f"All {len(arithmetic.terms):,} terms of {arithmetic.symbol}"
        opened = st.expander(label, on_change="rerun", key=f"all_{arithmetic.place.quantity}")
        if opened.open:
            opened.html(all_terms(arithmetic, *_counts(step)))


def _follow(session: Session, step: Step, everything: list[Arithmetic]) -> None:
    """Offer the numbers that are written out, to be written out in turn."""
    choices: dict[Place, str] = {}
    for arithmetic in everything:
        if arithmetic.place != everything[0].place:
            choices.setdefault(arithmetic.place, _choice(arithmetic.symbol, arithmetic.stored))
        for factor in _factors(short(arithmetic)):
            if factor.place and factor.place != everything[0].place:
                choices.setdefault(factor.place, _choice(factor.symbol, factor.value))
    if everything[0].place.quantity == "pooled":
        # What comes back to the cell, which no term of its own names.
        back = _explained(session, step, replace(everything[0].place, quantity="delta0"))
        choices.setdefault(back.place, _choice(back.symbol, back.stored))

    def go() -> None:
        if place := st.session_state.get(Key.FOLLOWED):
            session.look.follow(place)
        st.session_state[Key.FOLLOWED] = None

    if choices:
        st.selectbox(
            "Follow one of these numbers",
            choices,
            index=None,
            format_func=choices.__getitem__,
            key=Key.FOLLOWED,
            on_change=go,
            placeholder="Where does it come from?",
        )


def _choice(symbol: str, value: float) -> str:
    return f"{symbol} = {readable(value)}"


def _factors(arithmetic: Arithmetic) -> list[Factor]:
    terms = [*arithmetic.terms, *([arithmetic.bias] if arithmetic.bias else [])]
    operand = [arithmetic.operation.operand] if arithmetic.operation else []
    return [factor for term in terms for factor in term.factors] + operand


# ---- Any number ----


def _controls(session: Session, step: Step) -> None:
    with st.container(horizontal=True, key="inspector_controls"):
        chooser = st.popover("Any number …", on_change="rerun", key="any_number")
        if chooser.open:
            with chooser:
                _choose(session, step)
        if session.look.trail:
            st.button(
                "Back",
                on_click=session.look.back,
                help="To the number that you came from.",
            )
        if session.look.pinned or session.look.asked:
            st.button("Let go", on_click=session.look.let_go, shortcut="Escape")


def _choose(session: Session, step: Step) -> None:
    """Reach every number of a step by its name and its position."""
    quantity = st.selectbox(
        "Quantity",
        EXPLANATIONS,
        format_func=lambda name: f"{HOMES[name].symbol}: {EXPLANATIONS[name].name}",
        key=Key.WANTED_QUANTITY,
    )
    axes = axes_of(quantity, len(step.before.filters), len(step.before.hidden_bias))
    filter = 0
    if "f" in HOMES[quantity].axes and len(step.before.filters) > 1:
        filter = _wanted("filter", len(step.before.filters), key="wanted_filter")
    position = []
    for name, count in axes:
        key = f"wanted_{name}_{count}"
        if name == "class":
            names = session.digits.classes
            position.append(
                st.selectbox(name, range(count), format_func=names.__getitem__, key=key)
            )
        else:
            position.append(_wanted(name, count, key))

    if st.button("Show it", type="primary"):
        index = int(np.ravel_multi_index(position, [count for _, count in axes])) if axes else 0
        session.look.pin(Place(quantity, index, filter=filter))
        st.rerun()


def _wanted(name: str, count: int, key: str) -> int:
    """Ask for a position, and return it counted from 0."""
    first = 1 if name == "filter" else 0  # on the page filters are counted from 1
    last = first + count - 1
    return int(st.number_input(f"{name} ({first} to {last})", first, last, key=key)) - first


def axes_of(quantity: str, filters: int, hidden: int) -> list[tuple[str, int]]:
    """Name the axes along which a quantity is counted, for one image and one filter.

    Args:
        quantity: a key of `cnn.arithmetic.EXPLANATIONS`.
        filters: of the network.
        hidden: its hidden units.

    Returns:
        (name, count) of each, in the order of `cnn.arithmetic.Place.index`; axes of one entry
        are left out.
    """
    sides = {"x": IMAGE, "pooled": POOLED, "delta0": POOLED}
    sides |= dict.fromkeys(("z", "feature_map", "backfill", "dz"), MAP)
    base = quantity.removeprefix("new_")
    pooled = [("filter", filters), ("row", POOLED[0]), ("column", POOLED[1])]
    units, classes = [("hidden unit", hidden)], [("class", CLASSES)]
    if quantity in sides:
        axes = list(zip(("row", "column"), sides[quantity], strict=True))
    elif base in ("filters", "dk"):
        axes = [("row", 3), ("column", 3)]
    elif base in ("hidden_weights", "dW1"):
        axes = [*units, *pooled]
    elif base in ("output_weights", "dW2"):
        axes = [*classes, *units]
    elif base in ("z1", "a1", "delta1", "hidden_bias", "db1"):
        axes = units
    elif base in ("z2", "probabilities", "delta2", "output_bias", "db2"):
        axes = classes
    elif quantity == "a0":
        axes = pooled
    else:
        axes = []
    return [(name, count) for name, count in axes if count > 1]
