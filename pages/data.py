"""The data page: the digits in use, and others to use instead."""

import streamlit as st

from pages.parts.digit_browser import digit_browser
from pages.parts.digits_in_use import digits_in_use
from pages.parts.other_digits import other_digits
from pages.parts.page import page
from pages.parts.playing import playing
from pages.parts.session import session

page("Data")
held = session()
playing(held)
left, right = st.columns([3, 2], gap="large")
with left:
    digits_in_use(held)
with right:
    other_digits(held)
digit_browser(held)
