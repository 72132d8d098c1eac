"""How long the panels of the step page compute: the gradient check, and sixty other rates.

For a step of a run on the bundled digits prints, over several of its steps,

- the seconds of ``check_gradients`` for all parameters (wanted for the default recipe: at most 2);
- the milliseconds of ``losses_along_gradient`` for the rates that the page draws (wanted: less
  than 100).

::

    python tests/benchmarks/panels.py
"""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from _app import show
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).parents[2]))

from cnn import Recipe, Run, Step, check_gradients  # the path had to be set first
from cnn.whatif import losses_along_gradient
from data import load_bundled

RATES = np.geomspace(1e-4, 10, 60)  # as on the page
STEPS = (1, 100, 200, 300, 400, 500)


def main() -> None:
    """Measure and print."""
    print(f"{os.cpu_count()} cores, NumPy {np.__version__}, BLAS on one thread")
    digits = load_bundled()
    with threadpool_limits(limits=1, user_api="blas"):
        for recipe in (Recipe(), Recipe(filters=8), Recipe(batch=32), Recipe(filters=8, batch=32)):
            run = Run(recipe, digits.images, digits.labels)
            run.advance(STEPS[-1])
            steps = [run.at(number) for number in STEPS]
            name = f"filters {recipe.filters}, batch {recipe.batch}"
            if recipe.filters * recipe.batch <= 8:  # of a larger step one image is checked
                show(f"{name}: gradient check", [timed(_check, step) for step in steps], "{:.2f} s")
            rates = [1000 * timed(_rates, step) for step in steps]
            show(f"{name}: {len(RATES)} other rates", rates, "{:.1f} ms")


def timed(work: Callable[[Step], object], step: Step) -> float:
    """Return how many seconds some work on a step takes."""
    start = time.perf_counter()
    work(step)
    return time.perf_counter() - start


def _check(step: Step) -> object:
    return check_gradients(step.before, step.images, step.labels)


def _rates(step: Step) -> object:
    return losses_along_gradient(step, RATES)


if __name__ == "__main__":
    main()
