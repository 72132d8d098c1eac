"""A sweep in hand: how far it is, its picture, its runs, and the way from a point to its run."""

from collections.abc import Callable
from contextlib import suppress

import streamlit as st

from cnn import Recipe
from data import Digits
from experiments import Outcome, RecordError, Sweep, axes, best, lines
from experiments.record import LARGEST
from pages.parts.clicks import Point, clickable_figure, whole
from pages.parts.digits import shared_digits
from pages.parts.experiment_figures import (
    AXES,
    ENDS,
    MOST_BANDS,
    WORDS,
    recipe_words,
    settings_words,
    sweep_figure,
)
from pages.parts.keys import Key
from pages.parts.limits import megabytes
from pages.parts.over_steps import leave
from pages.parts.rates import written
from pages.parts.refusal import plain, refused
from pages.parts.session import Session
from pages.parts.sweep_form import FIELDS, duration
from pages.parts.sweeping import KeptSweep, Sweeping, brought, gone_on, kept_sweeps, taken_up
from pages.parts.wording import counted

FINGER = 20
"""CSS pixels: a click as near as that to a dot is on it."""

MOST_SHOWN = 12
"""Values of a field that are written out, before the last one."""

LOOKED = 1.0
"""Seconds between two looks at how far a sweep is,"""

DRAWN = 3.0
"""and at what has come of it: a chart that is drawn anew takes away what stands beside the
pointer."""

SCALES = {"whole": "0–100 %", "results": "of the results"}


def sweep(session: Session) -> None:
    """Draw the sweep in hand, again and again while it runs."""
    sweeping = session.kept.sweeping
    if sweeping is None:
        _interrupted(session)
        return

    st.markdown(_described(sweeping.record.sweep))
    ran = sweeping.running

    @st.fragment(run_every=LOOKED if ran else None)
    def look() -> None:
        leave(session)
        was_running = sweeping.running
        if sweeping.task:
            sweeping.task.look()
        _progress(session, sweeping)
        if ran != was_running or session.kept.sweeping is not sweeping:
            st.rerun()  # it has ended, or goes on: whether to look again is said outside of this

    @st.fragment(run_every=DRAWN if ran else None)
    def results() -> None:
        leave(session)
        _picture(session, sweeping)
        _table(sweeping)

    look()
    results()


def _interrupted(session: Session) -> None:
    """Offer what a reload of the page, or a stop of the server, has taken out of the hand."""
    kept = next((one for one in kept_sweeps() if one.ended < len(one.sweep.recipes)), None)
    if kept is None:
        st.caption("A sweep that has been started or opened is shown here.")
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"A sweep that has not ended is kept here: {plain(_summary(kept))}.")
        if st.button("Take it up"):
            with suppress(RecordError, OSError):
                session.kept.sweeping = taken_up(kept.path, _digits_called(session))
            st.rerun()


def _described(sweep: Sweep) -> str:
    """Say what is tried, for the fields above may say something else meanwhile."""
    said = [
        f"{field.label.lower()} **{_listed(getattr(sweep, name))}**"
        for name, field in FIELDS.items()
    ]
    each = f"**{sweep.steps:,}** steps" if sweep.steps else counted(sweep.epochs or 1, "epoch")
    listed = "; a list of settings" if sweep.combine == "list" else ""
    return (
        f"This sweep: {', '.join(said)}{listed}; {each} each, of the digits “{plain(sweep.data)}”."
    )


def _listed(values: tuple[float, ...]) -> str:
    shown = [written(value) for value in values]
    return ", ".join([*shown[:MOST_SHOWN], "…", shown[-1]] if len(shown) > MOST_SHOWN else shown)


def _progress(session: Session, sweeping: Sweeping) -> None:
    def cancel() -> None:
        session.kept.sweeping = sweeping.cancelled()

    def go_on() -> None:
        session.kept.sweeping = gone_on(sweeping)

    record = sweeping.record
    done, total = sweeping.done, len(record.sweep.recipes)
    left = sweeping.left
    more = f", about {duration(left)} left" if left is not None else ""
    if sweeping.running and not sweeping.ended and not sweeping.waiting:
        more = "; waiting for the next one"
    st.progress(done / total, f"{done} of {counted(total, 'run')} ended{more}")
    with st.container(horizontal=True, vertical_alignment="center"):
        if sweeping.running and sweeping.task:
            st.button("Cancel the sweep", on_click=cancel)
        elif record.missing:
            st.button(
                "Go on",
                on_click=go_on,
                disabled=sweeping.digits is None or sweeping.forbidden is not None,
                help=sweeping.forbidden or "Runs what is missing.",
            )
        st.download_button(
            "Save the results (.jsonl)",
            record.to_bytes,  # made when it is asked for, not once a second while it runs
            "sweep.jsonl",
            on_click="ignore",
            help="A line for the sweep and one for each run; opened here again, it goes on.",
        )
    _outcome(sweeping)
    if sweeping.running and sweeping.waiting:
        st.info("Another sweep runs first: this one begins when that one has ended.")
    if sweeping.left_to_others:
        st.info("Another visitor waits for this sweep too, so it goes on. “Go on” shows it again.")
    if sweeping.task and sweeping.task.error:
        st.error(plain(sweeping.task.error))
    elif sweeping.digits is None:
        st.warning(
            f"This sweep was trained on digits called “{plain(record.sweep.data)}” which are not "
            "here: its results can be looked at, but it cannot go on and none of its runs opened."
        )


