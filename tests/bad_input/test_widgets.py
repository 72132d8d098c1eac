"""Any value in the name of any widget of any page, sent to a real server as no browser would.

Nothing of it may reach the page or the server's log as an exception, the session has to go on
answering, and another visitor must not notice.
"""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from serving import server
from streamlit.proto.WidgetStates_pb2 import WidgetState
from tally import TRIED
from visitor import Part, Visitor, state_of, visiting

PAGES = ("", "step", "filter", "evaluate", "draw", "experiments", "notes", "data")

NEVER_PRESSED = ("Fetch all 70,000 digits", "Start the sweep", "Go on")
"""What these start are not inputs: they would load from the net, or keep this machine busy."""

ROUNDS, AT_ONCE = 12, 10
"""So many times in each visit, so many widgets each get a value."""

LARGE = [-1, 0, 1, 2, 9, 10**6, 2**31, 2**53 + 1, 2**63 - 1, -(2**63)]
FLOATS = st.one_of(st.floats(), st.sampled_from([math.nan, math.inf, -math.inf, 1e308, 2.5]))
TEXTS = st.one_of(
    st.text(max_size=20),
    st.integers(-5, 5_000).map(str),
    st.sampled_from(
        ["", "\x00", "n" * 20_000, "<img src=x onerror=alert(1)>", "0.1, 0.2, nan, 1e999",
         "9" * 5_000, "a,b,c,d,e,f,g,h,i,j", "own-1a2b3c4d", "**x**](y)", "\ud7ff\U0010ffff"]
    ),
)  # fmt: skip
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)
POINTS = st.fixed_dictionaries({}, optional=dict.fromkeys(("x", "y", "of"), JSON))
SPOTS = st.fixed_dictionaries(
    {
        "panel": st.one_of(JSON, st.sampled_from(["z", "image", "filter_before", "hidden"])),
        "filter": st.one_of(JSON, st.integers(-1, 9)),
        "index": st.one_of(JSON, st.integers(-1, 5_000)),
    }
)
TOLD = st.lists(
    st.fixed_dictionaries(
        {
            "event": st.one_of(
                st.sampled_from(["pinned", "released", "sought", "asked", "drawn", "clicked"]),
                TEXTS,
            ),
            "value": st.one_of(JSON, SPOTS, POINTS),
        }
    ),
    max_size=3,
)
STROKES = st.fixed_dictionaries(
    {"strokes": st.lists(st.fixed_dictionaries({"width": JSON, "points": JSON}), max_size=2)}
)
AS_JSON = st.one_of(JSON, TOLD, STROKES, SPOTS).map(json.dumps)

SENT = st.one_of(
    st.builds(lambda value: {"trigger_value": value}, st.booleans()),
    st.builds(lambda value: {"bool_value": value}, st.booleans()),
    st.builds(lambda n: {"int_value": n}, st.one_of(st.integers(-2, 50), st.sampled_from(LARGE))),
    st.builds(lambda value: {"double_value": value}, st.one_of(st.integers(-2, 50), FLOATS)),
    st.builds(lambda text: {"string_value": text}, st.one_of(TEXTS, AS_JSON)),
    st.builds(lambda values: {"double_array_value": values}, st.lists(FLOATS, max_size=3)),
    st.builds(
        lambda values: {"int_array_value": values}, st.lists(st.sampled_from(LARGE), max_size=3)
    ),
    st.builds(lambda values: {"string_array_value": values}, st.lists(TEXTS, max_size=3)),
    st.builds(lambda text: {"json_value": text}, st.one_of(AS_JSON, TEXTS)),
    st.builds(lambda text: {"json_trigger_value": text}, st.one_of(AS_JSON, TEXTS)),
    st.builds(lambda told: {"json_trigger_value": json.dumps(told)}, TOLD),
    st.builds(lambda content: {"bytes_value": content}, st.binary(max_size=9)),
    st.just({}),
)

KINDS = {
    "trigger_value": ("button", "download_button"),
    "bool_value": ("checkbox", "popover", "expandable"),
    "int_value": ("number_input",),
    "double_value": ("number_input",),
    "double_array_value": ("slider",),
    "string_array_value": ("slider", "button_group", "multiselect"),
    "string_value": ("selectbox", "radio", "text_input", "plotly_chart", "dataframe"),
    "json_value": ("bidi_component",),
    "json_trigger_value": ("bidi_component",),
}
"""The widgets that have a value of that type: there it gets farther."""


