"""A server that is killed and started again, and a line that is cut."""

import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from machinery import Line, Report, Server
from playwright.sync_api import Page, expect
from watching import (
    button,
    check_bits,
    choose_pace,
    expect_step,
    meta,
    open_panel,
    opened,
    pause,
    play,
    rate_slider,
    same_run,
    start_new_run,
    step,
    wait_for_step,
)

from cnn import Run
from data import Digits
from pages.parts.link import Wanted, wanted

pytestmark = pytest.mark.browser

BACK = "Your run is back, the same to the last bit"


@pytest.fixture
def server(start_server: Callable[..., Server]) -> Server:
    return start_server(Path(os.environ["WATCH_IT_LEARN_CACHE"]))


def named(page: Page) -> Wanted:
    """What the page's address asks for, beside how the page is to be embedded."""
    parameters = dict(parse_qsl(urlsplit(page.url).query))
    assert parameters.pop("embed_options") == "show_padding"
    return wanted(parameters)


def expect_address(page: Page, step: int) -> None:
    page.wait_for_function(
        "(step) => new URLSearchParams(location.search).get('step') === `${step}`", arg=step
    )


def gone(page: Page) -> None:
    """Wait until the page has noticed, and says so."""
    expect(page.get_by_role("dialog").get_by_text("not responding")).to_be_visible()


def run_of(asked: Wanted, digits: Digits) -> Run:
    run = Run(asked.recipe, digits.images, digits.labels)
    run.advance(asked.step)
    return run


def test_a_server_killed_in_the_middle_of_a_run(
    patient: Page, server: Server, digits: Digits, report: Report
) -> None:
    # By a link, of which Streamlit goes on telling the server whatever the address says later.
    link = f"{server.url}/?seed=5&filters=2&learning_rate=0.005&step=40"
    page = opened(patient, f"{link}&embed_options=show_padding")
    choose_pace(page, "100/s")
    play(page)
    wait_for_step(page, 60)
    rate_slider(page).press("ArrowRight")
    page.wait_for_function("location.search.includes(':')")  # the change of the rate
    server.kill()
    lost = time.monotonic()
    gone(page)
    seen, address, asked = step(page), page.url, named(page)
    server.start()
    expect(page.get_by_role("alert")).to_contain_text(BACK)
    expect(page.get_by_role("dialog").get_by_text("not responding")).to_be_hidden()
    taken = time.monotonic() - lost
    expect_step(page, asked.step)
    assert page.url == address
    assert len(asked.recipe.learning_rate) == 2
    assert 40 < asked.step <= seen
    assert meta(page)["rate_changes"] == [list(change) for change in asked.recipe.learning_rate]
    run = run_of(asked, digits)
    check_bits(page, run.at(asked.step))
    # And it goes on as if nothing had been.
    button(page, "Step").click()
    expect_step(page, asked.step + 1)
    run.advance(1)
    check_bits(page, run.at(run.step))
    expect(rate_slider(page)).to_have_attribute(
        "aria-valuetext", re.compile(f"{run.learning_rate:g}$")
    )
    report(
        "server killed while a run plays, started again",
        f"“not responding” over the last step; {taken:.0f} s later the page is back by itself, at "
        f"step {asked.step:,} of {seen:,} seen, and says so",
        f"the run in hand, with both its rates: the same bits at step {asked.step:,}, and at the "
        "next",
    )

    expect_address(page, run.step)
    page.reload()
    expect_step(page, run.step)
    check_bits(page, run.at(run.step))
    report("page loaded again", "the same run at the same step", "the run in hand: the same bits")

    # Where nothing plays, and on another page.
    page.get_by_role("link", name="Any step").click()
    expect(button(page, "First")).to_be_visible()
    expect_address(page, run.step)
    page.go_back()
    expect(button(page, "Play")).to_be_visible()
    expect_address(page, run.step)
    page.go_forward()
    expect(button(page, "First")).to_be_visible()
    expect_address(page, run.step)
    server.kill()
    gone(page)
    server.start()
    expect(page.get_by_role("alert")).to_contain_text(BACK)
    expect_step(page, run.step)
    check_bits(page, run.at(run.step))
    page.get_by_role("button", name="All right").click()
    expect(page.get_by_role("alert")).to_be_hidden()
    report(
        "server killed while nothing plays, on another page, started again",
        "the page is back by itself, on the same page, and says so",
        "the run in hand: the same bits",
    )


def test_a_line_that_is_cut_for_a_while(
    patient: Page, server: Server, digits: Digits, dropped: float, report: Report
) -> None:
    line = Line(server.port)
    page = opened(patient, line.url)
    open_panel(page, "New run")
    start_new_run(page)
    play(page)
    wait_for_step(page, 500)
    line.cut()
    gone(page)
    at = step(page)
    page.wait_for_timeout(dropped * 1_000)
    assert step(page) == at
    line.mend()
    mended = time.monotonic()
    page.wait_for_function("(at) => globalThis.meta.step > at", arg=at)
    taken = time.monotonic() - mended
    expect(page.get_by_role("dialog").get_by_text("not responding")).to_be_hidden()
    stood = pause(page)
    assert meta(page)["run"] == "2"  # a new visit would begin with its first
    check_bits(page, same_run(page, digits).at(stood))
    expect(page.get_by_role("alert")).to_have_count(0)
    report(
        f"connection dropped for {dropped:.0f} s while a run plays",
        f"“not responding” over the last step; {taken:.0f} s after the line is there again the "
        "run plays on by itself",
        f"the whole visit: it is run 2, the same bits at step {stood:,}",
    )
