"""Whatever a visitor types, names or brings is shown as it was typed, and does nothing."""

import json
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect
from watching import WIDE

from experiments import Outcome, Record, Sweep

pytestmark = pytest.mark.browser

PAGES = ("", "step", "filter", "evaluate", "draw", "experiments", "notes", "data")

IMAGE = '<img src=x onerror="window.hacked=1">'
SHORT = "**b** :red[c] $x^2$ [d](//d.example)"
TEXTS = (
    IMAGE,
    SHORT,
    "![e](//e.example/e.png)",
    ":material/face: :smile: `f`",
    "<script>0</script>",
)

DONE = """() => {
  const all = (what) => [...document.querySelectorAll(what)]
  const elsewhere = (to) => to.startsWith("http") && new URL(to).host !== location.host
  return {
    hacked: window.hacked ?? null,
    images: all("img").map((one) => one.src).filter((to) => elsewhere(to) || to.endsWith("/x")),
    links: all("a").map((one) => one.href).filter(elsewhere),
    scripts: all("script").filter((one) => one.textContent === "0").length,
    marked: all(".stAlert p *").map((one) => one.outerHTML),
  }
}"""
NOTHING = {"hacked": None, "images": [], "links": [], "scripts": 0, "marked": []}


def said(page: Page, text: str) -> None:
    """The text stands there as it was typed, and nothing has come of it."""
    page.wait_for_function(
        """(text) => [...document.querySelectorAll(".stAlert")].some(
          (one) => one.innerText.replaceAll("\u2060", "").includes(text)
        )""",
        arg=text,
    )
    assert page.evaluate(DONE) == NOTHING


def test_no_page_asks_anybody_but_its_server(quiet: Page, app_url: str) -> None:
    """The fixture looks at where every request and every websocket goes."""
    quiet.set_viewport_size(WIDE)
    for path in PAGES:
        quiet.goto(f"{app_url}/{path}")
        expect(quiet.get_by_test_id("stSidebar")).to_be_attached()
        expect(quiet.get_by_test_id("stStatusWidget")).to_have_count(0)
        expect(quiet.locator(".stApp")).to_have_attribute("data-test-script-state", "notRunning")


def test_a_link_does_nothing(quiet: Page, app_url: str) -> None:
    shown = [text[:20] for text in TEXTS]
    for names in (shown[:3], shown[3:]):
        quiet.goto(f"{app_url}/data?{'&'.join(f'{quote(name)}=1' for name in names)}")
        for name in names:
            said(quiet, f"“{name.strip()}”")
    quiet.goto(f"{app_url}/data?bias_rule={quote(SHORT)}")
    said(quiet, SHORT[:20])


def test_the_names_of_files_do_nothing(quiet: Page, app_url: str) -> None:
    """Those of classes have letters, digits and little else: tests/data/test_own.py."""
    quiet.set_viewport_size(WIDE)
    quiet.goto(f"{app_url}/data")
    quiet.get_by_role("radiogroup", name="Which digits").get_by_text("ZIP").click()
    for text in TEXTS:
        name = f"{text}.zip".replace("/", "_")
        quiet.locator("input[type=file][accept*=zip]").set_input_files(
            {"name": name, "mimeType": "application/zip", "buffer": b"no zip"}
        )
        said(quiet, f"{name} is not a ZIP file".replace('"', "%22"))  # as browsers send it


def test_the_name_of_a_run_does_nothing(quiet: Page, app_url: str) -> None:
    quiet.set_viewport_size(WIDE)
    quiet.goto(f"{app_url}/experiments")
    for text in (IMAGE, SHORT):
        field = quiet.get_by_label("Its name", exact=True)
        field.fill(text)
        field.press("Enter")
        expect(field).to_have_value(text[:40])
        quiet.get_by_role("link", name="Live", exact=True).click()
        quiet.get_by_text("New run: filters, batch, seed …").click()
        quiet.get_by_role("button", name="Start a new run").click()
        expect(quiet.get_by_test_id("stAppViewContainer")).to_be_visible()
        for name in ("Evaluate", "Experiments"):
            quiet.get_by_role("link", name=name, exact=True).click()
            expect(quiet.locator(".stApp")).to_have_attribute(
                "data-test-script-state", "notRunning"
            )
            assert quiet.evaluate(DONE) == NOTHING


def test_the_results_of_a_sweep_do_nothing(quiet: Page, app_url: str) -> None:
    quiet.set_viewport_size(WIDE)
    quiet.goto(f"{app_url}/experiments")
    why = "".join(TEXTS)
    sweep = Sweep(learning_rate=(0.01,), seeds=(0, 1), steps=20, epochs=None)
    ended = Outcome(0, "failed", why), Outcome(1, "finished", "", 20, 1.2, 1.1, 0.7)
    content = Record(sweep, why[:64], {outcome.place: outcome for outcome in ended}).to_bytes()
    assert json.loads(content.splitlines()[1])["why"] == why
    quiet.get_by_text("Earlier sweeps, and files").click()
    quiet.locator("input[type=file][accept*=jsonl]").set_input_files(
        {"name": "s.jsonl", "mimeType": "text/plain", "buffer": content}
    )
    quiet.get_by_text("Every run in numbers").click()
    expect(quiet.get_by_text("2 of 2 runs ended").first).to_be_visible()
    assert quiet.evaluate(DONE) == NOTHING
