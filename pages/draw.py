"""The draw page: a digit of one's own, and what the network makes of it."""

import streamlit as st

from pages.parts.drawing import canvas, digit_from, easel, no_digit
from pages.parts.lesson import lesson, taught
from pages.parts.page import page
from pages.parts.playing import playing, refresh
from pages.parts.session import session
from pages.parts.sketch_stage import sketch_stage
from pages.parts.verdict import ask_truth, judged, verdict

page("Draw")
held = session()
playing(held)


@st.fragment(run_every=refresh(held))
def one_drawing() -> None:
    """Everything that follows the pen: each stroke draws this again, alone."""
    left, right = easel()
    with left:
        digit = digit_from(held.sketch)
    with right:
        answer = st.container()
        told = ask_truth(held, there=digit is not None)
    if digit is None:
        answer.info(no_digit())
    else:
        step = judged(held, digit, told)
        with answer:
            verdict(held, step, told)
        what_if = taught(step, held.chosen_rate) if told is not None else None
        if told is not None:
            lesson(held, what_if)
        sketch_stage(held, what_if or step, told)
    with left:
        canvas(held.sketch)


one_drawing()
