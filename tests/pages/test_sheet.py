"""What the inspector writes: read back from its HTML, and added up."""

import math
import re
from dataclasses import replace
from decimal import Decimal
from html.parser import HTMLParser

import numpy as np
import pytest

from cnn import Run, Step, backward, forward
from cnn.arithmetic import EXPLANATIONS, Arithmetic, explain
from data import Digits
from pages.parts.inspector import axes_of
from pages.parts.sheet import ALL, SHOWN, all_terms, equation, explanation, sheet
from tests.browser.prepared.app import recipe

KINDS = [(1, 1, "exact"), (8, 1, "exact"), (1, 32, "notes"), (3, 5, "notes")]


class Sheet(HTMLParser):
    """The numbers of a sheet by the part that they play, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.parts: dict[str, list[str]] = {}
        self.text = ""
        self._part: str | None = None
        self._open: list[str] = []
        self.feed(html)
        assert not self._open, "every element that is opened is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("img", "br"):
            self._open.append(tag)
        self._part = dict(attrs).get("data-part")
        if self._part:
            self.parts.setdefault(self._part, []).append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag
        self._part = None

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._part:
            self.parts[self._part][-1] += data


def number(text: str) -> Decimal:
    return Decimal(text.replace("−", "-"))


def rounded(exact: Decimal, decimals: int) -> Decimal:
    """The number as a page with so many decimals is to write it.

    Not from what another page writes of it: a number that was rounded is not to be rounded again.
    """
    return exact.quantize(Decimal(1).scaleb(-decimals))


def added_up(parts: dict[str, list[str]], text: str, combine: str) -> Decimal:
    """What a reader of the page gets from the terms as they are written."""
    terms = [number(term) for name in ("term", "rest", "bias") for term in parts.get(name, [])]
    if combine == "max":
        return max(terms)
    total = sum(terms, Decimal(0))
    if "total" in parts:
        # The sum is written with as many digits as the number that it is.
        (written,) = map(number, parts["total"])
        total = round(total, max(0, -int(written.as_tuple().exponent)))
        assert total == written
    if "what is below 0 becomes 0" in text:
        return max(total, Decimal(0))
    if "nothing passes" in text:
        return Decimal(0)
    if divisor := re.search(r"÷ (?:n = )?(\d+)", text):
        return total / int(divisor[1])
    if "operand" in parts:
        return number(parts["operand"][0]) / total
    return total


def assert_products_follow(html: str) -> int:
    """Multiply the factors of every term as they are written; return how many terms there are."""
    lines = re.findall(r"<t[rd] [^>]*>(?:(?!</t[rd]>).)*data-part=\"term\">[^<]*<", html)
    for line in lines:
        factors = [number(text) for text in re.findall(r'class="number">(.*?)<', line)]
        term = number(re.findall(r'data-part="term">(.*?)<', line)[0])
        if not factors:
            continue
        product = math.prod(factors)
        if "e^(" in line:
            product = (factors[0] - factors[1]).exp()
        elif "· log" in line:
            if "log p beside p" in html:
                continue
            product = factors[0] and factors[0] * factors[1].ln()
        assert round(product, -int(term.as_tuple().exponent)) == term, line
    return len(lines)


def step_of(digits: Digits, filters: int, batch: int, rule: str) -> Step:
    run = Run(recipe(filters, batch, rule), digits.images, digits.labels)
    run.advance(40)
    return run.at(40)


@pytest.fixture(scope="module", params=KINDS, ids=str)
def kind(request: pytest.FixtureRequest, digits: Digits) -> tuple[Step, str]:
    return step_of(digits, *request.param), request.param[2]


def places(step: Step, quantity: str) -> list[int]:
    """Some positions of a quantity, the first and the last among them."""
    axes = axes_of(quantity, len(step.before.filters), len(step.before.hidden_bias))
    count = int(np.prod([count for _, count in axes])) if axes else 1
    drawn = np.random.default_rng(count).integers(0, count, 6)
    return sorted({0, count - 1, *(int(index) for index in drawn)})


def explained(step: Step, rule: str, quantity: str, index: int) -> Arithmetic:
    image, filter = len(step.labels) - 1, len(step.before.filters) - 1
    return explain(step, quantity, index, image, filter, "notes" if rule == "notes" else "exact")


@pytest.mark.parametrize("quantity", EXPLANATIONS)
def test_what_is_written_adds_up_to_the_stored_number(
    kind: tuple[Step, str], quantity: str
) -> None:
    """To the last digit that is shown, for every quantity."""
    step, rule = kind
    for index in places(step, quantity):
        arithmetic = explained(step, rule, quantity, index)
        html = sheet(arithmetic, len(step.labels), len(step.before.filters))
        read = Sheet(html)

        assert assert_products_follow(html) == len(read.parts.get("term", []))
        (stored,) = read.parts["stored"]
        decimals = len(stored.partition(".")[2])
        assert decimals >= 4
        assert number(stored) == rounded(Decimal(arithmetic.stored), decimals)
        if "result" in read.parts:
            assert read.parts["result"] == [stored]
            if "operation" not in html and "total" in read.parts:
                assert read.parts["total"] == [stored]
        if arithmetic.terms and "term" in read.parts:
            result = added_up(read.parts, read.text, arithmetic.combine)
            assert round(result, decimals) == number(stored), (quantity, index)
        elif not arithmetic.terms:
            assert number(stored) == 0
        if arithmetic.blocked:
            assert arithmetic.blocked.value in read.text
        assert EXPLANATIONS[quantity].name in read.text


def test_late_in_a_run_no_number_is_written_in_two_ways(digits: Digits) -> None:
    """A hidden unit's sum, taken over by the unit; and an update, with a rate and a gradient."""
    run = Run(recipe(1, 1, "exact"), digits.images, digits.labels)
    run.advance(20_000)
    for at in (15_000, 20_000):
        step = run.at(at)
        for unit in range(40):
            z1, a1 = (Sheet(sheet(explained(step, "exact", q, unit))) for q in ("z1", "a1"))
            exact = Decimal(float(step.forward.z1[0, unit]))
            for written in z1.parts["total"][0], a1.parts["term"][0]:
                assert number(written) == rounded(exact, len(written.partition(".")[2]))
            assert z1.parts["stored"] == z1.parts["total"]
        for weight in range(9):
            html = sheet(explained(step, "exact", "new_filters", weight))
            assert assert_products_follow(html) == 2
            eta = f"{-step.learning_rate:g}".replace("-", "−")
            assert re.search(rf'class="number">{eta}<', html)


