"""Files that are made when they are asked for, and kept until a browser has had time to fetch them.

Streamlit deletes such a file once two script runs have ended since it was made, no matter whose.
Where somebody plays, that is 0.2 s later, and over a slow line the browser finds nothing. And it
makes none for a button that it has just drawn again: a click that was under way came to nothing.

Streamlit has settings for neither, so what it does instead is replaced, here alone.
"""

import time

from streamlit import runtime
from streamlit.runtime.media_file_manager import MediaFileManager, MediaFileMetadata

KEPT = 60.0
"""Seconds that a file is kept from the first time that Streamlit would let it go."""

UNDER_WAY = 5.0
"""Seconds that a click on a button may be under way, after the button has been drawn again."""

_mark = MediaFileMetadata.mark_for_delete


def keep_downloads() -> None:
    """Keep every file that is made for a download for a minute, and answer clicks that come late.

    Who has left is answered nothing: what makes a file holds a run.
    """
    file, files = MediaFileMetadata, MediaFileManager
    # Replaced, because Streamlit has no setting for how long it keeps a file.
    file.mark_for_delete = _mark_later  # type: ignore[method-assign]  # there is no setting
    files._remove_orphaned_deferred_callables = (  # type: ignore[method-assign]  # no setting
        _drop_later
    )


def _mark_later(self: MediaFileMetadata) -> None:
    since = vars(self).setdefault("unused_since", time.monotonic())
    if time.monotonic() - since >= KEPT:
        _mark(self)


def _drop_later(self: MediaFileManager) -> None:
    shown = {name for names in self._files_by_session_and_coord.values() for name in names.values()}
    hidden: dict[str, float] = vars(self).setdefault("hidden_since", {})
    now = time.monotonic()
    for name, made in [*self._deferred_callables.items()]:
        if name in shown:
            continue
        late = now - hidden.setdefault(name, now) >= UNDER_WAY
        if late or not _is_here(made["session_id"]):
            self._drop_deferred_id(name)
    for name in hidden.keys() - self._deferred_callables.keys():
        del hidden[name]


def _is_here(visitor: str) -> bool:
    return runtime.exists() and runtime.get_instance().is_active_session(visitor)
