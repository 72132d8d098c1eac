"""How long any step of a long run takes to have back, and in how much memory the past is kept.

Trains the default recipe on the bundled digits for 60,000 steps and prints

- the median and the 95th percentile, in milliseconds, of ``run.at(t)`` for random steps t
  (wanted: a median of at most 50);
- the bytes that the history takes a step (wanted: at most 64) and the checkpoints in all (wanted:
  at most 16 MB): everything allocated and still held, by the file that allocated it.

::

    python tests/benchmarks/time_machine.py
"""

import argparse
import os
import statistics
import sys
import time
import tracemalloc
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).parents[2]))

from cnn import Recipe, Run  # the path had to be set first
from data import load_bundled

STEPS = 60_000
LOOKS = 500
ROUNDS = 5


def main() -> None:
    """Train, look back and print."""
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--steps", type=int, default=STEPS, help=f"{STEPS:,} unless given")
    steps = arguments.parse_args().steps
    with threadpool_limits(limits=1, user_api="blas"):
        print(f"{os.cpu_count()} cores, NumPy {np.__version__}, BLAS on one thread")
        run, history, checkpoints, rest = trained(steps)
        print(f"{steps:,} steps of the default recipe")
        print(f"history: {history / steps:.1f} bytes a step; wanted: at most 64")
        print(f"checkpoints: {checkpoints / 1e6:.2f} MB; wanted: at most 16")
        print(f"a step's own arrays and the rest: {rest / 1e6:.2f} MB")
        rounds = [looks(run, np.random.default_rng(seed)) for seed in range(ROUNDS)]
        print(f"run.at(t), {ROUNDS} rounds of {LOOKS} random steps:")
        line("median", [statistics.median(times) for times in rounds], "; wanted: at most 50")
        line("95th percentile", [float(np.percentile(times, 95)) for times in rounds])
        line("longest", [max(times) for times in rounds])


def trained(steps: int) -> tuple[Run, int, int, int]:
    """Return a run, and the bytes that its history, its checkpoints and all else of it take."""
    digits = load_bundled()
    held_out = digits.held_out_images, digits.held_out_labels
    tracemalloc.start()
    run = Run(Recipe(), digits.images, digits.labels, held_out)
    run.advance(steps)
    held = tracemalloc.take_snapshot().statistics("lineno")
    tracemalloc.stop()
    history = sum(e.size for e in held if e.traceback[0].filename.endswith("history.py"))
    checkpoints = max(e.size for e in held if e.traceback[0].filename.endswith("run.py"))
    return run, history, checkpoints, sum(e.size for e in held) - history - checkpoints


def looks(run: Run, generator: np.random.Generator) -> list[float]:
    """Have random steps back; return how long each took, in milliseconds."""
    times = []
    for number in generator.integers(1, run.step + 1, LOOKS):
        start = time.perf_counter()
        run.at(int(number))
        times.append(1000 * (time.perf_counter() - start))
    return times


def line(what: str, values: list[float], wanted: str = "") -> None:
    """Print the median of the rounds and their range, in milliseconds."""
    middle, low, high = statistics.median(values), min(values), max(values)
    print(f"  {what}: {middle:.1f} ms ({low:.1f} to {high:.1f}){wanted}")


if __name__ == "__main__":
    main()
