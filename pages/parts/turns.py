"""Fair turns: when, and how long, each visitor's run may train, when several play on one server."""

import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

LATE = 3.0
"""Seconds by which a visitor's next turn may be late before they count as gone."""

LEAST = 0.002
"""Seconds that a turn has however many play: some dozen steps."""


class _Place(NamedTuple):
    until: float  # a moment of `time.monotonic`
    greedy: bool  # it trains as much as its turn allows


class Turns:
    """One for a server process: its runs train one at a time, and share the time of one.

    Python runs one thread at a time in any case. Without turns the threads would take it from one
    another in the middle of every step, and a visitor's click would wait for all of them.
    """

    def __init__(self) -> None:
        self._training = threading.Lock()
        self._places: dict[int, _Place] = {}

    @property
    def players(self) -> int:
        """How many visitors have turns now."""
        now = time.monotonic()
        return sum(place.until > now for place in list(self._places.values()))

    @contextmanager
    def turn(
        self, visitor: int, most: int, interval: float, budget: float | None
    ) -> Iterator[float | None]:
        """Wait for a turn; as a context, the moment of `time.monotonic` at which it ends.

        Args:
            visitor: a number of their own.
            most: visitors who have turns. One more has none as long as all of them play: the
                context is None.
            interval: seconds until they want the next.
            budget: seconds of training, if they were alone; None for what takes hardly any: it
                takes nothing from the turns of the others, and its own has no end.
        """
        with self._training:
            yield self._end(visitor, most, interval, budget)

    def _end(self, visitor: int, most: int, interval: float, budget: float | None) -> float | None:
        now = time.monotonic()
        for gone in [who for who, place in list(self._places.items()) if place.until <= now]:
            self.leave(gone)
        if visitor not in self._places and len(self._places) >= most:
            return None
        self._places[visitor] = _Place(now + interval + LATE, budget is not None)
        if budget is None:
            return math.inf
        sharing = sum(place.greedy for place in list(self._places.values()))
        return now + max(budget / sharing, LEAST)

    @contextmanager
    def standing(self) -> Iterator[None]:
        """As a context: nobody's run trains meanwhile, so that one can be read as it stands."""
        with self._training:
            yield

    def leave(self, visitor: int) -> None:
        """Leave one's place to somebody else; who plays on takes one again."""
        self._places.pop(visitor, None)


class Allowance:
    """What a visitor may train by now: so many steps a second, at most a second's worth at once."""

    def __init__(self) -> None:
        self._steps = 1.0
        self._counted = time.monotonic()

    def steps(self, a_second: int) -> int:
        """Return how many steps may be taken now."""
        now = time.monotonic()
        grown = self._steps + a_second * (now - self._counted)
        self._steps, self._counted = min(grown, a_second), now
        return int(self._steps)

    def take(self, steps: int) -> None:
        """Count steps that have been taken."""
        self._steps -= steps


TURNS = Turns()
"""Those of this process."""
