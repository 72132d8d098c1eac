"""The slider of the learning rate: where it stands, and whether a visitor has moved it."""

from dataclasses import dataclass
from uuid import uuid4

import streamlit as st

from pages.parts.keys import Key
from pages.parts.rates import RATES


@dataclass
class RateSlider:
    """It follows the rate of the recipe until it is moved, and is then what sets that rate.

    Attributes:
        offered: its rates: the round ones, and any other that a recipe brought.
        key: the widget's, a new one each time the slider is put somewhere: what the browser still
            sends of where it stood before is then no move of it.
    """

    offered: tuple[float, ...] = RATES
    key: str = Key.RATE
    _placed: float | None = None

    @property
    def stands(self) -> float | None:
        """Where it stands, if it has been put anywhere.

        The widget's default, always: a browser that has lost what the widget stood at, because it
        changed pages while something was pressed, shows the default, and says that it stands there.
        """
        return self._placed if self.moved_to is None else self.moved_to

    @property
    def moved_to(self) -> float | None:
        """Where it has been moved to since it was placed or listened to, or None."""
        stands: float | None = st.session_state.get(self.key)
        return None if stands == self._placed else stands

    def heard(self) -> float | None:
        """Return where it has been moved to, once for each move."""
        if (rate := self.moved_to) is not None:
            self._placed = rate
        return rate

    def lags_behind(self, rate: float) -> bool:
        """Whether the recipe's rate has changed, as one from a link may, and not the slider."""
        return self.moved_to is None and self._placed != rate

    def follow(self, rate: float) -> None:
        """Put it at the recipe's rate, unless it has been moved."""
        if self.lags_behind(rate) or self.key not in st.session_state:
            self.put(rate)

    def put(self, rate: float) -> None:
        """Put it at a rate."""
        # It never has fewer rates than before: the browser may still send one that it stood at.
        self.offered = tuple(sorted({*self.offered, rate}))
        self.key = f"{Key.RATE}-{uuid4().hex}"
        self._placed = rate
