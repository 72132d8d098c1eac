"""Two servers that fill the cache at once."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from machinery import Report, Server
from playwright.sync_api import BrowserContext, Page
from watching import check_bits, opened

from cnn import Recipe, Run
from data import Digits

pytestmark = pytest.mark.browser


def test_two_servers_that_fill_the_cache_at_once(
    patient: Page,
    context: BrowserContext,
    start_server: Callable[..., Server],
    digits: Digits,
    tmp_path: Path,
    report: Report,
) -> None:
    cache = tmp_path / "cache"
    first, second = start_server(cache), start_server(cache)
    assert not cache.exists()  # the digits are read for the first visitor
    other = context.new_page()
    other.goto(second.url, wait_until="commit")
    page = opened(patient, first.url)
    run = Run(Recipe(), digits.images, digits.labels)
    run.advance(1)
    check_bits(page, run.at(1))
    other.locator(".stage[data-step='1']").wait_for()
    (kept,) = cache.iterdir()
    (whole,) = Path(os.environ["WATCH_IT_LEARN_CACHE"]).glob(kept.name)  # made by one alone
    assert kept.read_bytes() == whole.read_bytes()
    report(
        "two servers fill an empty cache at once",
        "nothing",
        "one whole file, the same as one server makes",
    )
