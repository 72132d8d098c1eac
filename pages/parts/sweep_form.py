"""What a new sweep is made of, and what it will cost."""

import streamlit as st

from cnn.recipe import MAX_STEPS
from data import Digits
from experiments import MOST_RUNS, Estimate, Record, Sweep, SweepError, Where, estimate
from pages.parts.keys import Key
from pages.parts.numbers import in_decimals
from pages.parts.refusal import plain
from pages.parts.session import Session
from pages.parts.sweeping import Sweeping, begun, digest_of, where_sweeps_run
from pages.parts.wording import counted

LISTS = {
    "learning_rate": "Learning rates",
    "batch": "Images a step",
    "filters": "Filters",
    "hidden": "Hidden units",
    "seeds": "Seeds",
}

COMBINE = {"grid": "all combinations", "list": "a list of settings"}

LENGTH = {"epochs": "epochs", "steps": "steps"}


def new_sweep(session: Session) -> None:
    """Offer to put a sweep together and, with its cost before the eyes, to start it."""
    default = Sweep()
    values: dict[str, object] = {"data": session.digits.name}
    with st.container(horizontal=True, vertical_alignment="bottom", key="sweep_form"):
        for name, label in LISTS.items():
            given = st.text_input(
                label,
                ", ".join(f"{value:g}" for value in getattr(default, name)),
                key=f"{Key.SWEEP_FIELD}_{name}",
                persist_state="session",
                width=260 if name == "learning_rate" else 140,
                help="One value or several, with commas between them.",
            )
            values[name] = _numbers(given)
    with st.container(horizontal=True, vertical_alignment="bottom", key="sweep_more"):
        count = st.number_input(
            "Each run takes",
            1,
            MAX_STEPS,
            1,
            key=Key.SWEEP_COUNT,
            persist_state="session",
            width=140,
        )
        length = st.segmented_control(
            "of what",
            list(LENGTH),
            default="epochs",
            required=True,
            key=Key.SWEEP_LENGTH,
            persist_state="session",
            label_visibility="collapsed",
        )
        values[str(length)] = count
        combine = st.segmented_control(
            "Several values in several fields make",
            list(COMBINE),
            format_func=COMBINE.__getitem__,
            default="grid",
            required=True,
            key=Key.SWEEP_COMBINE,
            persist_state="session",
            help="A list takes the first values together, then the second ones, and so on; a "
            "single value stands in every setting. Either way each setting is run with each seed.",
        )
    values["combine"] = combine
    try:
        sweep = Sweep.from_values(values)
        sweep.length(min(sweep.recipes, key=lambda r: r.batch), len(session.digits.images))
    except SweepError as error:
        st.error(plain(error))
        return
    sweeping = begun(Record(sweep, digest_of(session.digits)), session.digits)
    if sweeping.forbidden:
        st.error(plain(sweeping.forbidden))
        return
    _cost(sweeping, session.digits, where_sweeps_run())
    _start(session, sweeping)


def _numbers(text: str) -> list[object]:
    """Read what stands between the commas; what is no number is left for the sweep to refuse."""
    return [_number(part.strip()) for part in text.split(",") if part.strip()]


def _number(text: str) -> object:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _cost(sweeping: Sweeping, digits: Digits, where: Where) -> None:
    missing, total = sweeping.record.missing, len(sweeping.record.sweep.recipes)
    cost = estimate(sweeping.record.sweep, digits, where, missing)
    there = total - len(missing)
    kept = f", of which {there} are there already" if there else ""
    what = "steps to go" if there else "steps in all"
    if not missing:
        st.markdown(
            f"**{counted(total, 'run')}** of at most {MOST_RUNS}, and all are there already."
        )
        return
    st.markdown(
        f"**{counted(total, 'run')}** of at most {MOST_RUNS}{kept}; {cost.steps:,} {what}, "
        f"on {where}: {said(cost)}."
    )
    st.caption(
        "Estimated from a few steps of each size of network, taken just now. Runs that diverge "
        "end earlier; whatever else this machine does makes it longer."
    )


def said(cost: Estimate) -> str:
    """Say in words how long it takes, and in how much memory."""
    memory = f"at most {cost.memory / 1e6:,.0f} MB of memory"
    if cost.seconds is None:
        return f"about {duration(cost.work)} of one core, and in each worker {memory}"
    return f"about **{duration(cost.seconds)}** and {memory}"


def duration(seconds: float) -> str:
    """Write a time as people say it: seconds below two minutes, then minutes, then hours."""
    if seconds < 120:
        return f"{max(1, round(seconds))} s"
    if seconds < 7_200:
        return f"{round(seconds / 60)} min"
    return f"{in_decimals(seconds / 3_600, 1)} h"


def _start(session: Session, sweeping: Sweeping) -> None:
    now = session.kept.sweeping

    def start() -> None:
        session.kept.sweeping = sweeping
        sweeping.go()

    with st.container(horizontal=True):
        st.button(
            "Start the sweep" if sweeping.record.missing else "Show the sweep",
            type="primary",
            on_click=start,
            disabled=now is not None and now.running,
        )
        st.download_button(
            "The same for the shell (.toml)",
            sweeping.record.sweep.to_toml(),
            "sweep.toml",
            on_click="ignore",
            help="For a whole night: python -m experiments sweep.toml",
        )
