"""Values of widgets that no browser sends, because their widgets cannot be put so.

Whoever speaks Streamlit's protocol without a browser can send any value in the name of any widget.
Streamlit believes that its type is right: what raises while it is read stands on the page, and
some values even end the thread of the session, which then never answers again.
"""

import json
from contextlib import suppress
from typing import Any

from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.runtime.state.common import WidgetMetadata
from streamlit.runtime.state.session_state import Value, WStates

_NUMBERS = {"int_value", "double_value"}
"""A field for a number is sent as either."""

_read = WStates.__getitem__


def ignore_forged_values() -> None:
    """Take a value that no browser would send for a widget as one that was not sent.

    The widget is then as it is at first. Streamlit has no setting for this, so its reader is
    replaced, here alone. Any text for a field of text and any JSON for a figure or a component
    still arrive: those are the pages' own to judge.
    """
    WStates.__getitem__ = _read_or_first  # type: ignore[method-assign]  # there is no setting


def _read_or_first(states: WStates, widget: str) -> Any:
    kept, metadata = states.states.get(widget), states.widget_metadata.get(widget)
    if kept is None or metadata is None or isinstance(kept, Value):
        return _read(states, widget)
    value = None
    with suppress(Exception):  # whatever Streamlit's reader of this widget raises
        value = _read(states, widget) if _fits(kept.value, metadata) else None
    if value is not None:
        return value
    # None too: a widget that begins with a value cannot be emptied.
    states.states[widget] = Value(metadata.deserializer(None))
    return _read(states, widget)


def _fits(sent: WidgetState, metadata: WidgetMetadata[Any]) -> bool:
    """Whether a value has the widget's type, is one of its choices, is a component's mapping."""
    field, wanted = sent.WhichOneof("value"), metadata.value_type
    if field != wanted and {field, wanted} != _NUMBERS:
        return False
    if field == "json_value":
        return isinstance(json.loads(sent.json_value), dict)
    reader = getattr(metadata.deserializer, "__self__", None)
    choices = getattr(reader, "formatted_option_to_option_index", None)
    return field != "string_value" or choices is None or sent.string_value in choices
