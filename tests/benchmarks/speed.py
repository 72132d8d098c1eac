"""How fast this network trains, beside the notes' loops and an equal PyTorch model.

Prints, side by side and from one run,

- microseconds a step at batch 1 and images a second at batch 32 and 64, for this network
  (``Run.advance``), for the notes' loops (``tests/oracle.py``), for plain loops in C
  (``network.c``) and for PyTorch on the CPU with one and with two threads;
- how many times as fast as the others this network is: the median of the rounds' ratios and
  their range, against the better of PyTorch's two counts (wanted: at least 5 times PyTorch at
  batch 1 and 3 times at batch 32 and 64; at least 100 times the loops; at batch 1 a step of at
  most 16 of C's, at batch 64 at least 45 % of C's images a second).

::

    python tests/benchmarks/speed.py

PyTorch is not among the project's requirements: where it is not installed (``pip install torch``),
its lines are left out; likewise C's without a compiler (``cc``, with ``-O3 -march=native``).

All do the same work: the same digits in the same order from the same first weights, uint8 pixels
made floats by / 255, forward, backward, a step of gradient descent, and after each step the loss
and the number of images classified rightly read out. That they also come to the same weights is
checked first. The PyTorch model is written the usual way, with ``torch.optim.SGD``; since at
batch 1 a quarter of its time goes into that optimiser, a line more shows it with the update
written by hand, on one thread. Each contender is a process of its own, so that none inherits
another's threads; this network's BLAS has one thread. In every round all take their turns, each
for about a tenth of a second (the loops for a step), so that whatever else the machine does
falls on all.
"""

import argparse
import ctypes
import importlib.util
import multiprocessing
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).parents[1]))  # where the oracle is
sys.path.insert(0, str(Path(__file__).parents[2]))

import oracle  # the path had to be set first

from cnn import Parameters, Recipe, Run
from cnn.network import PARAMETER_NAMES
from data import load_bundled

BATCHES = (1, 32, 64)
RATE = 0.01
SECONDS = 0.1  # that a turn takes
CHECKED = 20  # steps after which all must have come to the same weights

OURS, LOOPS, C = "this network", "the notes' loops", "C"
TORCH = "PyTorch, one thread", "PyTorch, two threads"
BY_HAND = "PyTorch, own update"


class Contender(ABC):
    """A network in training at one batch size."""

    def __init__(self, batch: int) -> None:
        self.recipe = Recipe(batch=batch, learning_rate=RATE)
        self.digits = load_bundled()

    @abstractmethod
    def train(self, steps: int) -> None:
        """Go on for so many steps."""

    @abstractmethod
    def weights(self) -> list[np.ndarray]:
        """Return the six arrays of `cnn.Parameters`."""

    def batches(self) -> Iterator[np.ndarray]:
        """Yield where the images of each step stand, as a run has them."""
        epoch, batch = 0, self.recipe.batch
        while True:
            epoch += 1
            order = self.recipe.order(epoch, len(self.digits.images))
            yield from (order[start : start + batch] for start in range(0, len(order), batch))


class ThisNetwork(Contender):
    """`cnn`, the way the app trains it."""

    def __init__(self, batch: int) -> None:
        super().__init__(batch)
        self.run = Run(self.recipe, self.digits.images, self.digits.labels)

    def train(self, steps: int) -> None:
        self.run.advance(steps)

    def weights(self) -> list[np.ndarray]:
        return arrays(self.run.parameters)


class Loops(Contender):
    """`tests/oracle.py`, one image at a time, the gradients' mean taken over the batch."""

    def __init__(self, batch: int) -> None:
        super().__init__(batch)
        self.parameters = oracle.Parameters(*arrays(self.recipe.initial_parameters()))
        self.chosen = self.batches()
        self.losses: list[float] = []
        self.right: list[int] = []

    def train(self, steps: int) -> None:
        for _ in range(steps):
            gradients, loss, right = [], 0.0, 0
            chosen = next(self.chosen)
            for image, label in zip(
                self.digits.images[chosen], self.digits.labels[chosen], strict=True
            ):
                values = oracle.forward(self.parameters, image / 255)
                gradients.append(oracle.backward(self.parameters, values, label).gradients)
                loss += oracle.cross_entropy(values.z2, label)
                right += int(values.p.argmax() == label)
            mean = oracle.Parameters(
                *(
                    sum(getattr(g, name) for g in gradients) / len(chosen)
                    for name in vars(gradients[0])
                )
            )
            self.parameters = oracle.update(self.parameters, mean, RATE)
            self.losses.append(loss / len(chosen))
            self.right.append(right)

    def weights(self) -> list[np.ndarray]:
        return list(vars(self.parameters).values())


