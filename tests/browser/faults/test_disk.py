"""A disk that is full, and a cache folder that somebody deletes."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from idx_files import gzipped, images_file, labels_file
from machinery import Report, Server, fill, small_disk
from playwright.sync_api import Page, expect
from serving import ROOT
from watching import button, check_bits, expect_step, opened

from cnn import Recipe, Run
from data import Digits, Uploaded, load_idx, named_by_content
from experiments import Record, read_record

pytestmark = pytest.mark.browser

ONE_PAGE = 4_096
"""Bytes of room that a full disk is left: for the first line of a sweep's file, not for all."""


def start_sweep(page: Page, rates: str, steps: int) -> None:
    page.get_by_role("link", name="Experiments").click()
    for label, value in (("Learning rates", rates), ("Each run takes", str(steps))):
        page.get_by_label(label, exact=True).fill(value)
        page.get_by_label(label, exact=True).press("Enter")
    page.get_by_role("radio", name="steps").click()
    count = 3 * len(rates.split(","))
    expect(page.get_by_text(f"{count * steps:,} steps in all")).to_be_visible()
    page.get_by_role("button", name="Start the sweep").click()


def ended(page: Page, count: int) -> None:
    expect(page.get_by_text(re.compile(r"\d+ of \d+ runs ended")).first).to_contain_text(
        f"{count} of {count} runs ended"
    )


def sweeps(cache: Path) -> list[Path]:
    return list((cache / "sweeps").iterdir())


def kept_sweep(page: Page, cache: Path) -> Path:
    """The file of the sweep that runs, once it holds a run."""
    while not any(cache.glob("sweeps/*.jsonl")):
        page.wait_for_timeout(20)
    (path,) = sweeps(cache)
    while not read_record(path.read_bytes()).outcomes:
        page.wait_for_timeout(20)
    return path


def check_sweep(path: Path, digits: Digits, count: int, steps: int) -> Record:
    """Every line is whole, and two of the runs are those that are trained here."""
    lines = path.read_bytes().splitlines()
    assert all(json.loads(line) for line in lines)
    record = read_record(path.read_bytes())
    assert (len(record.outcomes), record.missing) == (count, [])
    for place in (0, count - 1):
        run = Run(record.sweep.recipes[place], digits.images, digits.labels)
        run.advance(steps)
        parameters = hashlib.sha256(run.parameters.vector.tobytes()).hexdigest()
        assert record.outcomes[place].parameters == parameters
    return record


def own_files(digits: Digits) -> dict[str, bytes]:
    """Some of the real digits as somebody's own, 1.6 MB of them: an upload that is not small."""
    return {
        "train-images-idx3-ubyte": images_file(digits.images[:2_000].tobytes()),
        "train-labels-idx1-ubyte": labels_file(bytes(digits.labels[:2_000].tolist())),
        "t10k-images-idx3-ubyte": images_file(digits.held_out_images[:100].tobytes()),
        "t10k-labels-idx1-ubyte": labels_file(bytes(digits.held_out_labels[:100].tolist())),
    }


def bring(page: Page, files: dict[str, bytes]) -> Digits:
    """Upload digits of one's own, and start a run on them."""
    page.get_by_role("link", name="Data", exact=True).click()
    page.get_by_text("My own: four IDX files").click()
    expect(page.get_by_text("The four files of MNIST's names")).to_be_visible()
    page.get_by_test_id("stFileUploaderDropzoneInput").last.set_input_files(
        [
            {"name": name, "mimeType": "application/octet-stream", "buffer": content}
            for name, content in files.items()
        ]
    )
    page.get_by_role("button", name="Start a new run on these").click()
    expect(page.get_by_text("Digits of your own, own-").first).to_be_visible()
    return named_by_content(load_idx([Uploaded(*file) for file in files.items()]))


def check_step_on(page: Page, own: Digits) -> None:
    """The live page takes a step on those digits, the same as here."""
    page.get_by_role("link", name="Live").click()
    button(page, "Step").click()
    expect_step(page, 2)
    run = Run(Recipe(data=own.name), own.images, own.labels)
    run.advance(2)
    check_bits(page, run.at(2))


