"""The filter page: the life of the 3×3 filters."""

from pages.parts.page import page
from pages.parts.playing import playing
from pages.parts.session import session

page("Filter")
held = session()
playing(held)
