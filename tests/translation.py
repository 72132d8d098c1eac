"""The network's parameters as the oracle's, and the other way round."""

import oracle

from cnn.network import Parameters

SYMBOLS = {
    "filters": "k",
    "filter_bias": "b",
    "hidden_weights": "W1",
    "hidden_bias": "b1",
    "output_weights": "W2",
    "output_bias": "b2",
}
"""What the notes call each parameter, by its name in `cnn`."""


def to_oracle(parameters: Parameters) -> oracle.Parameters:
    """In float64, in arrays of its own."""
    arrays = {symbol: getattr(parameters, name) for name, symbol in SYMBOLS.items()}
    return oracle.Parameters(**{symbol: oracle.floats(a).copy() for symbol, a in arrays.items()})


def from_oracle(parameters: oracle.Parameters) -> Parameters:
    return Parameters.from_arrays(**by_name(parameters))


def by_name(parameters: oracle.Parameters) -> dict[str, oracle.Array]:
    """The oracle's six arrays under the names that the network keeps them by."""
    return {name: getattr(parameters, symbol) for name, symbol in SYMBOLS.items()}