def test_a_loss_whose_probability_is_nearly_1_says_where_its_digits_come_from(
    digits: Digits,
) -> None:
    run = Run(recipe(1, 1, "exact"), digits.images, digits.labels)
    run.advance(9_000)
    found = {True: 0, False: 0}
    for step in map(run.at, range(1, 9_001, 30)):
        p = float(step.forward.probabilities[0, step.labels[0]])
        if 1e-5 < step.loss < 1e-4:  # written with six decimals, its terms with eight
            apart = round(-math.log(p), 8) != round(step.loss, 8)
            html = sheet(explained(step, "exact", "loss", 0))
            assert ("log p beside p" in html) == apart
            found[apart] += 1
    assert found[True] > 1


def test_every_position_can_be_asked_for(digits: Digits) -> None:
    """The last one exists, the one after it does not."""
    step = step_of(digits, 2, 3, "exact")
    for quantity in EXPLANATIONS:
        last = places(step, quantity)[-1]
        explained(step, "exact", quantity, last)
        with pytest.raises(ValueError, match="position"):
            explained(step, "exact", quantity, last + 1)


def test_a_long_sum_lists_the_largest_and_adds_the_rest(digits: Digits) -> None:
    step = step_of(digits, 1, 1, "exact")
    arithmetic = explained(step, "exact", "z1", 7)
    read = Sheet(sheet(arithmetic))

    products = step.before.hidden_weights[7].astype(float) * step.forward.a0[0]
    largest = products[np.argsort(-abs(products), kind="stable")[:SHOWN]]
    assert [round(float(number(term)), 4) for term in read.parts["term"]] == pytest.approx(
        largest, abs=1e-4
    )
    assert len(read.parts["rest"]) == len(read.parts["bias"]) == 1
    assert f"{169 - SHOWN} smaller terms" in read.text
    row, column = divmod(int(np.argmax(abs(products))), 13)
    assert f"= P[{row},{column}]" in read.text

    every = Sheet(all_terms(arithmetic, 1, 1))
    assert len(every.parts["term"]) == 169


