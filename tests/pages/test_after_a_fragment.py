"""A click that comes in the moment in which a fragment ends: the page stays as it was."""

from dataclasses import replace
from typing import Any

import pytest
from opening import opened
from streamlit.runtime.scriptrunner import RerunData, ScriptRunnerEvent
from streamlit.testing.v1 import AppTest, app_test
from streamlit.testing.v1.element_tree import Block, Node
from streamlit.testing.v1.local_script_runner import LocalScriptRunner

from cnn import Recipe
from data import Digits
from pages.parts.page import PAGES
from pages.parts.session import Session


class Hurried(LocalScriptRunner):
    """Draws the page and then, in the same thread, each of its fragments and the page again.

    The page is asked for when a fragment has ended, and the thread has not.
    """

    todo: list[str] | None = None

    def _on_script_finished(self, ctx: Any, event: ScriptRunnerEvent, *rest: Any) -> None:
        super()._on_script_finished(ctx, event, *rest)
        page = RerunData(page_script_hash=ctx.page_script_hash)
        if self.todo is None:
            self.todo = list({message.delta.fragment_id for message in self.forward_msgs()} - {""})
        if event is ScriptRunnerEvent.FRAGMENT_STOPPED_WITH_SUCCESS:
            self.request_rerun(page)
        elif self.todo:
            self.request_rerun(replace(page, fragment_id=self.todo.pop()))


def outline(node: Node | Block) -> list[Any]:
    """What stands in what."""
    children = node.children if isinstance(node, Block) else {}
    return [node.type, {at: outline(child) for at, child in children.items()}]


@pytest.mark.parametrize("name", [*PAGES.values()])
def test_the_page_is_not_drawn_into_the_fragments_place(
    name: str, digits: Digits, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = "live" if name == "app.py" else name.removeprefix("pages/").removesuffix(".py")
    visit = Session.begun(digits, Recipe())
    visit.run.advance(20)
    expected = outline(opened(page, visit).main)
    monkeypatch.setattr(app_test, "LocalScriptRunner", Hurried)
    hurried: AppTest = opened(page, visit)
    assert outline(hurried.main) == expected
