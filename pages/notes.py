"""The notes page: the mathematics, the code that runs, and what the notes get wrong."""

from pages.parts.notes_layout import contents, introduction, loops, part, slips
from pages.parts.notes_live import Live
from pages.parts.over_steps import leave
from pages.parts.page import page
from pages.parts.playing import playing
from pages.parts.session import session

page("Notes")
held = session()
leave(held)
playing(held)
live = Live(held)
introduction(live)
contents()
part("forward", live)
part("backward", live)
part("update", live)
loops(live)
slips(live)
live.follow()
