"""Which number of a step a cell of the stage is, and where on the stage a number is seen."""

from cnn.arithmetic import Place
from cnn.network import POOLED
from pages.parts.frame import Spot

BIAS = 9
"""The number of the bias in the stage's panels of a filter."""

_POOLED_CELLS = POOLED[0] * POOLED[1]

QUANTITIES = {
    "image": "x",
    "z": "z",
    "feature_map": "feature_map",
    "pooled": "pooled",
    "hidden": "a1",
    "probabilities": "probabilities",
    "delta2": "delta2",
    "delta1": "delta1",
    "delta0": "delta0",
    "backfill": "backfill",
    "dz": "dz",
}
"""What each panel shows, except those of the filter."""

FILTER_QUANTITIES = {
    "filter_before": ("filters", "filter_bias"),
    "filter_gradient": ("dk", "db"),
    "filter_change": ("new_filters", "new_filter_bias"),
    "filter_after": ("new_filters", "new_filter_bias"),
}
"""What each panel of the filter shows: its nine weights, and its bias."""

PANELS = {*QUANTITIES, *FILTER_QUANTITIES}
"""All panels with cells."""

UNITS = {"z1": "hidden", "hidden_bias": "hidden", "db1": "delta1", "new_hidden_bias": "hidden"}
UNITS |= {"z2": "probabilities", "output_bias": "probabilities", "db2": "delta2"}
UNITS |= {"new_output_bias": "probabilities"}
"""What has one number for each unit of a layer, and no panel of its own."""

ROWS = {"hidden_weights": "hidden", "dW1": "delta1", "new_hidden_weights": "hidden"}
ROWS |= {"output_weights": "probabilities", "dW2": "delta2", "new_output_weights": "probabilities"}
"""Dense weights: each unit of a layer has a row of them."""


def place_of(spot: Spot) -> Place:
    """Return the number that a cell of the stage is; its image is the one that is looked at."""
    if spot.panel in FILTER_QUANTITIES:
        weights, bias = FILTER_QUANTITIES[spot.panel]
        if spot.index == BIAS:
            return Place(bias, 0, filter=spot.filter)
        return Place(weights, spot.index, filter=spot.filter)
    return Place(QUANTITIES[spot.panel], spot.index, filter=spot.filter)


def spot_of(place: Place, hidden: int, filters: int, label: int) -> Spot:
    """Return the cell of the stage where a number is seen, or the one that it belongs to.

    Args:
        place: the number.
        hidden: how many hidden units the network has.
        filters: how many filters.
        label: the true class of the image that is looked at, which the losses belong to.
    """
    quantity, index, filter = place.quantity, place.index, place.filter or 0
    for panel, (weights, bias) in FILTER_QUANTITIES.items():
        if quantity in (weights, bias) and panel != "filter_change":
            return Spot(panel, filter, index if quantity == weights else BIAS)
    if quantity == "a0":
        return Spot("pooled", *divmod(index, _POOLED_CELLS))
    if quantity in ("loss", "batch_loss"):
        return Spot("probabilities", filter, label)
    if quantity in UNITS:
        return Spot(UNITS[quantity], filter, index)
    if quantity in ROWS:
        to_hidden = ROWS[quantity] in ("hidden", "delta1")
        return Spot(
            ROWS[quantity], filter, index // (_POOLED_CELLS * filters if to_hidden else hidden)
        )
    panel = next(panel for panel, shown in QUANTITIES.items() if shown == quantity)
    return Spot(panel, filter, index)
