"""What a new sweep is made of, and what it will cost."""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

import streamlit as st

from cnn.recipe import (
    MAX_BATCH,
    MAX_FILTERS,
    MAX_HIDDEN,
    MAX_LEARNING_RATE,
    MAX_SEED,
    MAX_STEPS,
    quoted,
)
from data import Digits, is_own
from experiments import (
    MOST_RUNS,
    Estimate,
    Record,
    Sweep,
    SweepError,
    Where,
    digest_of,
    estimate,
)
from experiments.sweep import MAX_EPOCHS, without_partner
from pages.parts.keys import Key
from pages.parts.numbers import in_decimals
from pages.parts.refusal import plain
from pages.parts.session import Session
from pages.parts.sweeping import Sweeping, begun, gone_on, where_sweeps_run
from pages.parts.wording import counted


@dataclass(frozen=True)
class Field:
    """A field that takes one value or several.

    Attributes:
        label: its name on the page.
        least: the least value that it takes; of a rate only what is above it.
        most: the largest.
        such_as: what may stand there.
        whole: whether it takes whole numbers alone.
    """

    label: str
    least: int
    most: float
    such_as: str
    whole: bool = True

    def read(self, text: str, twice: bool = False) -> list[float]:
        """Read what stands between the commas.

        Args:
            text: as it was typed.
            twice: whether a value may stand there more than once.

        Raises:
            SweepError: what is wrong, in words that go with the field.
        """
        values = [value for part in text.split(",") if part.strip() for value in self._part(part)]
        if not values:
            raise SweepError(f"{self.label}: nothing is given. {self._write}")
        if len(values) > MOST_RUNS:
            raise SweepError(f"{self.label}: {len(values):,} values, and {MOST_RUNS} are the most.")
        again = next((value for at, value in enumerate(values) if value in values[:at]), None)
        if again is not None and not twice:
            raise SweepError(f"{self.label}: {again!r} is given twice. Take one of them out.")
        return values

    def _part(self, part: str) -> Iterable[float]:
        """Read a value, or all whole numbers from one to another."""
        ends = RANGE.fullmatch(part) if self.whole else None
        if ends is None:
            return [self._number(part.strip())]
        first, last = map(self._number, ends.groups())
        if not 0 <= last - first < MOST_RUNS:
            raise SweepError(
                f"{self.label}: {quoted(part.strip())} is no range from one number up to another "
                f"with {MOST_RUNS} at most."
            )
        return range(int(first), int(last) + 1)

    def _number(self, text: str) -> float:
        kind = "whole number" if self.whole else "number"
        try:
            value = int(text) if self.whole else float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise SweepError(f"{self.label}: {quoted(text)} is no {kind}. {self._write}")
        if not (self.least <= value if self.whole else self.least < value) or value > self.most:
            least = f"from {self.least:,} to" if self.whole else f"above {self.least:,} and at most"
            point = " Decimals have a point, as in 0.01." if text == "0" and not self.whole else ""
            raise SweepError(
                f"{self.label}: {quoted(text)} is not {least} {self.most:,.0f}.{point}"
            )
        return value

    @property
    def _write(self) -> str:
        kind = "whole numbers" if self.whole else "numbers"
        return f"Write {kind}, separated by commas, such as {self.such_as}."


FIELDS = {
    "learning_rate": Field("Learning rates", 0, MAX_LEARNING_RATE, "0.01, 0.03", whole=False),
    "batch": Field("Images a step", 1, MAX_BATCH, "1, 10"),
    "filters": Field("Filters", 1, MAX_FILTERS, "1, 4"),
    "hidden": Field("Hidden units", 1, MAX_HIDDEN, "20, 40"),
    "seeds": Field("Seeds", 0, MAX_SEED, "0, 1, 2"),
}

RANGE = re.compile(r"\s*(\d+)\s*[-–]\s*(\d+)\s*")
"""Whole numbers from one to another, as they are typed."""

COMBINE = {"grid": "all combinations", "list": "a list of settings"}

LENGTH = {"epochs": "epochs", "steps": "steps"}


def new_sweep(session: Session) -> None:
    """Offer to put a sweep together and, with its cost before the eyes, to start it."""
    default = Sweep()
    typed: dict[str, str] = {}
    with st.container(horizontal=True, vertical_alignment="bottom", key="sweep_form"):
        for name, field in FIELDS.items():
            typed[name] = st.text_input(
                field.label,
                ", ".join(f"{value:g}" for value in getattr(default, name)),
                key=f"{Key.SWEEP_FIELD}_{name}",
                persist_state="session",
                width=140 if field.whole else 320,
                help="One value or several, with commas between them"
                + ("; 0-9 stands for all from 0 to 9." if field.whole else "."),
            )
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
    try:
        sweep = Sweep.from_values(
            {
                "data": session.digits.name,
                "combine": combine,
                length: _length(length, count),
                **_tried(typed, combine),
            }
        )
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


def _tried(typed: dict[str, str], combine: str) -> dict[str, list[float]]:
    """Read all fields.

    Raises:
        SweepError: the first of them that makes no sense, or a list whose values have no partner.
    """
    listed = {name for name in FIELDS if combine == "list" and name != "seeds"}
    values = {name: field.read(typed[name], name in listed) for name, field in FIELDS.items()}
    if unequal := without_partner({name: len(values[name]) for name in FIELDS if name in listed}):
        said = ", ".join(f"{FIELDS[name].label}: {count}" for name, count in unequal.items())
        raise SweepError(
            "In a list of settings every field with several values has the same number of them. "
            f"Here they have: {said}."
        )
    return values


def _length(unit: str, count: int) -> int:
    """Return how long a run is, unless no run is so long."""
    if unit == "epochs" and count > MAX_EPOCHS:
        raise SweepError(f"Each run takes {MAX_EPOCHS:,} epochs at most, not {count:,}.")
    return count


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
        "Estimated from a few steps of each size of network; whatever else this machine does makes "
        "it longer."
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
    busy = now is not None and now.running
    shown = now is not None and now.path == sweeping.path
    with st.container(horizontal=True):
        pressed = (sweeping.record.missing or not shown) and st.button(
            "Start the sweep" if sweeping.record.missing else "Show the sweep",
            type="primary",
            disabled=busy,
            key="start_sweep",
            help="One sweep at a time: the one below still runs." if busy else None,
        )
        if not is_own(sweeping.record.sweep.data):  # the shell knows no digits of a visitor's own
            st.download_button(
                "The same for the shell (.toml)",
                sweeping.record.sweep.to_toml(),
                "sweep.toml",
                on_click="ignore",
                help="For a whole night: python -m experiments sweep.toml",
            )
    if pressed and not busy:
        session.kept.sweeping = gone_on(sweeping)
        st.rerun()
