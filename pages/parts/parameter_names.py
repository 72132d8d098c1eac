"""What the parameters are called, by their place in the vector that holds all of them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cnn import Parameters
from cnn.network import PARAMETER_NAMES
from pages.parts.wording import PER_FILTER, symbol


def places_of(parameters: Parameters) -> list[tuple[str, NDArray[np.intp]]]:
    """Return where the parameters of each group stand in the vector."""
    places = parameters.replaced(np.arange(parameters.vector.size, dtype=np.float64))
    return [(name, getattr(places, name).reshape(-1).astype(np.intp)) for name in PARAMETER_NAMES]


@dataclass(frozen=True, eq=False)
class ParameterNames:
    """What the parameters are called, by their place in the vector."""

    parameters: Parameters
    group: NDArray[np.intp]
    position: NDArray[np.intp]

    @classmethod
    def of(cls, parameters: Parameters) -> "ParameterNames":
        """Name the parameters of a network."""
        group, position = (np.empty(parameters.vector.size, np.intp) for _ in range(2))
        for number, (_, places) in enumerate(places_of(parameters)):
            group[places], position[places] = number, np.arange(len(places))
        return cls(parameters, group, position)

    def name(self, place: int) -> str:
        """The group that a parameter belongs to."""
        return PARAMETER_NAMES[self.group[place]]

    def symbol(self, place: int) -> str:
        """What it is called in an equation."""
        name, position = self.name(place), int(self.position[place])
        filter, index = 0, position
        if name in PER_FILTER:
            filter, index = divmod(position, 9 if name == "filters" else 1)
        return symbol(self.parameters, name, index, filter)
