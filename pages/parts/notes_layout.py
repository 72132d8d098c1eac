"""How the notes page lies: contents, equations, code beside loop, examples, slips."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np
import streamlit as st

from cnn import Step
from cnn.arithmetic import EXPLANATIONS
from cnn.arithmetic_places import HOMES, Cell
from cnn.network import backward, forward, judge, look
from cnn.slips import SLIPS
from pages.parts.notes_live import Live, Moment, Written
from pages.parts.notes_loops import agreement
from pages.parts.notes_sections import BACKWARD, FORWARD, UPDATE, Section, Shown, home, source
from pages.parts.notes_slips import lesson, result
from pages.parts.workbench import STYLE as SHEET_STYLE

STYLE = Path(__file__).parents[2] / "static" / "notes.css"

PARTS = {
    "forward": "1. Forward",
    "backward": "2. Backward",
    "update": "3. Update",
    "loops": "4. The same, as the notes' loops",
    "slips": "5. Where the notes slip",
}
"""The parts of the notes by their anchors."""

SECTIONS = {"forward": FORWARD, "backward": BACKWARD, "update": UPDATE}


def introduction(live: Live) -> None:
    """Say what this page is, and of which step its numbers are."""
    st.html(SHEET_STYLE)
    st.html(STYLE)
    st.markdown(
        "The mathematics of this network, in the order of the notes. Each section has the "
        "equation, what it means, **the code that trains**, taken from the running program, the "
        "same **as the notes' loop**, and an example with the real numbers of one step."
    )
    if live.session.look.step is not None or live.session.look.examined is not None:
        st.button("Follow the newest step", on_click=live.let_go)
    live.add(lambda moment: moment.words)


def contents() -> None:
    """List the parts and their sections, each leading there."""
    parts = []
    for anchor, title in PARTS.items():
        if anchor in SECTIONS:
            entries = [(section.anchor, section.title) for section in SECTIONS[anchor]]
        elif anchor == "slips":
            entries = [(slip_anchor(key), slip.says) for key, slip in SLIPS.items()]
        else:
            entries = []
        items = "".join(f"<li>{_link(*entry)}</li>" for entry in entries)
        parts.append(f"<li>{_link(anchor, title)}{f'<ul>{items}</ul>' if items else ''}</li>")
    st.html(f'<nav class="contents" aria-label="contents"><ul>{"".join(parts)}</ul></nav>')


def part(anchor: str, live: Live) -> None:
    """Draw a part of the mathematics, section by section."""
    st.header(PARTS[anchor], anchor=anchor)
    for section in SECTIONS[anchor]:
        _section(section, live)


def loops(live: Live) -> None:
    """Show that the loops and the code come to the same numbers, and how the code goes together."""
    st.header(PARTS["loops"], anchor="loops")
    st.markdown(
        "The notes write everything as nested loops. They are easy to check against the "
        "equations; the code above does the same some hundred times as fast. The loops compute "
        "with 64-bit numbers and the code with 32-bit ones, which keep about seven digits: from "
        "the seventh digit of the largest number on the two may differ."
    )
    live.add(agreement)
    st.markdown("This is how the code goes together, once in every step:")
    left, right = st.columns(2)
    left.code(listing(forward, look, judge))
    right.code(listing(backward))


def slips(live: Live) -> None:
    """List the places where the notes slip, each with what comes of it in a real step."""
    st.header(PARTS["slips"], anchor="slips")
    st.markdown(
        "Whoever holds the same notes trips over the same places. Each is shown as the notes have "
        "it and as it is meant, and both are run on the step above, in 64-bit numbers. Training "
        "uses the meant form. The bias rule alone can be switched to the notes' form, where the "
        "live page offers a new run, to see what it does to training; the gradient check of the "
        "step page then fails for that one parameter."
    )
    for number, (key, slip) in enumerate(SLIPS.items(), 1):
        st.subheader(f"{number}. {slip.says}", anchor=slip_anchor(key))
        st.html(
            f'<p class="meant"><b>What is meant:</b> {escape(slip.meant)}<br>{escape(slip.why)}</p>'
        )
        left, right = st.columns(2)
        with left:
            st.code(f"# As the notes have it\n{source(slip.as_written)}")
            live.add(result(slip.as_written))
        with right:
            st.code(f"# As it is meant\n{source(slip.as_meant)}")
            live.add(result(slip.as_meant))
        live.add(lesson(key))
        if slip.difference:
            st.code(listing(slip.difference))


def slip_anchor(key: str) -> str:
    """Where a slip stands on the page."""
    return f"slip-{key}"


def _section(section: Section, live: Live) -> None:
    st.subheader(section.title, anchor=section.anchor)
    st.latex(section.equation)
    step = live.moment.step
    meaning = "".join(_meaning(quantity, step) for quantity in section.quantities)
    how = section.how
    if "db" in section.quantities and live.session.run.recipe.bias_rule == "notes":
        how += " This run trains by the notes' rule, so the number it holds is the sum of the dk."
    st.html(f'<div class="meaning">{meaning}<p>{escape(how)}</p></div>')
    left, right = st.columns([3, 2])
    left.code(listing(*section.code))
    with right:
        if section.loops:
            st.code(listing(*section.loops))
        live.add(_examples(section.quantities))
        with st.container(horizontal=True):
            for quantity in section.quantities:
                st.button(
                    f"{HOMES[quantity].symbol} on the step page",
                    key=f"pin_{quantity}",
                    on_click=live.pin,
                    args=(quantity,),
                )


def listing(*functions: Shown) -> str:
    """Return the code of some functions, each after the name of its file."""
    return "\n\n".join(f"# {home(function)}\n{source(function)}" for function in functions)


def _examples(quantities: Sequence[str]) -> Written:
    def written(moment: Moment) -> str:
        sheets = "".join(moment.example(quantity) for quantity in quantities)
        return f'<div class="arithmetic">{sheets}</div>'

    return written


def _meaning(quantity: str, step: Step) -> str:
    """Say what a quantity is and how many numbers it has, in HTML."""
    known = EXPLANATIONS[quantity]
    return (
        f'<p data-quantity="{quantity}"><b><var>{HOMES[quantity].symbol}</var>, '
        f"{escape(known.name)}</b> <span>{shape_of(quantity, step)}</span><br>"
        f"{escape(known.words)}</p>"
    )


def shape_of(quantity: str, step: Step) -> str:
    """Write the shape of a quantity for one image and one filter: ``26×26``, ``one number``."""
    shape = np.shape(Cell(step, quantity, 0, 0, 0, "exact").array(quantity))
    return "×".join(f"{side:,}" for side in shape) or "one number"


def _link(anchor: str, title: str) -> str:
    return f'<a href="#{anchor}" target="_self">{escape(title)}</a>'
