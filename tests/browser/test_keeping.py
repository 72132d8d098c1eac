"""Saving, opening and sharing a run in a real browser."""

import io
import re
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from playwright.sync_api import Download, Page, expect
from watching import (
    NARROW,
    button,
    check_bits,
    expect_step,
    meta,
    no_overflow,
    open_panel,
    opened,
    pause,
    play,
    same_run,
    step,
    wait_for_step,
)

from cnn import Recipe, Run, forward
from cnn.run_file import read_run
from data import Digits

pytestmark = pytest.mark.browser

PANEL = "Save, open, share"


def download(page: Page, name: str) -> Download:
    with page.expect_download() as event:
        page.get_by_role("button", name=name).click()
    return event.value


def choose(page: Page, *files: Path) -> None:
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(files)


def test_a_link_shows_somebody_else_the_same_step(
    quiet: Page, app_url: str, digits: Digits
) -> None:
    link = f"{app_url}/?seed=5&filters=2&batch=4&learning_rate=0.0123,301:0.05&step=900"
    page = opened(quiet, link)
    expect_step(page, 900)
    assert meta(page)["rate_changes"] == [[1, 0.0123], [301, 0.05]]
    check_bits(page, same_run(page, digits, seed=5, filters=2, batch=4).at(900))
    open_panel(page, PANEL)
    shared = page.get_by_test_id("stCode").inner_text().replace("\n", "")
    assert shared == link
    button(page, "Step").click()
    expect_step(page, 901)
    page.goto(f"{app_url}/step?{shared.partition('?')[2]}")
    expect_step(page, 900)


def test_a_hostile_link_gives_the_default_run_and_a_sentence(quiet: Page, app_url: str) -> None:
    page = opened(quiet, f"{app_url}/?seed=<img src=x onerror=alert(1)>&step=900", NARROW)
    expect_step(page, 1)
    notice = page.get_by_role("alert")
    expect(notice).to_contain_text("The link makes no sense")
    expect(notice).to_contain_text("'<img src=x onerror=alert(1)>'")
    no_overflow(page)
    page.get_by_role("button", name="All right").click()
    expect(notice).to_be_hidden()


def test_a_replay_can_be_stopped(quiet: Page, app_url: str) -> None:
    page = quiet
    page.goto(f"{app_url}/?step=2000000&filters=8")
    page.get_by_role("button", name="Stop here").click()
    expect(page.locator(".stage")).to_have_attribute("data-step", re.compile(r"\d"))
    assert 1 <= step(page) < 2_000_000
    expect(page.get_by_role("button", name="Stop here")).to_be_hidden()
    before = step(page)
    button(page, "Step").click()
    expect_step(page, before + 1)


def test_a_saved_run_is_opened_with_every_step(
    quiet: Page, app_url: str, digits: Digits, tmp_path: Path
) -> None:
    page = opened(quiet, app_url)
    play(page)
    wait_for_step(page, 500)
    stood = pause(page)
    run = same_run(page, digits)
    # Nothing of the panel costs a page anything before it is opened.
    expect(page.locator(".st-key-keeping [data-testid=stDownloadButton]")).to_have_count(0)
    open_panel(page, PANEL)
    expect(page.locator(".st-key-keeping [data-testid=stDownloadButton]")).to_have_count(3)
    saved = tmp_path / "run.npz"
    download(page, "The whole run").save_as(saved)
    whole = read_run(io.BytesIO(saved.read_bytes()))
    assert (whole.recipe, whole.step) == (run.recipe, stood)
    assert whole.arrays["parameters"].tobytes() == run.parameters.vector.tobytes()

    network = tmp_path / "network.onnx"
    download(page, "The network").save_as(network)
    session = onnxruntime.InferenceSession(network)
    images = np.float32(digits.held_out_images[:50, np.newaxis]) / np.float32(255)
    (theirs,) = session.run(None, {"image": images})
    ours = forward(run.parameters, digits.held_out_images[:50]).probabilities
    assert np.abs(theirs - ours).max() <= 1e-5

    # Another visit: what cannot be opened changes nothing, what can is the same run.
    page.goto(app_url)
    expect_step(page, 1)
    open_panel(page, PANEL)
    broken = tmp_path / "broken.npz"
    broken.write_bytes(saved.read_bytes()[:5_000])
    choose(page, broken)
    expect(page.get_by_role("alert")).to_contain_text("The run in hand goes on.")
    expect_step(page, 1)
    choose(page, saved)
    expect_step(page, stood)
    check_bits(page, run.at(stood))
    button(page, "Step").click()
    expect_step(page, stood + 1)
    run.advance(1)
    check_bits(page, run.at(stood + 1))


def test_a_run_saved_while_it_plays_is_of_one_moment(
    quiet: Page, app_url: str, digits: Digits
) -> None:
    """The file is made in another thread than the steps."""
    held_out = digits.held_out_images, digits.held_out_labels
    page = opened(quiet, app_url)
    open_panel(page, PANEL)
    play(page)
    for _ in range(2):
        whole = read_run(io.BytesIO(download(page, "The whole run").path().read_bytes()))
        parameters, filters = whole.arrays["parameters"], whole.arrays["history"]["kernels"]
        assert parameters[:9].tobytes() == filters[-1, 0, :9].tobytes()
        again = whole.run(digits.images, digits.labels, held_out)
        assert again.at(whole.step).after.vector.tobytes() == parameters.tobytes()
    pause(page)


def test_a_run_of_another_shape_of_digits_is_refused(
    quiet: Page, app_url: str, digits: Digits, tmp_path: Path
) -> None:
    """The parameters alone are no run; the page says so and goes on."""
    run = Run(Recipe(), digits.images, digits.labels)
    run.advance(2)
    alone = tmp_path / "parameters.npz"
    np.savez(alone, parameters=run.parameters.vector)
    page = opened(quiet, app_url, NARROW)
    page.get_by_test_id("stExpandSidebarButton").click()
    open_panel(page, PANEL)
    choose(page, alone)
    expect(page.get_by_role("alert")).to_contain_text("it is not a saved run")
    expect_step(page, 1)
