"""Many runs: a sweep is a list of recipes, trained in processes. Importing it starts nothing."""

from experiments.engine import ClusterError
from experiments.estimate import Estimate, estimate, seconds_of_one_core
from experiments.outcome import Outcome
from experiments.record import Record, RecordError, digest_of, read_record
from experiments.running import record_at, run_sweep
from experiments.summary import STEP, Best, Dot, Line, axes, best, lines
from experiments.sweep import MOST_RUNS, Sweep, SweepError
from experiments.where import SCHEDULER, Where, read_plan

__all__ = [
    "MOST_RUNS",
    "SCHEDULER",
    "STEP",
    "Best",
    "ClusterError",
    "Dot",
    "Estimate",
    "Line",
    "Outcome",
    "Record",
    "RecordError",
    "Sweep",
    "SweepError",
    "Where",
    "axes",
    "best",
    "digest_of",
    "estimate",
    "lines",
    "read_plan",
    "read_record",
    "record_at",
    "run_sweep",
    "seconds_of_one_core",
]
