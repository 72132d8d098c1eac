"""The step page: any step of the run, and where every number of it comes from."""

import streamlit as st

from pages.parts.branches import ancestry, branches
from pages.parts.explanations import explanations
from pages.parts.gradient_panel import gradient_panel
from pages.parts.inspector import inspector
from pages.parts.looking import step_stage
from pages.parts.page import page
from pages.parts.quiz import quiz_panel
from pages.parts.rate_panel import rate_panel
from pages.parts.session import session
from pages.parts.timeline import jumps, scrubber
from pages.parts.whatif_panel import whatif_panel
from pages.parts.workbench import bar, workbench

page("Any step", sidebar="collapsed")
held = session()
held.pause()


@st.fragment
def one_step() -> None:
    """Everything that belongs to the step that is looked at: a jump draws this again, alone."""
    with bar():
        jumps(held)
        branches(held)
        explanations()
    ancestry(held)
    step = scrubber(held)
    image = held.look.image_in(step)
    left, right = workbench()
    with left:
        step_stage(held, step)
    with right:
        inspector(held, step)
    rate_panel(held, step, image)
    whatif_panel(held, step, image, held.look.pinned)
    gradient_panel(held, step, image)
    quiz_panel(held, step, image)


one_step()
