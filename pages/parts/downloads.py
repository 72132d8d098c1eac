"""Files that are made when they are asked for, and kept until a browser has had time to fetch them.

Streamlit deletes such a file once two script runs have ended since it was made, no matter whose.
Where somebody plays, that is 0.2 s later, and over a slow line the browser finds nothing.
"""

import time

from streamlit.runtime.media_file_manager import MediaFileMetadata

KEPT = 60.0
"""Seconds that a file is kept from the first time that Streamlit would let it go."""

_mark = MediaFileMetadata.mark_for_delete


def keep_downloads() -> None:
    """Keep every file that is made for a download for a minute.

    Streamlit has no setting for this, so how it marks a file is replaced, here alone.
    """
    MediaFileMetadata.mark_for_delete = _mark_later  # type: ignore[method-assign]  # that is done


def _mark_later(self: MediaFileMetadata) -> None:
    since = vars(self).setdefault("unused_since", time.monotonic())
    if time.monotonic() - since >= KEPT:
        _mark(self)
