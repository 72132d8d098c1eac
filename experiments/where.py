"""Where a sweep is run, and the file that says both what and where."""

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib

from cnn.recipe import quoted
from experiments.sweep import Sweep, SweepError

SCHEDULER = "WATCH_IT_LEARN_SCHEDULER"
"""The environment variable with the address of a Dask scheduler, such as ``tcp://10.0.0.1:8786``.
Whoever runs the server or the shell sets it; a visitor cannot."""


@dataclass(frozen=True)
class Where:
    """Where a sweep is run.

    Attributes:
        processes: on this machine; with 1 it is this process itself.
        scheduler: the address of a Dask scheduler, whose workers are used instead, or None.
    """

    processes: int = 1
    scheduler: str | None = None

    @classmethod
    def configured(cls) -> "Where":
        """Return what the environment says: a cluster, or else every core of this machine.

        At least two processes, so that a page stays alive on one core too.
        """
        return cls(max(2, joblib.cpu_count()), os.environ.get(SCHEDULER) or None)

    def __str__(self) -> str:
        """In words."""
        if self.scheduler:
            return "the cluster"
        return f"{self.processes} processes" if self.processes > 1 else "one process"


@dataclass(frozen=True)
class Plan:
    """What a TOML file asks for.

    Attributes:
        sweep: what is tried.
        where: where it is run.
        folder: where the digits called "folder" are, or None.
    """

    sweep: Sweep
    where: Where
    folder: Path | None


def read_plan(text: str) -> Plan:
    """Read a TOML file: the fields of a `Sweep`, and ``processes``, ``scheduler``, ``folder``.

    Raises:
        SweepError: one sentence about the first field that makes no sense.
    """
    try:
        values = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # ValueError: also a number of too many digits
        raise SweepError(f"The file is not valid TOML: {str(error)[:200]}.") from error
    here = Where.configured()
    processes = values.pop("processes", here.processes)
    if not isinstance(processes, int) or isinstance(processes, bool) or not 1 <= processes <= 256:
        raise SweepError(f"processes is a whole number from 1 to 256, not {quoted(processes)}.")
    scheduler = _text("scheduler", values.pop("scheduler", here.scheduler))
    folder = _text("folder", values.pop("folder", None))
    return Plan(
        Sweep.from_values(values), Where(processes, scheduler), Path(folder) if folder else None
    )


def _text(name: str, value: Any) -> str | None:
    if value is not None and not (isinstance(value, str) and value):
        raise SweepError(f"{name} is a text in quotes, not {quoted(value)}.")
    return value
