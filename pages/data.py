"""The data page: the digits in use, and others to use instead."""

from pages.parts.page import page
from pages.parts.playing import playing
from pages.parts.session import session

page("Data")
held = session()
playing(held)
