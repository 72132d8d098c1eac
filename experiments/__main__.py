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
import sys
import time
from pathlib import Path

from data import DataError, Digits, load
from experiments import (
    ClusterError,
    Outcome,
    Record,
    RecordError,
    SweepError,
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
    results: Path = given.results or given.file.parent / f"{given.file.stem}.jsonl"
    try:
        plan = read_plan(given.file.read_text(encoding="utf-8"))
        digits = load(plan.sweep.data, plan.folder)
        _run(plan, digits, results)
    except KeyboardInterrupt:
        _say(f"\nStopped. The runs that have ended are in {results}; the same command goes on.")
        return 130
    except (SweepError, RecordError, ClusterError, DataError, UnicodeDecodeError) as error:
        _say(str(error))
        return 2
    except OSError as error:
        if error.filename:
            _say(f"\n{error.filename}: {error.strerror}.")
        else:  # in the middle of writing
            _say(
                f"\n{results} cannot be written: {error.strerror}. The runs that ended before are "
                "in it; the same command goes on."
            )
        return 2
    return 0


def _run(plan: Plan, digits: Digits, results: Path) -> None:
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
        sys.stderr.write(
            f"\r[{'#' * filled}{'.' * (BAR - filled)}] {len(seen)} of {total} runs, "
            f"{time.monotonic() - start:,.0f} s "
        )
        sys.stderr.flush()

    record = run_sweep(sweep, digits, results, plan.where, heard=heard)
    _say(f"\n{_summary(record)}\nThe results are in {results}; the experiments page opens it.")


def _summary(record: Record) -> str:
    """The ends counted, and the best run."""
    ends = [outcome.end for outcome in record.outcomes.values()]
    counts = ", ".join(f"{ends.count(end)} {end}" for end in dict.fromkeys(ends))
    best = max(record.outcomes.values(), key=lambda outcome: outcome.held_out_accuracy or 0.0)
    recipe = record.sweep.recipes[best.place]
    return (
        f"{counts}. The best takes {best.held_out_accuracy or 0.0:.2%} of the held-out digits for "
        f"what they are: rate {recipe.rate_at(1):g}, batch {recipe.batch}, "
        f"filters {recipe.filters}, hidden {recipe.hidden}, seed {recipe.seed}."
    )


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
