"""How fast a run plays."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Pace:
    """A speed that can be chosen.

    Attributes:
        interval: seconds from one frame to the next.
        steps: training steps a frame, or None for as many as fit.
        slow_motion: whether the stages of a step light up one after the other.
    """

    interval: float
    steps: int | None
    slow_motion: bool = False


BUDGET = 0.075
"""Seconds of training a frame, where as many steps as fit are taken: eleven frames a second, while
the browser draws one frame during the training for the next."""

FASTEST = "as fast as it goes"

PACES = {
    "read along": Pace(56.0, 1, slow_motion=True),
    "slow motion": Pace(4.0, 1, slow_motion=True),
    "1 step/s": Pace(1.0, 1),
    "10/s": Pace(0.1, 1),
    "100/s": Pace(0.1, 10),
    FASTEST: Pace(0.06, None),
}
"""By what the visitor chooses. The fastest takes longer than its interval, so tick follows tick."""
