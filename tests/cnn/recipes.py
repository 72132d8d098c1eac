"""Recipes to try anything on."""

import math

from hypothesis import strategies as st

from cnn import Recipe
from cnn.recipe import MAX_LEARNING_RATE, MAX_STEPS

DEFAULTS = {
    "data": "bundled",
    "seed": 0,
    "filters": 1,
    "hidden": 40,
    "batch": 1,
    "bias_rule": "exact",
    "learning_rate": ((1, 0.01),),
}


WHOLE = {"seed": (0, 2**32 - 1), "filters": (1, 8), "hidden": (1, 256), "batch": (1, 1000)}

RATES = st.floats(0, MAX_LEARNING_RATE, exclude_min=True)


STEPS = st.integers(1, MAX_STEPS)


@st.composite
def schedules(draw: st.DrawFn) -> tuple[tuple[int, float], ...]:
    later = draw(st.sets(st.integers(2, MAX_STEPS), max_size=5))
    return tuple((step, draw(RATES)) for step in (1, *sorted(later)))


NAMES = st.text("abcXYZ019-_.", min_size=1, max_size=40)


RECIPES = st.builds(
    Recipe,
    data=NAMES,
    **{field: st.integers(least, most) for field, (least, most) in WHOLE.items()},
    bias_rule=st.sampled_from(["exact", "notes"]),
    learning_rate=schedules(),
)


# What is refused

NAN, INF = math.nan, math.inf
