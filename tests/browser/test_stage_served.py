"""The stage in a real browser: how it comes there, and what it leaves behind."""

import os
import shutil
from pathlib import Path
from urllib.parse import urlparse

import pytest
from on_the_stage import APP, hover, opened
from playwright.sync_api import Page, expect
from serving import ROOT
from watching import Serve

pytestmark = pytest.mark.browser


# ---- What it leaves behind ----


def kept(page: Page) -> dict[str, float]:
    """How many listeners and nodes the page keeps: the least of readings over a second.

    A single reading also counts what is on its way out: React takes a part down in steps.
    """
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    readings = []
    for _ in range(5):
        session.send("HeapProfiler.collectGarbage")
        metrics = session.send("Performance.getMetrics")["metrics"]
        readings.append({metric["name"]: metric["value"] for metric in metrics})
        page.wait_for_timeout(200)
    return {name: min(r[name] for r in readings) for name in ("JSEventListeners", "Nodes")}


def test_many_frames_leave_no_listeners_and_no_nodes(stage: Page) -> None:
    def frames() -> int:
        return int(stage.locator(".stage").get_attribute("data-frames"))

    def wait_for(count: int) -> None:
        stage.wait_for_function(
            """(count) => {
              const hosts = [...document.querySelectorAll("*")].filter((e) => e.shadowRoot)
              const stage = hosts.map((e) => e.shadowRoot.querySelector(".stage")).find(Boolean)
              return Number(stage.dataset.frames) >= count
            }""",
            arg=count,
        )

    stage.get_by_text("play", exact=True).click()
    wait_for(frames() + 10)
    before = kept(stage)
    wait_for(frames() + 100)
    after = kept(stage)
    assert after["JSEventListeners"] - before["JSEventListeners"] < 20
    assert after["Nodes"] - before["Nodes"] < 100


def test_leaving_the_page_takes_the_listeners_along(stage: Page) -> None:
    hide = stage.get_by_text("hide", exact=True)
    hide.click()
    expect(stage.locator(".stage")).to_have_count(0)
    before = kept(stage)
    for _ in range(3):
        hide.click()
        expect(stage.locator(".stage")).to_have_attribute("data-step", "60")
        hide.click()
        expect(stage.locator(".stage")).to_have_count(0)
    after = kept(stage)
    assert after["JSEventListeners"] - before["JSEventListeners"] < 20
    assert after["Nodes"] - before["Nodes"] < 100


# ---- How it is served ----


def test_no_request_leaves_the_machine(page: Page, stage_url: str) -> None:
    hosts = set()
    page.on("request", lambda request: hosts.add(urlparse(request.url).hostname))
    opened(page, stage_url, "steps=2")
    hover(page, "z", 3, 3)
    assert hosts - {None} == {"127.0.0.1"}


def test_it_works_on_another_page_and_under_a_base_path(
    page: Page, serve: Serve, tmp_path: Path
) -> None:
    another = Path(shutil.copy(APP, tmp_path / "another.py"))
    url = serve(APP, "--server.baseUrlPath=some/base", pages=(another,))
    opened(page, url)
    page.goto(f"{url}/another?steps=4")
    expect(page.locator(".stage")).to_have_attribute("data-step", "4")


@pytest.fixture
def copied_app(tmp_path: Path) -> Path:
    """The stage with modules of its own, old enough for a browser to cache them for long."""
    shutil.copytree(ROOT / "static", tmp_path / "static")
    return Path(shutil.copy(APP, tmp_path))


def test_a_new_version_is_not_served_from_the_cache(
    page: Page, serve: Serve, copied_app: Path
) -> None:
    module = copied_app.parent / "static" / "stage" / "timeline.js"
    ten_years_ago = 1_450_000_000
    for path in module.parent.iterdir():
        os.utime(path, (ten_years_ago, ten_years_ago))
    url = serve(copied_app)
    opened(page, url)
    expect(page.locator(".story")).to_contain_text("The network says")
    changed = module.read_text("utf-8").replace("The network says", "The machine thinks")
    module.write_text(changed, "utf-8")
    os.utime(module, (ten_years_ago + 60, ten_years_ago + 60))
    opened(page, url)
    expect(page.locator(".story")).to_contain_text("The machine thinks")
