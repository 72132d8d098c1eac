"""Predict, then reveal: a question about a step, and what became of it."""

from html import escape

import streamlit as st

from cnn import Step
from cnn.arithmetic import explain
from pages.parts.kept import Answer, QuestionId, StepId
from pages.parts.keys import Key
from pages.parts.questions import Grid, Question, question
from pages.parts.session import Session
from pages.parts.sheet import sheet


def open_question(session: Session, step: Step) -> Question | None:
    """Return the question that waits for its answer: what it hides is shown nowhere."""
    if not st.session_state.get(Key.QUIZ):
        return None
    image = session.look.image_in(step)
    key = _question_id(session, step, image)
    return None if key in session.kept.answers else question(step, image, key.number)


def _question_id(session: Session, step: Step, image: int) -> QuestionId:
    return QuestionId(StepId.of(session.held.number, step), image, session.kept.question)


def quiz_panel(session: Session, step: Step, image: int = 0) -> None:
    """Offer questions about a step, one after the other, and keep the score of the visit.

    Args:
        session: keeps the score.
        step: what the questions are about.
        image: which image of its batch.
    """
    # No fragment of its own: the stage covers what is asked for, so it is drawn with every answer.
    if st.toggle(
        "**Quiz: predict, then reveal**",
        key=Key.QUIZ,
        help="One number of this step is hidden. Work it out, then see how it came about.",
    ):
        _ask(session, step, image)


def _ask(session: Session, step: Step, image: int) -> None:
    """Show the present question, and what became of it."""
    kept, key = session.kept, _question_id(session, step, image)
    asked = question(step, image, key.number)
    right = sum(answer.right for answer in kept.answers.values())
    st.caption(f"Question {key.number} · {right} of {len(kept.answers)} right in this visit")
    st.markdown(asked.text)
    if asked.grids:
        st.html(f'<div style="{_SIDE_BY_SIDE}">{"".join(map(_table, asked.grids))}</div>')
    if key in kept.answers:
        _reveal(session, step, image, asked, kept.answers[key])
    else:
        _take_answer(session, asked, key)


def _take_answer(session: Session, asked: Question, key: QuestionId) -> None:
    """Let the learner type or pick; an answer is remembered and counts once."""
    name = f"{Key.QUIZ_ANSWER}_{key}"

    def take() -> None:
        given = st.session_state.get(name)
        if given is not None:
            session.kept.answers[key] = Answer(asked.write(given), asked.is_right(given))

    with st.form(f"{Key.QUIZ_ANSWER}_form", border=False):
        if asked.choices:
            st.radio("Your answer", asked.choices, index=None, horizontal=True, key=name)
        else:
            with st.container(width=260):
                step = 10.0**-asked.decimals
                st.number_input(
                    "Your answer", value=None, step=step, format=f"%.{asked.decimals}f", key=name
                )
        pressed = st.form_submit_button("Check", on_click=take)
    if pressed:
        st.caption("Type or pick an answer first; a guess is welcome.")
    elif asked.covers:
        st.caption("On the stage and in its arithmetic, what would tell is covered until then.")


def _reveal(session: Session, step: Step, image: int, asked: Question, answer: Answer) -> None:
    """Say whether the answer was right, and write out where the number comes from."""
    said = f"you said {answer.given}, it is {asked.write(asked.answer)}."
    if answer.right:
        st.success(f"Right: {said}")
    else:
        st.error(f"Not quite: {said}")
    # Behind a cell of the feature map stand the nine products, which are those of z.
    quantities = {"feature_map": ("z", "feature_map")}.get(
        asked.place.quantity, (asked.place.quantity,)
    )
    sheets = [
        sheet(
            explain(
                step,
                quantity,
                asked.place.index,
                image,
                asked.place.filter or 0,
                session.run.recipe.bias_rule,
            ),
            len(step.labels),
            len(step.before.filters),
        )
        for quantity in quantities
    ]
    st.html(f'<div class="arithmetic">{"".join(sheets)}</div>')

    def go_on() -> None:
        session.kept.question += 1

    st.button("Next question", on_click=go_on, type="primary")


_SIDE_BY_SIDE = "display: flex; flex-wrap: wrap; gap: 0.5rem 2rem; margin: 0.25rem 0"
_CELL = (
    "padding: 0.3rem 0.6rem; text-align: right; font-variant-numeric: tabular-nums; "
    "border: 1px solid color-mix(in srgb, currentColor 25%, transparent)"
)


def _table(grid: Grid) -> str:
    rows = "".join(
        "<tr>" + "".join(f'<td style="{_CELL}">{escape(cell)}</td>' for cell in row) + "</tr>"
        for row in grid.rows
    )
    return (
        '<table style="border-collapse: collapse">'
        f'<caption style="text-align: left; font-size: 0.85em">{escape(grid.title)}</caption>'
        f"<tbody>{rows}</tbody></table>"
    )