def _outcome(sweeping: Sweeping) -> None:
    """Say which setting does best, how many runs did not end well, and why some failed."""
    record = sweeping.record
    if found := best(record.sweep, record.outcomes):
        recognised = f"**{found.median:.1%}** of the held-out digits"
        if found.seeds > 1:
            recognised += (
                f", the median of {found.seeds} seeds ({found.worst:.1%} to {found.best:.1%})"
            )
        which = f"The best setting{' so far' if record.missing else ''}: "
        which = which if len(record.sweep.settings) > 1 else ""
        ends = [outcome.end for outcome in record.outcomes.values()]
        others = [f"{ends.count(end)} {word}" for end, word in ENDS.items() if end in ends]
        st.markdown(
            f"{which}**{settings_words(found.setting)}**, which recognises {recognised}."
            + (f" Of all runs, {' and '.join(others)}." if others else "")
        )
    failed = [outcome for outcome in record.outcomes.values() if outcome.end == "failed"]
    if failed:  # it has no accuracy, and so no dot
        st.warning(f"{counted(len(failed), 'run')} failed. {plain(failed[0].why)}")


def _picture(session: Session, sweeping: Sweeping) -> None:
    outcomes = sweeping.record.outcomes
    if all(outcome.held_out_accuracy is None for outcome in outcomes.values()):
        return

    def clicked(point: Point) -> None:
        place = whole(point.get("of"))
        if place in outcomes:
            _open(session, sweeping, place)

    sweep = sweeping.record.sweep
    with st.container(horizontal=True, vertical_alignment="bottom"):
        over = _axis(sweep)
        scale = st.segmented_control(
            "Scale",
            list(SCALES),
            format_func=SCALES.__getitem__,
            default="whole",
            required=True,
            key=Key.SWEEP_SCALE,
            persist_state="session",
            help="That of the results shows small differences; 0–100 % shows how small they are.",
        )
    clickable_figure(
        sweep_figure(lines(sweep, outcomes, over), outcomes, sweep, over, scale == "whole"),
        "sweep_picture",
        clicked,
        reach=FINGER,
        alt=f"Held-out accuracy over the {AXES[over]}; the table has the numbers.",
    )
    st.caption(
        "A line is the median over the seeds, its band reaches from the worst to the best (up to "
        f"{MOST_BANDS} lines have one), and every dot is a run, moved aside where it would lie on "
        "another. **Click on one to have it in the time machine.** Who picks the best setting here "
        "has chosen by these held-out digits, so the accuracy of the choice is a little too good."
    )
    _choice(session, sweeping)


def _axis(sweep: Sweep) -> str:
    """Offer what the picture can be drawn over; return what is chosen."""
    offered = axes(sweep)
    return st.segmented_control(
        "Accuracy over",
        offered,
        format_func=AXES.__getitem__,
        default=offered[0],
        required=True,
        key=f"{Key.SWEEP_OVER}_{'_'.join(offered)}",  # no choice that another sweep has not
        persist_state="session",
    )


def _choice(session: Session, sweeping: Sweeping) -> None:
    """Offer the runs by name: what a click on a dot does, by keyboard."""
    outcomes = sweeping.record.outcomes
    recipes = sweeping.record.sweep.recipes

    def open_it() -> None:
        if (place := st.session_state.get(Key.SWEEP_RUN)) is not None:
            _open(session, sweeping, place)
            st.session_state[Key.SWEEP_RUN] = None

    st.selectbox(
        "Open a run",
        [place for place in sorted(outcomes) if outcomes[place].step],
        index=None,
        format_func=lambda place: _named(place, recipes[place], outcomes[place]),
        key=Key.SWEEP_RUN,
        on_change=open_it,
        placeholder="or click on its dot",
        disabled=sweeping.digits is None,
    )


