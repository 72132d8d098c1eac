"""Where a number is seen on the stage, and which number a cell of the stage is."""

import re
from pathlib import Path

import pytest

from cnn.arithmetic import EXPLANATIONS, Place
from pages.parts.frame import Spot
from pages.parts.inspector import axes_of
from pages.parts.spots import FILTER_QUANTITIES, QUANTITIES, place_of, spot_of

PANELS = Path(__file__).parents[2] / "static" / "stage" / "panels.js"


def test_every_panel_of_the_stage_is_known() -> None:
    names = re.findall(r'name: "(\w+)"', PANELS.read_text(encoding="utf-8"))
    assert len(names) == 15
    assert {*QUANTITIES, *FILTER_QUANTITIES} == set(names)


@pytest.mark.parametrize("panel", [*QUANTITIES, *FILTER_QUANTITIES])
def test_a_cell_leads_to_a_number_and_back(panel: str) -> None:
    for index in (0, 8, 9):
        place = place_of(Spot(panel, 2, index))
        assert place.quantity in EXPLANATIONS
        back = spot_of(place, hidden=40, filters=3, label=5)
        # The change is written out with the new value, and seen there.
        shown = "filter_after" if panel == "filter_change" else panel
        assert back == Spot(shown, 2, index)


@pytest.mark.parametrize(
    ("place", "spot"),
    [
        (Place("filter_bias", 0, filter=1), Spot("filter_before", 1, 9)),
        (Place("db", 0, filter=1), Spot("filter_gradient", 1, 9)),
        (Place("a0", 2 * 169 + 30), Spot("pooled", 2, 30)),
        (Place("z1", 7), Spot("hidden", 0, 7)),
        (Place("z2", 7), Spot("probabilities", 0, 7)),
        (Place("loss", 0), Spot("probabilities", 0, 5)),
        (Place("batch_loss", 0), Spot("probabilities", 0, 5)),
        # Unit 4's row of W1 has three filters' 169 entries.
        (Place("hidden_weights", 4 * 507 + 506), Spot("hidden", 0, 4)),
        (Place("dW1", 4 * 507), Spot("delta1", 0, 4)),
        (Place("new_output_weights", 6 * 40 + 39), Spot("probabilities", 0, 6)),
        (Place("dW2", 6 * 40), Spot("delta2", 0, 6)),
        (Place("db2", 6), Spot("delta2", 0, 6)),
    ],
)
def test_what_has_no_panel_is_shown_at_what_it_belongs_to(place: Place, spot: Spot) -> None:
    assert spot_of(place, hidden=40, filters=3, label=5) == spot


def test_every_quantity_is_somewhere_on_the_stage() -> None:
    for quantity in EXPLANATIONS:
        assert spot_of(Place(quantity, 0), hidden=40, filters=1, label=0).panel
        assert all(count > 1 for _, count in axes_of(quantity, 1, 40))
