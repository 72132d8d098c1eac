"""The notes page: the mathematics, the code that runs, and what the notes get wrong."""

from pages.parts.page import page
from pages.parts.playing import playing
from pages.parts.session import session

page("Notes")
held = session()
playing(held)
