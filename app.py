"""The live page: a network learns, and every part of the newest step is on the screen."""

from pages.parts.live import live_curves, live_stage
from pages.parts.page import page
from pages.parts.session import session
from pages.parts.settings import new_run, watched_digit
from pages.parts.tour import tour
from pages.parts.transport import transport
from pages.parts.trouble import trouble

page("Live")
held = session()
watched_digit(held)
new_run(held)
transport(held)
trouble(held)
live_stage(held)
live_curves(held)
tour(held)
