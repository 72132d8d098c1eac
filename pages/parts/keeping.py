"""Keeping what one has, and getting it back: files of a run, and a link to it."""

import io

import streamlit as st

from cnn import Parameters
from cnn.run_file import (
    RunFileError,
    largest_size,
    members,
    read_run,
    write_members,
)
from experiments import digest_of
from pages.parts.digits import shared_digits
from pages.parts.exports import parameters_npz, parameters_onnx
from pages.parts.keys import Key
from pages.parts.limits import megabytes
from pages.parts.link import link
from pages.parts.refusal import refused
from pages.parts.session import Session
from pages.parts.turns import TURNS

LARGEST_RUN = 200_000_000
"""Bytes of a run's file that is opened: the longest run with one filter takes less."""


def keeping(session: Session, page: str) -> None:
    """Offer to save the run in hand, to open another, and a link to this page of it.

    Args:
        session: of the visitor.
        page: the page's file.
    """
    # Filled when it is opened: otherwise every page would take a quarter longer to stand.
    panel = st.sidebar.expander("Save, open, share", on_change="rerun", key="keeping")
    if panel.open:
        with panel:
            _link(session, page)
            _save(session)
            _open(session)


def _link(session: Session, page: str) -> None:
    step = session.looked_at if page == "pages/step.py" else session.run.step
    address = link(st.context.url or "", session.run.recipe, step)
    st.markdown(f"**A link to step {step:,}** of this run, on this page")
    st.code(address, "text", wrap_lines=True)
    if session.playing:
        st.caption("The run plays on: pause it for a link to its newest step.")
    st.caption("It holds the recipe, not the numbers: whoever opens it trains the run again.")


def _save(session: Session) -> None:
    run, digits = session.run, session.digits
    stem = f"run-{session.held.number}"
    if not session.playing:
        stem += f"-step-{run.step}"

    # A file is made when it is asked for, beside the thread in which the run trains.
    def whole() -> bytes:
        known = digest_of(digits)
        with TURNS.standing():
            kept = members(run, known)
        file = io.BytesIO()
        write_members(kept, file)
        return file.getvalue()

    def parameters() -> Parameters:
        with TURNS.standing():
            return run.parameters

    most, size = megabytes(LARGEST_RUN // 1_000_000), largest_size(run) // 1_000_000
    st.markdown("**Save**")
    st.download_button(
        "The whole run (.npz)",
        whole,
        f"{stem}.npz",
        on_click="ignore",
        disabled=size > most,
        help="Recipe, parameters, checkpoints and history: opened again it has every step."
        if size <= most
        else f"It would take {size:,} MB, and at most {most:,} can be opened again: keep the link, "
        "which trains it anew, or the parameters.",
        width="stretch",
    )
    st.download_button(
        "The parameters (.npz)",
        lambda: parameters_npz(parameters()),
        f"{stem}-parameters.npz",
        on_click="ignore",
        help="Six arrays for NumPy.",
        width="stretch",
    )
    st.download_button(
        "The network (.onnx)",
        lambda: parameters_onnx(parameters()),
        f"{stem}.onnx",
        on_click="ignore",
        help="For ONNX Runtime and others. Input: image (n, 1, 28, 28), 0 paper to 1 ink.",
        width="stretch",
    )


def _open(session: Session) -> None:
    key = f"{Key.RUN_FILE}_{session.numbers}"  # a field of its own for each run: it empties
    file = st.file_uploader(
        "**Open** a saved run",
        "npz",
        key=key,
        max_upload_size=megabytes(LARGEST_RUN // 1_000_000),
    )
    if file is None:
        return
    try:
        if file.size > LARGEST_RUN:
            raise RunFileError(
                f"{file.size / 1e6:,.0f} MB is more than a run that can be saved here takes: "
                "choose a saved run."
            )
        saved = read_run(file)
        digits = session.digits_named(saved.recipe.data) or shared_digits(saved.recipe.data)
        if digits is None:
            raise RunFileError(
                f"This run was trained on digits called “{saved.recipe.data}”, which are not "
                "here: bring them on the data page, then open it again."
            )
        held_out = digits.held_out_images, digits.held_out_labels
        run = saved.run(digits.images, digits.labels, held_out)
    except RunFileError as error:
        refused(error)
        return
    session.open(run, digits)
    st.rerun()
