"""Other digits than those in use: the bundled ones, all of MNIST, or one's own."""

from dataclasses import replace
from html import escape

import numpy as np
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from data import (
    DataError,
    Digits,
    Uploaded,
    fetch_mnist,
    is_own,
    load_idx,
    load_zip,
    mnist_is_cached,
    named_by_content,
)
from pages.parts.digits import digits_called
from pages.parts.digits_in_use import counts_of, names_field, source_of
from pages.parts.keys import Key
from pages.parts.limits import MOST_MEGABYTES, MOST_UPLOADED, megabytes, paths_allowed
from pages.parts.refusal import refused
from pages.parts.session import Session
from pages.parts.task import Task, show
from pages.parts.thumbnails import thumbnail

BUNDLED, MNIST, ZIP, IDX, FOLDER = "bundled", "mnist", "zip", "idx", "folder"

CHOICES = {
    BUNDLED: "5,000 digits of MNIST, bundled",
    MNIST: "All 70,000 of MNIST, 12 MB to fetch once",
    ZIP: "My own: a ZIP of pictures",
    IDX: "My own: four IDX files",
    FOLDER: "My own: a folder with IDX files",
}


def other_digits(session: Session) -> None:
    """Offer to start a new run on other digits."""
    st.subheader("Use other digits")
    st.caption(
        "Other digits **need a new run**, from step 1. It takes the filters, the batch, the seed "
        "and the learning rate of the run in hand, which goes on until then."
    )
    earlier = _earlier(session)
    choices = {key: text for key, text in CHOICES.items() if key != FOLDER or paths_allowed()}
    choices |= {name: f"{source_of(digits)}, again" for name, digits in earlier.items()}
    choice = st.radio(
        "Which digits", choices, format_func=choices.__getitem__, key=Key.DATA, index=0
    )
    if choice == BUNDLED:
        _start_button(session, digits_called(BUNDLED))
    elif choice == MNIST:
        _all_of_mnist(session)
    elif choice in earlier:
        _start_button(session, earlier[choice])
    else:
        {ZIP: _zip, IDX: _idx, FOLDER: _folder}[choice](session)
        _what_was_brought(session)


def _earlier(session: Session) -> dict[str, Digits]:
    """Digits of one's own that earlier runs of this visit were started on, by name."""
    return {
        held.digits.name: held.digits
        for held in session.others.values()
        if is_own(held.digits.name) and held.digits.name != session.digits.name
    }


def _all_of_mnist(session: Session) -> None:
    """Offer all of MNIST; what is not on the server's disk is fetched first."""
    fetching = session.brought.fetching
    if fetching and fetching.running:
        show(
            fetching,
            lambda done, total: (
                f"Fetched {done / 1e6:.1f} of {total / 1e6:.1f} MB. Leaving this page stops it."
            ),
        )
    elif mnist_is_cached():
        try:
            _start_button(session, digits_called(MNIST))
        except DataError as error:
            refused(error)
    else:
        if fetching and fetching.error:
            refused(fetching.error)
        elif fetching:
            st.info("Stopped. The files that have come whole are kept.")
        st.button("Fetch all 70,000 digits", on_click=_fetch, args=(session,))


def _fetch(session: Session) -> None:
    running = session.brought.fetching
    if not (running and running.running):  # a button may be pressed twice
        session.brought.fetching = Task(fetch_mnist)


def _zip(session: Session) -> None:
    file = st.file_uploader(
        "A ZIP with ten folders of pictures, called 0 to 9",
        type="zip",
        key=f"zip_{session.brought.times}",
        max_upload_size=megabytes(MOST_MEGABYTES),
        help="PNG, JPEG, WebP or GIF, a digit in each; at least two in each folder. A fifth of "
        "each class is held out. Nothing of it is kept once you have left.",
    )
    if file:
        session.brought.begin(
            (ZIP, file.file_id), lambda progress: load_zip(_uploaded(file), progress)
        )
    else:
        session.brought.forget()


def _idx(session: Session) -> None:
    files = st.file_uploader(
        "The four files of MNIST's names, gzipped or not",
        accept_multiple_files=True,
        key=f"idx_{session.brought.times}",
        max_upload_size=megabytes(MOST_MEGABYTES),
        help="train-images-idx3-ubyte, train-labels-idx1-ubyte and the same two with t10k: "
        "MNIST, Fashion-MNIST, Kuzushiji-MNIST or any other 28×28 set with ten classes. "
        f"At most {MOST_UPLOADED:,} of each. Nothing of it is kept once you have left.",
    )
    if files:
        session.brought.read(
            (IDX, *(file.file_id for file in files)),
            lambda: load_idx([_uploaded(file) for file in files], MOST_UPLOADED),
        )
    else:
        session.brought.forget()


def _folder(session: Session) -> None:
    with st.form("folder", border=False):
        folder = st.text_input(
            "The path of a folder on the machine that runs this app",
            key=Key.FOLDER,
            placeholder="/home/me/digits",
            help="With the four files of MNIST, by its names, gzipped or not.",
        )
        if st.form_submit_button("Read it"):
            session.brought.forget()
            session.brought.read(
                (FOLDER, folder), lambda: named_by_content(digits_called(FOLDER, folder))
            )
    if session.brought.source[:1] != (FOLDER,):
        session.brought.forget()


def _uploaded(file: UploadedFile) -> Uploaded:
    return Uploaded(file.name, file.getvalue())


def _what_was_brought(session: Session) -> None:
    """Show how far the reading is, or what was read, or why nothing was."""
    brought = session.brought
    brought.finish()
    if brought.reading:
        show(brought.reading, lambda done, total: f"Read {done:,} of {total:,} pictures")
    elif brought.refusal:
        refused(brought.refusal)
    elif brought.digits:
        # Those that a run has already, under the names that its classes were given.
        digits = session.digits_named(brought.digits.name) or brought.digits
        st.markdown(
            f"**{len(digits.labels):,} digits to train on, {len(digits.held_out_labels):,} held "
            f"out**, {_of_each(digits)}. The first of each class, as the network will see them:"
        )
        _first_of_each(digits)
        names = names_field(digits, Key.NEW_CLASS_NAMES)
        if names:
            _start_button(session, replace(digits, classes=names))


def _of_each(digits: Digits) -> str:
    counts = [sum(both) for both in zip(*counts_of(digits), strict=True)]
    if len(set(counts)) == 1:
        return f"{counts[0]:,} of each class"
    *first, last = (f"{count:,}" for count in counts)
    return f"of the classes 0 to 9 {', '.join(first)} and {last}"


def _first_of_each(digits: Digits) -> None:
    """Draw a digit of each class that is trained on."""
    pictures = []
    for label, name in enumerate(digits.classes):
        of_class = np.flatnonzero(digits.labels == label)
        if len(of_class):
            picture = thumbnail(digits.images[of_class[0]])
            pictures.append(f'<img src="{picture}" alt="{escape(name)}" title="{escape(name)}">')
    st.html(f'<div class="first-of-each">{"".join(pictures)}</div>')


def _start_button(session: Session, digits: Digits) -> None:
    if st.button("Start a new run on these", type="primary", key="start_on_these"):
        recipe = replace(session.run.recipe, data=digits.name)
        session.start(digits, recipe.with_rate(1, session.chosen_rate))
        session.brought.start_afresh()
        st.rerun()
