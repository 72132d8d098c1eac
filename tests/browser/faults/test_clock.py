"""A wall clock that jumps by a day, in the middle of a run."""

import os
import time
import urllib.request
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest
from machinery import Report, Server, jumping_clock
from playwright.sync_api import Page, expect
from watching import check_bits, choose_pace, opened, pause, play, same_run, step, wait_for_step

from data import Digits

pytestmark = pytest.mark.browser

DAY = 86_400


def days_wrong(server: Server) -> int:
    """By how many days the server's clock is wrong, as its answers are dated."""
    with urllib.request.urlopen(f"{server.url}/_stcore/health") as answer:
        there = parsedate_to_datetime(answer.headers["date"]).timestamp()
    return round((there - time.time()) / DAY)


def test_a_wall_clock_that_jumps(
    patient: Page,
    start_server: Callable[..., Server],
    digits: Digits,
    tmp_path: Path,
    report: Report,
) -> None:
    environment, jump = jumping_clock(tmp_path)
    server = start_server(Path(os.environ["WATCH_IT_LEARN_CACHE"]), **environment)
    page = opened(patient, server.url)
    choose_pace(page, "100/s")
    play(page)
    wait_for_step(page, 20)
    for days in (1, -1):
        jump.write_text(str(days * DAY))
        page.wait_for_timeout(1_100)  # the server dates its answers anew once a second
        assert days_wrong(server) == days
        wait_for_step(page, step(page) + 100)
    stood = pause(page)
    check_bits(page, same_run(page, digits).at(stood))
    expect(page.get_by_role("alert")).to_have_count(0)
    report(
        "wall clock a day ahead, then a day behind, while a run plays",
        "nothing: the run plays on",
        f"the run: the same bits at step {stood:,}",
    )
