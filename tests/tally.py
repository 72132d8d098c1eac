"""How many bad inputs the tests have tried, door by door.

``pytest -m bad_input`` runs all tests that try some, and every run of pytest ends with the count:
one for each time that such a test was really called with an input.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from functools import wraps
from typing import ParamSpec, TypeVar

import pytest

Given = ParamSpec("Given")
Returned = TypeVar("Returned")

TRIED: Counter[str] = Counter()
"""Inputs by the door that they were tried at."""


def tries(door: str) -> Callable[[Callable[Given, Returned]], Callable[Given, Returned]]:
    """Mark a test as one that tries a door with bad inputs, and count its calls.

    It stands under ``@given``, which calls the test once for each input.
    """

    def decorate(test: Callable[Given, Returned]) -> Callable[Given, Returned]:
        @pytest.mark.bad_input
        @wraps(test)
        def counted(*args: Given.args, **kwargs: Given.kwargs) -> Returned:
            TRIED[door] += 1
            return test(*args, **kwargs)

        return counted

    return decorate


def told(tried: Mapping[str, int]) -> str:
    """Return the count in words."""
    doors = ", ".join(f"{door} {count:,}" for door, count in sorted(tried.items()))
    return f"bad inputs tried: {doors}; {sum(tried.values()):,} in all"