def test_a_short_sum_is_written_whole(digits: Digits) -> None:
    """Also that of the loss, of whose terms only the true class's is not 0."""
    step = step_of(digits, 1, 1, "exact")
    for quantity in ("probabilities", "loss", "delta1"):
        read = Sheet(sheet(explained(step, "exact", quantity, 0)))
        assert len(read.parts["term"]) == ALL
        assert "rest" not in read.parts


def test_a_probability_that_rounds_to_0_has_a_logarithm_all_the_same(digits: Digits) -> None:
    step = step_of(digits, 1, 1, "exact")
    vector = step.before.vector.copy()
    before = step.before.replaced(vector)
    before.output_bias[int(step.labels[0])] -= 200  # e^(−200) is below float32's smallest number
    lost = replace(step, before=before, forward=forward(before, step.images))
    backed = backward(before, lost.forward, step.labels)
    text = Sheet(sheet(explained(replace(lost, backward=backed), "exact", "loss", 0))).text
    assert lost.forward.probabilities[0, step.labels[0]] == 0
    assert "stands here as 0" in text
    assert "in the last ones" not in text
    assert "stands here as 0" not in sheet(explained(step, "exact", "loss", 0))


def test_terms_of_a_batch_name_their_image_and_their_filter(digits: Digits) -> None:
    step = step_of(digits, 3, 5, "exact")
    gradient = Sheet(sheet(explained(step, "exact", "dW1", 300), 5, 3))
    assert set(re.findall(r"image (\d)", gradient.text)) == set("12345")
    assert "filter 2" in gradient.text  # 300 = 169 + 131
    assert "the mean over the 5 images" in gradient.text
    # An image's own number has terms of that image alone, and does not repeat it.
    own = Sheet(sheet(explained(step, "exact", "delta0", 80), 5, 3))
    assert "image" not in own.text.replace("loss of the image", "")


def test_the_winner_is_marked_and_the_window_told(digits: Digits) -> None:
    step = step_of(digits, 1, 1, "exact")
    pooled, feature_map = step.forward.pooled[0, 0], step.forward.feature_map[0, 0]
    alive = int(pooled.argmax())
    html = sheet(explained(step, "exact", "pooled", alive))
    row, column = divmod(int(step.forward.winner[0, 0].flat[alive]), 26)
    assert html.count('class="won"') == 1
    assert f"f[{row},{column}] ← winner" in html
    assert f"Recorded position: f[{row},{column}]" in html
    dead = int(np.flatnonzero(feature_map.reshape(13, 2, 13, 2).max(axis=(1, 3)) == 0)[0])
    at = int(step.forward.winner[0, 0].flat[dead])
    assert "All four cells of this window are 0" in sheet(explained(step, "exact", "dz", at))


def test_everything_is_escaped_and_sums_have_their_letters_below() -> None:
    assert equation("a < b & Σ_u k[u]") == "a &lt; b &amp; Σ<sub>u</sub> k[u]"
    for quantity in EXPLANATIONS:
        assert Sheet(explanation(quantity)).text.count(EXPLANATIONS[quantity].words) == 1
