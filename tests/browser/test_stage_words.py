"""What the stage says of a step: its counter, its loss, and the numbers of its filter."""

import base64
import re
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from on_the_stage import canvas, opened
from playwright.sync_api import Page, expect
from stage_app import scene, step_at
from watching import edges, written

from cnn import Recipe, backward, forward
from data import Digits
from pages.parts.frame import pack
from pages.parts.lesson import taught
from pages.parts.scenes import live_frame, sketch_frame, still_frame
from pages.parts.session import Session

pytestmark = pytest.mark.browser


JAVASCRIPT_WORDS = """async ([url, encoded]) => {
  const at = (name) => import(`${url}/app/static/stage/${name}.js`)
  const [{ decode }, { stepOf, BIAS }, { readout }, { counter, summary }] =
    await Promise.all(["decode", "step", "readout", "timeline"].map(at))
  const step = stepOf(decode(Uint8Array.from(atob(encoded), (c) => c.charCodeAt(0))), 0)
  const names = ["filter_before", "filter_gradient", "filter_change", "filter_after"]
  const said = (name, index) => {
    const { head, detail } = readout(name, index, step)
    return `${head} | ${detail}`
  }
  return {
    counter: counter(step), summary: summary(step),
    bias: Object.fromEntries(names.map((name) => [name, said(name, BIAS)])),
    weight: Object.fromEntries(names.map((name) => [name, said(name, 4)])),
  }
}"""


def words(page: Page, url: str, frame: bytes) -> dict[str, Any]:
    """What the stage says of a frame, and of two of its filter's numbers, b and k[1,1]."""
    encoded = base64.b64encode(frame).decode()
    found: dict[str, Any] = page.evaluate(JAVASCRIPT_WORDS, [url, encoded])
    return found


@pytest.fixture(scope="module")
def visit(digits: Digits) -> Session:
    """A run of 60 steps."""
    session = Session.begun(digits, Recipe(learning_rate=0.02))
    session.run.advance(59)
    return session


@pytest.mark.parametrize("kind", ["watched", "opened on the step page", "drawn"])
def test_of_a_digit_that_is_only_looked_at_nothing_is_said_to_change(
    stage: Page, stage_url: str, visit: Session, digits: Digits, kind: str
) -> None:
    """Its parameters are those after the step, and stay."""
    if kind == "drawn":
        step = visit.held.judged(digits.images[4], 0)
        frame = sketch_frame(visit, step, "Your digit.", told=True)
    elif kind == "watched":
        frame = live_frame(visit, visit.held.seen(4_005, visit.run.parameters, 60))
    else:
        frame = still_frame(visit, visit.held.seen(12, visit.run.parameters, 60))
    said = words(stage, stage_url, frame)

    b = written(visit.run.parameters.filter_bias[0], 6)
    assert said["bias"]["filter_before"] == f"b = {b} | after this step"
    assert said["bias"]["filter_change"] == "change of b = 0 | nothing is trained on this digit"
    assert (
        said["bias"]["filter_after"] == f"new b = {b} | it stays: nothing is trained on this digit"
    )
    k = written(visit.run.parameters.filters[0, 1, 1], 6)
    assert said["weight"]["filter_before"] == f"k[1,1] = {k} | after this step"
    assert "0.02" not in said["weight"]["filter_change"] + said["weight"]["filter_after"]
    # Nor is it one of the images that the step used.
    assert said["counter"] == "step 60 · epoch 1 · η 0.02"


def test_a_step_that_is_tried_out_on_a_drawing_is_written_as_the_step_it_is(
    stage: Page, stage_url: str, visit: Session, digits: Digits
) -> None:
    step = taught(visit.held.judged(digits.images[4], 3), 0.5)
    assert step
    said = words(stage, stage_url, sketch_frame(visit, step, "Your digit.", told=True))

    old, new = step.before.filter_bias[0], step.after.filter_bias[0]
    assert old == visit.run.parameters.filter_bias[0] != new
    before = f"b = {written(old, 6)} | before the step that is tried out"
    assert said["bias"]["filter_before"] == before
    head, _, equation = said["bias"]["filter_after"].partition(" | = ")
    assert head == f"new b = {written(new, 6)}"
    b, eta, gradient = (float(one.replace("−", "-")) for one in re.split(r" − | × ", equation))
    assert (eta, written(b - eta * gradient, 6)) == (0.5, written(new, 6))
    assert said["counter"] == "step 60 · epoch 1 · η 0.5"