def _named(place: int, recipe: Recipe, outcome: Outcome) -> str:
    share = "" if outcome.held_out_accuracy is None else f", {outcome.held_out_accuracy:.1%} right"
    return f"{place + 1}: {recipe_words(recipe)}{share}"


def _open(session: Session, sweeping: Sweeping, place: int) -> None:
    """Take a run in hand, and ask for the live page, where it is trained again: see `leave`."""
    if sweeping.digits is None:
        return
    outcome, sweep = sweeping.record.outcomes[place], sweeping.record.sweep
    recipe = sweep.recipes[place]
    session.start(sweeping.digits, recipe)
    session.rename(session.held.number, recipe_words(recipe, axes(sweep)))
    # One step more than a run that diverged could take, so that it is seen to diverge.
    goal = outcome.step + (outcome.end == "diverged")
    session.goal = goal if goal > 1 else None
    session.live_asked = True


def _table(sweeping: Sweeping) -> None:
    record = sweeping.record
    if not record.outcomes:
        return
    recipes, outcomes = record.sweep.recipes, [*sorted(record.outcomes.items())]
    with st.expander("Every run in numbers"):
        st.dataframe(
            {
                "Run": [place + 1 for place, _ in outcomes],
                "Held out": [outcome.held_out_accuracy for _, outcome in outcomes],
                "η": [written(recipes[place].rate_at(1)) for place, _ in outcomes],
                "Batch": [recipes[place].batch for place, _ in outcomes],
                "Filters": [recipes[place].filters for place, _ in outcomes],
                "Hidden": [recipes[place].hidden for place, _ in outcomes],
                "Seed": [recipes[place].seed for place, _ in outcomes],
                "Steps": [outcome.step for _, outcome in outcomes],
                "Training loss": [outcome.loss for _, outcome in outcomes],
                "Held-out loss": [outcome.held_out_loss for _, outcome in outcomes],
                "Seconds": [outcome.seconds for _, outcome in outcomes],
                "End": [WORDS[outcome.end] for _, outcome in outcomes],
                "Why": [outcome.why for _, outcome in outcomes],
            },
            hide_index=True,
            column_config={
                "Training loss": st.column_config.NumberColumn(format="%.4f"),
                "Held-out loss": st.column_config.NumberColumn(format="%.4f"),
                "Held out": st.column_config.NumberColumn(format="percent"),
                "Seconds": st.column_config.NumberColumn(format="%.1f"),
            },
        )


def _digits_called(session: Session) -> Callable[[str], Digits | None]:
    return lambda name: session.digits_named(name) or shared_digits(name)


def open_sweep(session: Session) -> None:
    """Offer the sweeps that are kept here, and to open a file."""

    digits_called = _digits_called(session)
    busy = session.kept.sweeping is not None and session.kept.sweeping.running
    kept = kept_sweeps()

    def choose() -> None:
        if (at := st.session_state.get(Key.SWEEP_KEPT)) is not None and at < len(kept):
            with suppress(RecordError, OSError):  # gone meanwhile: it is no longer in the list
                session.kept.sweeping = taken_up(kept[at].path, digits_called)

    with st.expander("Earlier sweeps, and files"):
        st.selectbox(
            "A sweep that is kept on this machine",
            range(len(kept)),
            index=None,
            format_func=lambda at: f"{kept[at].changed:%d %b %H:%M}, {_summary(kept[at])}",
            key=Key.SWEEP_KEPT,
            on_change=choose,
            placeholder="the newest first" if kept else "none so far",
            disabled=busy or not kept,
        )
        number = session.kept.sweeps_opened
        file = st.file_uploader(
            "**Open** the results of a sweep",
            "jsonl",
            key=f"{Key.SWEEP_FILE}_{number}",
            max_upload_size=megabytes(LARGEST // 1_000_000),
            disabled=busy,
            help="It goes on in a file of its own, which is not among the sweeps above.",
        )
        if file is None:
            return
        try:
            if file.size > LARGEST:
                raise RecordError(f"{file.size / 1e6:,.0f} MB is more than any sweep’s results.")
            session.kept.sweeping = brought(file.getvalue(), digits_called)
        except RecordError as error:
            refused(error)
            return
        session.kept.sweeps_opened += 1  # a field of its own for each file: it empties
        st.rerun()


def _summary(kept: KeptSweep) -> str:
    sweep = kept.sweep
    rates = [written(rate) for rate in sorted({*sweep.learning_rate})]
    tried = rates[0] if len(rates) == 1 else f"{rates[0]} to {rates[-1]}"
    return f"{kept.ended} of {counted(len(sweep.recipes), 'run')}, η {tried}, {sweep.data}"
