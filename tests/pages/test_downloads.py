"""A file that is made when it is asked for waits for the browser that fetches it."""

import pytest
from serving import server
from streamlit.runtime.media_file_manager import MediaFileManager, MediaFileMetadata
from streamlit.runtime.media_file_storage import MediaFileStorageError
from streamlit.runtime.memory_media_file_storage import MemoryMediaFileStorage
from visitor import Visitor, visiting

from pages.parts import downloads


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> tuple[MediaFileManager, str]:
    """Streamlit's own keeper of files, and the one it has just made on demand."""
    # Put back afterwards.
    for owner, name in (
        (MediaFileMetadata, "mark_for_delete"),
        (MediaFileManager, "_remove_orphaned_deferred_callables"),
    ):
        monkeypatch.setattr(owner, name, getattr(owner, name))
    downloads.keep_downloads()
    manager = MediaFileManager(MemoryMediaFileStorage("/media"))
    asked_for = manager.add_deferred(lambda: b"1234", "text/plain", "1.2", "numbers.txt")
    return manager, manager.execute_deferred(asked_for).rsplit("/", 1)[1].partition(".")[0]


def test_a_file_outlives_the_script_runs_of_those_who_play(
    made: tuple[MediaFileManager, str],
) -> None:
    manager, name = made
    for _ in range(100):
        manager.remove_orphaned_files()
    file = manager.read_file(name)
    assert file is not None
    assert file.content == b"1234"


def test_a_file_is_let_go_in_the_end(
    made: tuple[MediaFileManager, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    manager, name = made
    monkeypatch.setattr(downloads, "KEPT", 0.0)
    for _ in range(2):
        manager.remove_orphaned_files()
    assert manager.read_file(name) is None


def test_who_is_not_here_leaves_nothing_that_makes_files(
    made: tuple[MediaFileManager, str],
) -> None:
    manager, _ = made
    asked_for = manager.add_deferred(lambda: b"5678", "text/plain", "1.3")
    manager.clear_session_refs()
    manager.remove_orphaned_files()
    with pytest.raises(MediaFileStorageError):
        manager.execute_deferred(asked_for)


async def click_as_it_is_drawn_again(url: str) -> None:
    async with Visitor(url) as visitor:
        await visitor.open("filter", "step=30")
        buttons = visitor.all("download_button")
        (moments,) = (part for part in visitor.all("number_input") if part.label == "How many")
        await visitor.force(moments, int_value=5)
        again = [part.says.deferred_file_id for part in visitor.all("download_button")]
        made_on_demand = [part for part in buttons if part.says.deferred_file_id]
        assert len(made_on_demand) >= 3
        for button in made_on_demand:
            assert button.says.deferred_file_id not in again
            assert await visitor.download(button)


def test_a_click_is_answered_although_its_button_has_been_drawn_again() -> None:
    with server() as (url, _):
        visiting(click_as_it_is_drawn_again(url))
