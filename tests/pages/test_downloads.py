"""A file that is made when it is asked for waits for the browser that fetches it."""

import pytest
from streamlit.runtime.media_file_manager import MediaFileManager, MediaFileMetadata
from streamlit.runtime.memory_media_file_storage import MemoryMediaFileStorage

from pages.parts import downloads


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> tuple[MediaFileManager, str]:
    """Streamlit's own keeper of files, and the one it has just made on demand."""
    # Put back afterwards.
    monkeypatch.setattr(MediaFileMetadata, "mark_for_delete", MediaFileMetadata.mark_for_delete)
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