class PlainC(Contender):
    """`network.c`, compiled when it is needed."""

    def __init__(self, batch: int) -> None:
        super().__init__(batch)
        self.vector = self.recipe.initial_parameters().vector.copy()
        self.chosen = self.batches()
        with tempfile.TemporaryDirectory() as folder:
            library = f"{folder}/network.so"
            source = str(Path(__file__).with_name("network.c"))
            options = ["-O3", "-march=native", "-shared", "-fPIC", "-o", library, source, "-lm"]
            subprocess.run(["cc", *options], check=True)
            self.function = ctypes.CDLL(library).train

    def train(self, steps: int) -> None:
        chosen = [next(self.chosen) for _ in range(steps)]
        order = np.concatenate(chosen).astype(np.int64)
        starts = np.cumsum([0, *map(len, chosen)])  # an epoch's last batch may be smaller
        losses, right = np.empty(steps, np.float32), np.empty(steps, np.int64)
        self.function(
            *map(address, (self.vector, self.digits.images, self.digits.labels, order, starts)),
            ctypes.c_int64(steps),
            ctypes.c_float(RATE),
            *map(address, (losses, right)),
        )

    def weights(self) -> list[np.ndarray]:
        return arrays(self.recipe.initial_parameters().replaced(self.vector))


class PyTorch(Contender):
    """The same layers from torch.nn, with its own autograd and optimiser."""

    def __init__(self, batch: int) -> None:
        super().__init__(batch)
        import torch
        from torch import nn

        self.torch = torch
        self.images = torch.from_numpy(self.digits.images.copy()).unsqueeze(1)
        self.labels = torch.from_numpy(self.digits.labels.copy())
        self.model = nn.Sequential(
            nn.Conv2d(1, 1, 3),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(169, 40),
            nn.ReLU(),
            nn.Linear(40, 10),
        )
        with torch.no_grad():
            first = arrays(self.recipe.initial_parameters())
            for parameter, values in zip(self.model.parameters(), first, strict=True):
                parameter.copy_(torch.tensor(values).reshape(parameter.shape))
        self.optimiser = torch.optim.SGD(self.model.parameters(), lr=RATE)
        self.chosen = self.batches()
        self.losses: list[float] = []
        self.right: list[int] = []

    def train(self, steps: int) -> None:
        cross_entropy, from_numpy = self.torch.nn.functional.cross_entropy, self.torch.from_numpy
        for _ in range(steps):
            chosen = from_numpy(next(self.chosen))
            images, labels = self.images[chosen] / 255, self.labels[chosen]
            self.model.zero_grad()
            z2 = self.model(images)
            loss = cross_entropy(z2, labels)
            loss.backward()
            self.update()
            self.losses.append(loss.item())
            self.right.append(int((z2.argmax(1) == labels).sum()))

    def update(self) -> None:
        """Take a step of gradient descent."""
        self.optimiser.step()

    def weights(self) -> list[np.ndarray]:
        parameters = [parameter.detach().numpy() for parameter in self.model.parameters()]
        return [parameters[0].reshape(1, 3, 3), *parameters[1:]]


class PyTorchByHand(PyTorch):
    """The same without its optimiser."""

    def __init__(self, batch: int) -> None:
        super().__init__(batch)
        self.parameters = list(self.model.parameters())

    def update(self) -> None:
        with self.torch.no_grad():
            for parameter in self.parameters:
                parameter.sub_(parameter.grad, alpha=RATE)


def address(array: np.ndarray) -> ctypes.c_void_p:
    """Where an array begins, for C."""
    return array.ctypes.data_as(ctypes.c_void_p)


def arrays(parameters: Parameters) -> list[np.ndarray]:
    """Return the six arrays by the notes' order."""
    return [np.array(getattr(parameters, name)) for name in PARAMETER_NAMES]


# In each contender's own process

contenders: dict[int, Contender] = {}  # by batch


def begin(name: str) -> None:
    """Set the number of threads before anything is computed."""
    threads = 2 if name == TORCH[1] else 1
    threadpool_limits(limits=threads, user_api="blas")
    if name in (*TORCH, BY_HAND):
        import torch

        torch.set_num_threads(threads)
    known = {OURS: ThisNetwork, LOOPS: Loops, C: PlainC, BY_HAND: PyTorchByHand}
    kind = known.get(name, PyTorch)
    contenders.update({batch: kind(batch) for batch in BATCHES})


def weights_after(batch: int, steps: int) -> list[np.ndarray]:
    """Train a little; say where that led."""
    contenders[batch].train(steps)
    return contenders[batch].weights()


def seconds(batch: int, steps: int) -> float:
    """Train, and return the time of a step."""
    start = time.perf_counter()
    contenders[batch].train(steps)
    return (time.perf_counter() - start) / steps


