"""Fair turns: how long each visitor's run may train, when several play on one server."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

GONE = 3.0
"""Seconds without a turn after which a visitor plays no longer."""

LEAST = 0.002
"""Seconds that a turn has however many play: some dozen steps."""


class Turns:
    """One for a server process: its runs train one at a time, and share the time of one.

    Python runs one thread at a time in any case. Without turns the threads would take it from one
    another in the middle of every step, and a visitor's click would wait for all of them.
    """

    def __init__(self) -> None:
        self._training = threading.Lock()
        self._last: dict[int, float] = {}

    @property
    def players(self) -> int:
        """How many visitors play now."""
        now = time.monotonic()
        return sum(now - last < GONE for last in list(self._last.values()))

    @contextmanager
    def turn(self, visitor: int, budget: float) -> Iterator[float]:
        """Wait for a turn; as a context, the moment of `time.monotonic` at which it ends.

        Args:
            visitor: a number of their own.
            budget: seconds of training, if they were alone.
        """
        with self._training:
            now = time.monotonic()
            self._last = {who: last for who, last in self._last.items() if now - last < GONE}
            self._last[visitor] = now
            yield now + max(budget / len(self._last), LEAST)


TURNS = Turns()
"""Those of this process."""
