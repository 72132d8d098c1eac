"""The page that judges: what the network gets right and wrong, on digits it never trained on."""

from pages.parts.page import page
from pages.parts.playing import playing
from pages.parts.session import session

page("Evaluate")
held = session()
playing(held)