# In the first process


def main() -> None:
    """Check, measure in turns, print."""
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--rounds", type=int, default=31, help="31 unless given")
    rounds = arguments.parse_args().rounds
    has_torch = importlib.util.find_spec("torch") is not None
    has_c = [C] if shutil.which("cc") else []
    names = [OURS, LOOPS, *has_c, *((*TORCH, BY_HAND) if has_torch else ())]
    with ExitStack() as stack:
        processes = {name: stack.enter_context(process(name)) for name in names}
        print(machine(has_torch))
        check(processes)
        times = measure(processes, rounds)
    report(times)
    compare(times)


def process(name: str) -> ProcessPoolExecutor:
    """Return a process that waits to be told to train."""
    fresh = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(1, mp_context=fresh, initializer=begin, initargs=(name,))


def machine(has_torch: bool) -> str:
    """Name what the numbers belong to."""
    from importlib.metadata import version

    torch = f"PyTorch {version('torch')}" if has_torch else "PyTorch not installed: left out"
    return (
        f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}; "
        f"NumPy {np.__version__}, BLAS on one thread; {torch}"
    )


def check(processes: dict[str, ProcessPoolExecutor]) -> None:
    """Stop unless all have come to the same weights; the loops take a step of each batch only."""
    for batch in BATCHES:
        for name, other in processes.items():
            steps = 1 if name == LOOPS else CHECKED
            ours = ThisNetwork(batch)
            ours.train(steps)
            theirs = other.submit(weights_after, batch, steps).result()
            apart = max(np.abs(a - b).max() for a, b in zip(ours.weights(), theirs, strict=True))
            if apart > 1e-5:
                sys.exit(f"{name} computes something else at batch {batch}: {apart:.2g} apart")
    print(f"All agree on the weights after {CHECKED} steps (the loops: 1 step) to 0.00001.")


def measure(
    processes: dict[str, ProcessPoolExecutor], rounds: int
) -> dict[int, dict[str, list[float]]]:
    """Return the seconds a step by batch and contender, one for each round."""
    times: dict[int, dict[str, list[float]]] = {}
    for batch in BATCHES:
        times[batch] = {name: [] for name in processes}
        steps = {}
        for name, other in processes.items():
            once = other.submit(seconds, batch, 1 if name == LOOPS else 50).result()
            steps[name] = max(1, round(SECONDS / once))
        for number in range(rounds):
            turns = list(processes.items())
            for name, other in turns if number % 2 else reversed(turns):
                times[batch][name].append(other.submit(seconds, batch, steps[name]).result())
    return times


def report(times: dict[int, dict[str, list[float]]]) -> None:
    """Print the medians and ranges, one line for each contender."""
    heads = ["µs a step" if batch == 1 else "images a second" for batch in BATCHES]
    print(
        "\n"
        + row("", [f"batch {batch}: {head}" for batch, head in zip(BATCHES, heads, strict=True)])
    )
    for name in times[1]:
        cells = []
        for batch in BATCHES:
            one = times[batch][name]
            values = [1e6 * t for t in one] if batch == 1 else [batch / t for t in one]
            low, high = min(values), max(values)
            cells.append(f"{statistics.median(values):,.0f} ({low:,.0f} to {high:,.0f})")
        print(row(name, cells))


def compare(times: dict[int, dict[str, list[float]]]) -> None:
    """Print how many times as fast this network is."""
    print()
    for batch in BATCHES:
        others = [(LOOPS, "; wanted: at least 100")]
        if C in times[batch]:
            least = {1: "; wanted: at least 1/16, 0.0625", 64: "; wanted: at least 0.45"}
            others.append((C, least.get(batch, "")))
        if TORCH[0] in times[batch]:
            better = min(TORCH, key=lambda name: statistics.median(times[batch][name]))
            others.append((better, f"; wanted: at least {5 if batch == 1 else 3}"))
            others.append((BY_HAND, ""))
        for name, wanted in others:
            pairs = zip(times[batch][name], times[batch][OURS], strict=True)
            ratios = [theirs / ours for theirs, ours in pairs]
            print(
                f"batch {batch}: {short(statistics.median(ratios))} times as fast as {name} "
                f"({short(min(ratios))} to {short(max(ratios))}){wanted}"
            )


def short(ratio: float) -> str:
    """Write a ratio with about three digits."""
    return f"{ratio:,.0f}" if ratio >= 100 else f"{ratio:.3g}"


def row(name: str, cells: list[str]) -> str:
    """Lay out a line of the table."""
    return f"{name:<22}" + "".join(f"{cell:>34}" for cell in cells)


if __name__ == "__main__":
    main()