def test_a_batch_is_counted_and_summed_as_a_whole(stage: Page, stage_url: str) -> None:
    step = step_at(5, batch=32)
    setting = scene(5, 1, 32, playing=False, slow=None, watching=None)
    said = words(stage, stage_url, pack(step, replace(setting, batch_index=6)))

    assert said["counter"] == "step 5 · images 129–160 of 4,000 · epoch 1 · η 0.02"
    assert said["summary"].startswith("Image 7 of 32 is ")
    cells = np.count_nonzero(step.backward.dz[6, 0])
    images = f"over the cells of all 32 images, the mean of them; {cells} cells in this image"
    gradients = step.backward.gradients
    dk, db = written(gradients.filters[0, 1, 1], 6), written(gradients.filter_bias[0], 6)
    assert said["weight"]["filter_gradient"] == f"dk[1,1] = {dk} | Σ dz × pixel {images}"
    assert said["bias"]["filter_gradient"] == f"db = {db} | Σ dz {images}"

    alone = step_at(60)
    setting = scene(60, 1, 1, playing=False, slow=None, watching=None)
    said = words(stage, stage_url, pack(alone, setting))
    assert said["counter"] == "step 60 · image 60 of 4,000 · epoch 1 · η 0.02"
    cells = np.count_nonzero(alone.backward.dz[0, 0])
    assert said["weight"]["filter_gradient"].endswith(f"| Σ dz × pixel over {cells} cells")
    assert said["weight"]["filter_before"].endswith("| before this step")


def test_the_counter_of_a_batch_has_its_room_on_a_small_screen(page: Page, stage_url: str) -> None:
    opened(page, stage_url, "steps=1&batch=32", {"width": 390, "height": 844})
    image = canvas(page, "image").bounding_box()
    assert image
    page.locator(".counter span").evaluate_all(
        "(all, texts) => all.forEach((one, at) => { one.textContent = texts[at] })",
        ["step 15,993", "images 3,969–4,000 of 4,000", "epoch 128", "η 0.0015"],
    )
    counter = page.locator(".counter")
    expect(counter).to_have_text("step 15,993 · images 3,969–4,000 of 4,000 · epoch 128 · η 0.0015")
    rows = counter.locator("span").evaluate_all("all => all.map((e) => e.getClientRects().length)")
    assert rows == [1, 1, 1, 1]  # no part is broken
    (left, right), (start, end) = edges(page.locator(".stage")), edges(counter)
    assert left <= start < end <= right
    after = canvas(page, "image").bounding_box()
    assert after
    assert after["y"] == image["y"]


BIASES = (0, -1, -8, -10, -39, -150, -1_000)
"""Of the true digit's output: with the last ones float32 has no number left for its probability."""


def test_the_loss_is_the_logarithm_of_what_is_written(stage: Page, stage_url: str) -> None:
    for bias in BIASES:
        step = step_at(60)
        before = step.before.replaced(step.before.vector.copy())
        before.output_bias[int(step.labels[0])] += bias
        values = forward(before, step.images)
        lost = replace(
            step, before=before, forward=values, backward=backward(before, values, step.labels)
        )
        setting = scene(60, 1, 1, playing=False, slow=None, watching=None)
        said = words(stage, stage_url, pack(lost, setting))["summary"]

        given, loss = re.findall(r"= −log (\S+) = (\d+\.\d{4})\.", said)[0]
        assert loss == written(lost.loss)
        digits, _, power = given.strip("()").partition("·10")
        power = power.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789"))
        by_hand = Decimal(digits).scaleb(int(power or 0))
        assert f"{-by_hand.ln():.4f}" == loss
        p = lost.forward.probabilities[0, step.labels[0]]
        assert float(by_hand) == pytest.approx(float(p), rel=1e-4, abs=1e-38)


INK_AT_THE_RATE = """async (url) => {
  const { paintLoss } = await import(`${url}/app/static/stage/curves.js`)
  const { light } = await import(`${url}/app/static/stage/colours.js`)
  const size = { width: 300, height: 120 }
  const context = Object.assign(document.createElement("canvas"), size).getContext("2d")
  const names = []
  const fillText = context.fillText.bind(context)
  context.fillText = (text, x, y) => {
    if (text.startsWith("η")) names.push([text, x, y, context.measureText(text).width])
    fillText(text, x, y)
  }
  // High until the rate changes at step 20, so its name stands low; then low, through the name.
  const steps = Array.from({ length: 100 }, (_, at) => at + 1)
  const values = steps.map((step) => (step <= 20 ? 2 : 0.19))
  paintLoss(context, size, { steps, values, changes: [[20, 0.2]], shown: 100 }, light())
  const [[text, x, y, width]] = names
  // The columns in which a pixel has the ink of the curve, which is darker than that of the name.
  const inked = (left, columns) => {
    const { data } = context.getImageData(Math.round(left), Math.round(y) - 2, columns, 5)
    return Array.from({ length: columns }, (_, column) => [0, 1, 2, 3, 4].some((row) => {
      const [red, , , alpha] = data.subarray(4 * (row * columns + column))
      return alpha > 150 && red < 70
    }))
  }
  return { text, name: inked(x, Math.floor(width)), after: inked(x + width + 10, 30) }
}"""


def test_the_curve_does_not_strike_out_the_name_of_a_rate(stage: Page, stage_url: str) -> None:
    found = stage.evaluate(INK_AT_THE_RATE, stage_url)
    assert found["text"] == "η 0.2"
    assert all(found["after"])  # there it goes on, at the name's height
    assert len(found["name"]) > 15
    assert not any(found["name"])
