"""The sidebar's panels: which digit is watched, and what a new run is made of."""

import numpy as np
import streamlit as st

from cnn import Recipe
from cnn.recipe import MAX_BATCH, MAX_FILTERS, MAX_HIDDEN, MAX_SEED
from data import DataError, Digits, load_mnist, mnist_is_cached
from pages.parts.digits import digits_called
from pages.parts.session import Key, Session

DATA = {
    "bundled": "5,000 digits of MNIST, bundled",
    "mnist": "all 70,000 of MNIST, 12 MB to fetch once",
    "folder": "my own: a folder with IDX files",
}

BIAS_RULES = {
    "exact": "Σ dz, the exact one",
    "notes": "Σ dk, as in the handwritten notes",
}


def new_run(session: Session) -> None:
    """Offer everything that only a new run can change."""
    recipe = session.run.recipe
    with st.sidebar.expander("New run: data, filters, batch, seed …"):
        with st.form("new_run", border=False):
            st.caption(
                "**Starts a new run**, from step 1, in the place of the one in hand. "
                "The learning rate stays as it is set."
            )
            data = st.radio("Digits", DATA, format_func=lambda name: DATA[name])
            folder = st.text_input(
                "Folder, for digits of your own",
                placeholder="/home/me/digits",
                help="With the four files of MNIST, by its names, gzipped or not.",
            )
            filters = st.number_input("Filters", 1, MAX_FILTERS, recipe.filters)
            hidden = st.number_input("Hidden units", 1, MAX_HIDDEN, recipe.hidden)
            batch = st.number_input("Images a step (batch)", 1, MAX_BATCH, recipe.batch)
            seed = st.number_input("Seed", 0, MAX_SEED, recipe.seed)
            bias_rule = st.radio(
                "Gradient of the filter's bias", BIAS_RULES, format_func=BIAS_RULES.__getitem__
            )
            pressed = st.form_submit_button("Start a new run", type="primary")
        if pressed:
            try:
                digits = _digits(data, folder)
            except DataError as error:
                st.error(f"{error} The run in hand goes on.")
                return
            session.start(
                digits,
                Recipe(
                    data=data,
                    seed=seed,
                    filters=filters,
                    hidden=hidden,
                    batch=batch,
                    bias_rule="notes" if bias_rule == "notes" else "exact",
                    learning_rate=session.chosen_rate,
                ),
            )
            st.rerun()


def watched_digit(session: Session) -> None:
    """Offer to look at one digit all the time instead of each step's own."""
    digits = session.digits
    training = len(digits.images)
    last = training + len(digits.held_out_images) - 1
    with st.sidebar.expander("Watch one digit"):
        st.caption(
            "See what the newest parameters make of one digit, all the time. It is only looked "
            "at: the run goes on training on its own images."
        )
        watch = st.toggle("Watch this one:", key=Key.WATCH)
        position = st.number_input(
            "Number of the digit",
            0,
            last,
            key=Key.WATCHED,
            help=f"0 to {training - 1:,} are trained on, {training:,} to {last:,} are held out.",
        )
        _, label = session.digit(position)
        st.caption(f"It is a {digits.classes[label]}.")
        st.pills(
            "The next",
            range(len(digits.classes)),
            format_func=digits.classes.__getitem__,
            key=Key.NEXT_OF_CLASS,
            on_change=_choose_next,
            args=(session,),
        )
        session.watching = position if watch else None


def _choose_next(session: Session) -> None:
    """Watch the next digit of the class that was pressed, the first one after the last."""
    label = st.session_state[Key.NEXT_OF_CLASS]
    if label is None:
        return
    digits, position = session.digits, st.session_state[Key.WATCHED]
    labels = np.concatenate((digits.labels, digits.held_out_labels))
    of_class = np.flatnonzero(labels == label)
    if len(of_class):
        after = np.searchsorted(of_class, position, side="right") % len(of_class)
        st.session_state[Key.WATCHED] = int(of_class[after])
    st.session_state[Key.NEXT_OF_CLASS] = None
    st.session_state[Key.WATCH] = True


def _digits(name: str, folder: str) -> Digits:
    if name == "mnist" and not mnist_is_cached():
        bar = st.progress(0.0, "Fetching all 70,000 digits …")

        def show(done: int, total: int) -> None:
            bar.progress(done / total, f"Fetched {done / 1e6:.1f} of {total / 1e6:.1f} MB")

        load_mnist(show)
        bar.empty()
    return digits_called(name, folder if name == "folder" else None)
