"""Some runs of the visit side by side: what differs, and where they part."""

from html import escape
from itertools import combinations

import numpy as np
import streamlit as st

from cnn.convolution import SIDE
from pages.parts.comparing import differences, parting
from pages.parts.curves import thinned
from pages.parts.experiment_figures import Compared, compared_figures
from pages.parts.held import Held
from pages.parts.keys import Key
from pages.parts.numbers import readable
from pages.parts.pictures import picture
from pages.parts.refusal import plain
from pages.parts.session import Session

POINTS = 400
"""Points of a curve."""

STYLE = """<style>
.abreast { display: flex; flex-wrap: wrap; gap: 1rem 1.5rem; }
.abreast figure { margin: 0; }
.abreast div { display: flex; flex-wrap: wrap; gap: 0.4rem; }
.abreast img { width: 72px; height: 72px; image-rendering: pixelated;
  border: 1px solid color-mix(in srgb, currentColor 25%, transparent); }
.abreast figcaption { font-size: 0.85rem; padding-bottom: 0.25rem; }
</style>"""


def compare(session: Session) -> None:
    """Offer the runs of the visit, and compare the chosen ones."""
    runs = session.runs
    if len(runs) < 2:
        st.caption(
            "There is one run so far. A fork on the step page, a new run on the live page, an "
            "opened file or a point of a sweep below makes another, and then they can be compared."
        )
        return
    before = st.session_state.get(Key.COMPARED, runs)
    offered, session.kept.offered = session.kept.offered, {*runs}
    joined = [number for number in runs if number in before or number not in offered]
    st.session_state[Key.COMPARED] = joined
    chosen = st.multiselect(
        "Compare",
        list(runs),
        format_func=lambda number: runs[number].title if number in runs else "",
        key=Key.COMPARED,
        persist_state="session",
    )
    compared = [runs[number] for number in sorted(chosen)]
    if len(compared) < 2:
        st.caption("Choose at least two.")
        return
    _say_differences(compared)
    common = min(held.run.step for held in compared)
    _curves(compared)
    _filters(session, compared, common)


def _say_differences(runs: list[Held]) -> None:
    found = differences(runs)
    if found:
        st.markdown("**What differs**\n" + "".join(f"\n- {plain(line)}" for line in found))
    else:
        st.markdown("**What differs**: nothing, these runs have the same recipe.")
    said: dict[str, list[str]] = {}  # of how two part: which do
    for one, other in combinations(runs, 2):
        said.setdefault(_parted(one, other), []).append(f"{one.number} and {other.number}")
    lines = (f"\n- runs {', '.join(pairs)} {how}" for how, pairs in said.items())
    st.markdown("**Where they part**\n" + "".join(lines))


def _parted(one: Held, other: Held) -> str:
    """Say how two runs part, after their numbers."""
    found = parting(one.run, other.run)
    why = f": {plain(found.why)}" if found.why else ""
    origin = next(
        (
            f" Run {child.number} was forked off after step {child.origin.step:,}."
            for child, parent in ((one, other), (other, one))
            if child.origin and child.origin.parent == parent.number
        ),
        "",
    )
    if found.step is None:
        return f"agree in every bit up to step {found.agreed:,}, as far as both are.{origin}"
    if found.step == 0:
        return f"differ before the first step{why}.{origin}"
    return f"part at step **{found.step:,}**{why}.{origin}"


def _curves(runs: list[Held]) -> None:
    drawn = []
    for held in runs:
        history = held.run.history
        curves = thinned(history, POINTS)
        drawn.append(
            Compared(
                held.title,
                curves,
                history.held_out_step,
                history.held_out_accuracy,
                held.origin.step if held.origin else None,
            )
        )
    loss, accuracy = compared_figures(drawn)
    left, right = st.columns(2)
    with left:
        st.plotly_chart(loss, key="compared_loss", alt="The smoothed training loss of the runs.")
    with right:
        st.plotly_chart(accuracy, key="compared_accuracy", alt="Their held-out accuracy.")


def _filters(session: Session, runs: list[Held], common: int) -> None:
    st.html(STYLE)
    kept = session.kept

    def choose() -> None:
        kept.compared_step = st.session_state[Key.COMPARED_STEP]

    # The last step that all have, unless another was chosen.
    st.session_state[Key.COMPARED_STEP] = min(kept.compared_step or common, common)
    step = st.slider(
        f"Filters of all after step, 1 to {common:,}, as far as all of them are",
        1,
        max(common, 2),
        key=Key.COMPARED_STEP,
        disabled=common == 1,
        on_change=choose,
    )
    kernels = [held.run.at(step).after.kernels for held in runs]  # each (f, 10)
    largest = max(float(np.abs(of[:, :-1]).max()) for of in kernels) or 1.0
    figures = []
    for held, of in zip(runs, kernels, strict=True):
        images = []
        for at, kernel in enumerate(of):
            *weights, bias = (readable(value) for value in kernel.tolist())
            grid = "; ".join(" ".join(weights[SIDE * u : SIDE * u + SIDE]) for u in range(SIDE))
            words = f"filter {at + 1} of run {held.number} after step {step:,}: {grid}; bias {bias}"
            shares = kernel[:-1].reshape(SIDE, SIDE) / largest
            images.append(f'<img src="{picture(shares)}" alt="{words}" title="{words}">')
        figures.append(
            f"<figure><figcaption>{escape(held.title)}</figcaption>"
            f"<div>{''.join(images)}</div></figure>"
        )
    st.html(f'<div class="abreast">{"".join(figures)}</div>')
    st.caption(
        "Blue is positive, orange negative, and all share one scale, to "
        f"±{readable(largest)}. Point at one for its numbers."
    )
