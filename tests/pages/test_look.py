"""What of a run is looked at: pinning, following, going back, letting go."""

from cnn.arithmetic import Place
from pages.parts.frame import Spot
from pages.parts.look import Look

CELL = Place("z", 30, image=2, filter=0)
PIXEL = Place("x", 40, image=1)


def test_a_pinned_number_brings_its_image_and_ends_an_explanation() -> None:
    look = Look(asked="backfill")
    look.pin(CELL, Spot("z", 0, 30))
    assert (look.pinned, look.spot, look.image, look.asked) == (CELL, Spot("z", 0, 30), 2, None)


def test_the_way_back_leads_to_the_number_and_the_image_before() -> None:
    look = Look()
    look.pin(CELL)
    look.follow(PIXEL)
    assert (look.pinned, look.image, len(look.trail)) == (PIXEL, 1, 1)
    look.back()
    assert (look.pinned, look.image, look.trail) == (CELL, 2, [])


def test_letting_go_lets_go_of_all() -> None:
    look = Look(asked="backfill")
    look.pin(CELL)
    look.follow(PIXEL)
    look.asked = "backfill"
    look.let_go()
    assert (look.pinned, look.spot, look.asked, look.trail) == (None, None, None, [])
    assert look.image == 1  # the image stays


def test_a_digit_of_ones_own_is_looked_at_from_its_first_image() -> None:
    look = Look()
    look.pin(CELL)
    look.examine(17)
    assert (look.examined, look.image, look.pinned) == (17, 0, None)