def test_a_disk_that_is_full(
    patient: Page,
    start_server: Callable[..., Server],
    digits: Digits,
    tmp_path: Path,
    report: Report,
) -> None:
    with small_disk(tmp_path / "disk", "12m") as disk:
        filler = fill(disk, ONE_PAGE)
        server = start_server(disk, TMPDIR=str(disk))
        page = opened(patient, server.url)
        assert list(disk.iterdir()) == [filler]
        report(
            "disk full at the first start, as the bundled digits are kept",
            "nothing; the next start takes seconds longer",
            "no part of a file",
        )

        own = bring(page, own_files(digits))
        check_step_on(page, own)
        assert list(disk.iterdir()) == [filler]
        report(
            "disk full as own digits are uploaded",
            "nothing: uploads touch no disk",
            "the digits, for the visit; the run on them is the same to the last bit",
        )

        start_sweep(page, "0.003, 0.01, 0.03", 4_000)
        alert = page.get_by_role("alert")
        expect(alert).to_contain_text("cannot go on: there is no room for the digits.")
        report(
            "disk full as a sweep begins",
            f"“{alert.inner_text()}”; the page goes on",
            "everything; “Go on” begins it",
        )

        os.truncate(filler, 0)
        page.get_by_role("button", name="Go on").click()
        path = kept_sweep(page, disk)
        fill(disk)
        expect(alert).to_contain_text("cannot go on: No space left on device.")
        said = alert.inner_text()
        before = read_record(path.read_bytes()).outcomes
        assert all(json.loads(line) for line in path.read_bytes().splitlines())
        assert 0 < len(before) < 9
        os.truncate(filler, 0)
        page.get_by_role("button", name="Go on").click()
        ended(page, 9)
        record = check_sweep(path, own, 9, 4_000)
        assert before.items() <= record.outcomes.items()
        report(
            "disk full while a sweep runs",
            f"“{said}”; the page goes on",
            f"the {len(before)} runs that had ended, each line whole; after “Go on” all 9",
        )
        page.get_by_role("link", name="Live").click()
        button(page, "Step").click()
        expect_step(page, 3)


def shell(plan: Path, results: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "experiments", str(plan), "--results", str(results)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)


def test_a_disk_that_is_full_in_the_shell(digits: Digits, tmp_path: Path, report: Report) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text("learning_rate = [0.003, 0.01, 0.03]\nsteps = 300\nprocesses = 1\n")
    with small_disk(tmp_path / "disk", "1m") as disk:
        filler, results = fill(disk), disk / "results.jsonl"
        full = shell(plan, results)
        assert (full.returncode, list(disk.iterdir())) == (2, [filler])
        os.truncate(filler, filler.stat().st_size - ONE_PAGE)
        stopped = shell(plan, results)
        assert stopped.returncode == 2
        for output in (full, stopped):
            assert f"{results} cannot be written: No space left on device." in output.stderr
            assert "Traceback" not in output.stderr
        before = read_record(results.read_bytes()).outcomes
        assert 0 < len(before) < 9
        os.truncate(filler, 0)
        assert shell(plan, results).returncode == 0
        record = check_sweep(results, digits, 9, 300)
        assert before.items() <= record.outcomes.items()
    report(
        "disk full during “python -m experiments”",
        f"“{stopped.stderr.splitlines()[-1].replace(str(disk), '…')}”",
        f"the {len(before)} runs that had ended; the same command then runs the others",
    )


def test_a_cache_folder_that_is_deleted(
    patient: Page,
    start_server: Callable[..., Server],
    digits: Digits,
    tmp_path: Path,
    report: Report,
) -> None:
    cache = tmp_path / "cache"
    server = start_server(cache)
    page = opened(patient, server.url)
    shutil.rmtree(cache)
    own = bring(page, gzipped(own_files(digits)))
    start_sweep(page, "0.003, 0.01", 2_000)
    path = kept_sweep(page, cache)
    shutil.rmtree(cache, ignore_errors=True)  # it is being written to
    ended(page, 6)
    check_sweep(path, own, 6, 2_000)
    check_step_on(page, own)
    report(
        "cache folder deleted while a sweep runs on own digits",
        "nothing",
        "every run of the sweep: its file is written again; the digits, for the visit",
    )

    shutil.rmtree(cache)
    page.reload()
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text(f"digits called “{own.name}”, which are not here")
    button(page, "Step").click()
    expect_step(page, 2)
    report(
        "cache folder deleted, then the page loaded again",
        "a run on the bundled digits; of own digits it says that they have to be brought again",
        "the bundled digits; what was deleted is gone",
    )