@dataclass(frozen=True)
class Forged:
    """A value, and which widget it is sent for.

    Attributes:
        sent: one field of `WidgetState`.
        number: of the widget, among all that this visit has seen.
        fits: whether only widgets that have a value of that type count.
        option: whether a text is one of the widget's own options instead.
    """

    sent: dict[str, Any]
    number: int
    fits: bool
    option: bool

    def state(self, seen: list[Part]) -> WidgetState | None:
        """What is sent, if there is any such widget."""
        (field,) = self.sent or ("",)
        kinds = KINDS.get(field, ()) if self.fits else ()
        widgets = [part for part in seen if part.kind in kinds] if kinds else seen
        if field == "trigger_value":
            widgets = [part for part in widgets if part.label not in NEVER_PRESSED]
        if not widgets:
            return None
        widget = widgets[self.number % len(widgets)]
        told = dict(self.sent)
        options = [getattr(one, "content", one) for one in getattr(widget.says, "options", ())]
        if self.option and options and field.startswith("string"):
            chosen = options[self.number % len(options)]
            told = {field: chosen if field == "string_value" else [chosen]}
        of_events = field == "json_trigger_value" and widget.kind == "bidi_component"
        return state_of(f"{widget.id}__events" if of_events else widget.id, **told)


FORGED = st.builds(
    Forged,
    sent=SENT,
    number=st.integers(0, 400),
    fits=st.sampled_from((True, True, True, False)),
    option=st.booleans(),
)
VISIT = st.lists(
    st.lists(FORGED, min_size=AT_ONCE, max_size=AT_ONCE), min_size=ROUNDS, max_size=ROUNDS
)


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("server") / "log"


@pytest.fixture(scope="module")
def url(log: Path) -> Iterator[str]:
    with log.open("wb") as file, server(log=file) as (address, _):
        yield address


@pytest.fixture(scope="module")
def bystander(url: str) -> Iterator[Visitor]:
    """Somebody else, who looks at step 70 of a run of their own all the while."""
    visitor = Visitor(url)
    visiting(visitor.__aenter__())
    visiting(visitor.open("step", "step=70&seed=11"))
    yield visitor
    visiting(visitor.__aexit__(None, None, None))


async def visit(url: str, page: str, visit: list[list[Forged]]) -> None:
    """Send everything, and look after each round whether the page is as a page is."""
    async with Visitor(url) as visitor:
        await visitor.open(page, "step=40&filters=2&batch=3")
        await visitor.unfold("Save, open, share")  # on every page; other panels, by chance
        assert visitor.wrong == []
        assert visitor.all("download_button")
        seen: dict[str, Part] = {}
        for forged in visit:
            seen |= {part.id: part for part in visitor.widgets}
            states = [one.state([*seen.values()]) for one in forged]
            # A browser sends a widget once; what is pressed, pressed alone, is served.
            sent = {state.id: state for state in states if state is not None}
            TRIED["widgets"] += len(sent)
            visitor.forget()
            await visitor.send(*sent.values())
            await visitor.drawn()
            assert visitor.wrong == [], [*sent.values()]
        visitor.forget()
        await visitor.open(page)
        assert visitor.wrong == []
        assert visitor.widgets


@pytest.mark.bad_input
@pytest.mark.filterwarnings("ignore:Generating overly large repr")  # what failed is to be said
@pytest.mark.parametrize("path", PAGES)
@settings(max_examples=2, phases=[Phase.explicit, Phase.reuse, Phase.generate])  # a visit is long
@given(sent=VISIT)
def test_no_value_of_any_widget_breaks_a_page(
    url: str, log: Path, bystander: Visitor, path: str, sent: Any
) -> None:
    said = log.stat().st_size
    visiting(visit(url, path, sent))
    news = log.read_bytes()[said:].decode(errors="replace")
    assert "Traceback" not in news, news[-3_000:]
    shown = bystander.newest
    visiting(bystander.open("step"))
    assert bystander.wrong == []
    assert bystander.newest == shown


async def send_for_what_is_gone(url: str) -> None:
    """A slider up to step 40, while the name of its field is that of a later one, also gone."""
    async with Visitor(url) as visitor:
        await visitor.open("evaluate", "step=40")
        (follow,) = (part for part in visitor.all("checkbox") if "newest" in part.label)
        await visitor.force(follow, bool_value=False)
        (scrubber,) = visitor.all("slider")
        await visitor.press("Play")
        await visitor.press("Pause")
        (later,) = visitor.all("slider")
        assert later.id != scrubber.id
        await visitor.force(follow, bool_value=True)
        assert visitor.all("slider") == []
        visitor.forget()
        await visitor.force(scrubber, double_array_value=[7.0])
        assert visitor.wrong == []


def test_a_value_for_what_is_no_longer_on_the_page(url: str) -> None:
    visiting(send_for_what_is_gone(url))


async def send_after_nothing(url: str) -> list[str]:
    """As a browser that comes back to a server which has forgotten its visitor."""
    async with Visitor(url) as before:
        await before.open("experiments")
        (seeds,) = (part for part in before.all("text_input") if part.label == "Seeds")
    async with Visitor(url) as visitor:
        await visitor.open("experiments", "", state_of(seeds.id))
        await visitor.force(seeds, string_value="0, 1, 2, 3")
        return [part.says.body for part in visitor.all("markdown")]


def test_the_first_value_after_none_is_taken(url: str) -> None:
    assert any("**20 runs**" in text for text in visiting(send_after_nothing(url)))
