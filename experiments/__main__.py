"""A sweep from the shell: ``python -m experiments FILE.toml``.

The file says what the page says; all of it may be left out::

    learning_rate = [0.001, 0.003, 0.01, 0.03, 0.1]
    batch = 1
    filters = 1
    hidden = 40
    seeds = [0, 1, 2]
    combine = "grid"      # or "list": the first values together, the second ones, …
    epochs = 1            # or steps = 4000
    data = "bundled"      # or "mnist", or "folder" with  folder = "…"

    processes = 2         # on this machine: unless given one for each core, and at least two
    scheduler = "tcp://…" # a Dask scheduler, whose workers are used instead

The results go to FILE.jsonl, run by run. The same command goes on where it was stopped, and the
experiments page opens the file.
"""

import argparse
import logging
import os
import signal
import sys
import time
import warnings
from pathlib import Path

from data import DataError, Digits, load
from experiments import (
    ClusterError,
    Outcome,
    Record,
    RecordError,
    SweepError,
    best,
    estimate,
    read_plan,
    record_at,
    run_sweep,
)
from experiments.where import Plan

BAR = 30
"""Characters of the progress bar."""


def main() -> int:
    """Run the sweep that a file asks for; the value is the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m experiments",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=Path, help="what to try, as TOML")
    parser.add_argument("--results", type=Path, help="where to keep the results (FILE.jsonl)")
    given = parser.parse_args()
    _settle()
    results: Path = given.results or given.file.parent / f"{given.file.stem}.jsonl"
    try:
        plan = read_plan(given.file.read_text(encoding="utf-8-sig"))
        digits = load(plan.sweep.data, plan.folder)
        record = _run(plan, digits, results)
    except KeyboardInterrupt:
        _say(f"Stopped. The runs that have ended are in {results}; the same command goes on.")
        return 130
    except UnicodeDecodeError:
        _say(f"{given.file} is not text in UTF-8: save it as that.")
        return 2
    except (SweepError, RecordError, ClusterError, DataError) as error:
        _say(str(error))
        return 2
    except OSError as error:
        if error.filename:
            _say(f"{error.filename}: {error.strerror}.")
        else:  # in the middle of writing
            _say(
                f"{results} cannot be written: {error.strerror}. The runs that ended before are "
                "in it; the same command goes on."
            )
        return 2
    _say(f"{_summary(record)}\nThe results are in {results}; the experiments page opens it.")
    return 1 if record.missing else 0


def _settle() -> None:
    """Have a system that ends this process end it as ^C does, and let nobody else speak.

    What joblib and Dask have to say of a worker or a scheduler that is gone is tracebacks.
    """
    for name in ("SIGTERM", "SIGHUP"):
        told = getattr(signal, name, None)  # Windows has no SIGHUP
        if told and signal.getsignal(told) == signal.SIG_DFL:  # nohup has it ignored
            signal.signal(told, signal.default_int_handler)
    warnings.filterwarnings("ignore", ".*tasks which were still being processed")
    logging.disable(logging.ERROR)


def _run(plan: Plan, digits: Digits, results: Path) -> Record:
    sweep, total, start = plan.sweep, len(plan.sweep.recipes), time.monotonic()
    missing = record_at(results, sweep, digits).missing
    said = f"{total} run{'s' * (total > 1)}, {total - len(missing)} of them there already"
    if missing:
        cost = estimate(sweep, digits, plan.where, missing)
        said += f"; {cost.steps:,} steps to take on {plan.where}: about {cost.work:,.0f} s of "
        said += "one core" + (f", {cost.seconds:,.0f} s" if cost.seconds is not None else "")
        said += f", {cost.memory / 1e6:,.0f} MB"
    _say(f"{said}.")
    seen = set(range(total)) - {*missing}

    def heard(outcome: Outcome) -> None:
        seen.add(outcome.place)
        filled = BAR * len(seen) // total
        _say(
            f"\r[{'#' * filled}{'.' * (BAR - filled)}] {len(seen)} of {total} runs, "
            f"{time.monotonic() - start:,.0f} s",
            end=" ",
        )

    waited = False

    def waits(waiting: bool) -> None:
        nonlocal waited
        if waiting and not waited:
            _say("Another process is at work on these results: this waits until it has ended.")
        waited = waiting

    try:
        return run_sweep(sweep, digits, results, plan.where, heard=heard, waits=waits)
    finally:
        if len(seen) > total - len(missing):
            _say("")  # ends the bar's line


def _summary(record: Record) -> str:
    """The ends counted, why runs have failed, and the best setting."""
    ends = [outcome.end for outcome in record.outcomes.values()]
    said = ", ".join(f"{ends.count(end)} {end}" for end in dict.fromkeys(ends)) + "."
    if failed := [outcome.why for outcome in record.outcomes.values() if outcome.end == "failed"]:
        said += f" {failed[0]}"
    if found := best(record.sweep, record.outcomes):
        setting = ", ".join(f"{name} {value:.12g}" for name, value in found.setting.items())
        said += f" The best setting ({setting}) takes {found.median:.2%} of the held-out digits "
        said += "for what they are"
        if found.seeds > 1:
            said += f", the median of {found.seeds} seeds ({found.worst:.2%} to {found.best:.2%})"
        said += "."
    return said


def _say(text: str, end: str = "\n") -> None:
    """Write it, if there still is somewhere to write: a night's work outlives its terminal."""
    try:
        sys.stderr.write(f"{text}{end}")
        sys.stderr.flush()
    except OSError:
        sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115  # joblib writes there too


if __name__ == "__main__":
    sys.exit(main())
