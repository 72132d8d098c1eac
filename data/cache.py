"""The folder that keeps what took long to get, and files in it that are whole or absent."""

import hashlib
import os
import secrets
from contextlib import suppress
from pathlib import Path

VARIABLE = "WATCH_IT_LEARN_CACHE"


def cache_folder() -> Path:
    """Return the user's cache folder for this project, or the one that VARIABLE names.

    The folder need not exist yet.
    """
    if chosen := os.environ.get(VARIABLE):
        return Path(chosen).expanduser()
    import pooch  # here, because an import should cost nobody anything

    return Path(pooch.os_cache("watch-it-learn"))


def read_verified(path: Path, size: int, sha256: str) -> bytes | None:
    """Return the file's bytes if they are exactly the ones expected, otherwise None.

    Missing, unreadable, cut short, too long and damaged all come to the same: it has to be
    made again.
    """
    try:
        with path.open("rb") as file:
            content = file.read(size + 1)
    except OSError:
        return None
    return content if hashlib.sha256(content).hexdigest() == sha256 else None


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that others see whole or not at all, whatever happens meanwhile.

    The bytes go to a file of their own beside it, reach the disk, and only then take the
    name, in one move: a crash leaves the old file, and of two processes the later one wins.

    Errors:
        OSError: the folder or the file cannot be written; what was there stays as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{secrets.token_hex(8)}.partial")
    try:
        with partial.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        with suppress(OSError):
            partial.unlink()
        raise
