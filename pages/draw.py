"""The draw page: a digit of one's own, and what the network makes of it."""

from pages.parts.page import page
from pages.parts.playing import playing
from pages.parts.session import session

page("Draw")
held = session()
playing(held)
