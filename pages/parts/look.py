"""What of a run is looked at: which step, which image of it, and which number."""

from dataclasses import dataclass, field, replace

from cnn import Step
from cnn.arithmetic import Place
from pages.parts.frame import Spot


@dataclass
class Look:
    """What the step page shows of the run in hand; another run is looked at afresh, unless the two
    share the step.

    Attributes:
        step: the number of the step, or None for the newest, whichever that is.
        examined: the digit that is shown instead of the step's own images, a position in the
            training digits and the held-out digits after them; or None.
        image: which image of the step's batch.
        pinned: the number whose arithmetic is written out, or None.
        spot: the cell of the stage that was clicked for it, or None.
        trail: the numbers that led to it, the newest last.
        asked: the panel of the stage that is explained, or None.
    """

    step: int | None = None
    examined: int | None = None
    image: int = 0
    pinned: Place | None = None
    spot: Spot | None = None
    trail: list[Place] = field(default_factory=list)
    asked: str | None = None

    def image_in(self, step: Step) -> int:
        """Which image of a step's batch is looked at; an epoch's last batch may be smaller."""
        return min(self.image, len(step.labels) - 1)

    def examine(self, position: int | None) -> None:
        """Look at a digit instead of a step's own images, or at none any more."""
        self.examined, self.image = position, 0
        self.let_go()

    def pin(self, place: Place, spot: Spot | None = None) -> None:
        """Write out a number's arithmetic.

        Args:
            place: the number; where it belongs to one image of the batch, that is looked at.
            spot: the cell of the stage that was clicked; found unless given.
        """
        self.trail = []
        self._pin(place, spot)

    def follow(self, place: Place) -> None:
        """Go from the pinned number to another, such as one that it is made of."""
        if self.pinned:
            self.trail.append(replace(self.pinned, image=self.image))
        self._pin(place, None)

    def back(self) -> None:
        """Return to the number that led to the pinned one."""
        if self.trail:  # two quick presses may come where one step back is left
            self._pin(self.trail.pop(), None)

    def _pin(self, place: Place, spot: Spot | None) -> None:
        self.pinned, self.spot, self.asked = place, spot, None
        if place.image is not None:
            self.image = place.image

    def let_go(self) -> None:
        """Write out no number, and explain no panel."""
        self.pinned, self.spot, self.asked, self.trail = None, None, None, []
