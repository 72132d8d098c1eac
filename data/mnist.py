"""All 70,000 digits of MNIST, fetched once on request and kept in the cache folder."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from data.cache import VARIABLE, cache_folder, read_verified
from data.digits import Digits
from data.error import DataError
from data.folder import load_folder

Progress = Callable[[int, int], None]  # bytes done, bytes in all

CHUNK = 1 << 15  # bytes between two reports of progress
TIMEOUT = (10, 30)  # seconds for the connection to stand, and for the next bytes to come

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)


@dataclass(frozen=True)
class RemoteFile:
    """A file as the mirrors must give it, byte for byte."""

    name: str
    size: int  # bytes
    sha256: str


FILES = (
    RemoteFile(
        "train-images-idx3-ubyte.gz",
        9_912_422,
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    ),
    RemoteFile(
        "train-labels-idx1-ubyte.gz",
        28_881,
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    ),
    RemoteFile(
        "t10k-images-idx3-ubyte.gz",
        1_648_877,
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    ),
    RemoteFile(
        "t10k-labels-idx1-ubyte.gz",
        4_542,
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    ),
)


class Cancelled(Exception):
    """Raised by a `progress` callback to stop a download."""


def load_mnist(progress: Progress | None = None) -> Digits:
    """Return all of MNIST: 60,000 digits to train on and 10,000 held out.

    What is not in the cache folder is fetched first (11.6 MB in all); with everything there,
    no connection is made.

    Args:
        progress: called with the bytes done and the bytes in all while fetching; a second
            mirror starts its file over. If it raises `Cancelled`, that passes through, and
            the files that are already whole are kept.

    Errors:
        DataError: no mirror gave the right file, or it cannot be kept; nothing that was there
            is changed.
    """
    fetch_mnist(progress)
    return replace(load_folder(cache_folder() / "mnist"), name="mnist")


def fetch_mnist(progress: Progress | None = None) -> None:
    """Bring all of MNIST into the cache folder, and read none of it; see `load_mnist`."""
    fetch(cache_folder() / "mnist", FILES, MIRRORS, progress)


def mnist_is_cached() -> bool:
    """Whether `load_mnist` would do without a connection (reads and verifies 11.6 MB)."""
    return all(_is_whole(cache_folder() / "mnist", file) for file in FILES)


def fetch(
    folder: Path,
    files: tuple[RemoteFile, ...],
    mirrors: tuple[str, ...],
    progress: Progress | None = None,
) -> None:
    """Bring the files into the folder, each verified before it takes its name.

    The mirrors are tried in turn for each file. Progress and errors: see `load_mnist`.
    """
    total = sum(file.size for file in files)
    done = 0
    for file in files:
        if not _is_whole(folder, file):
            _fetch_one(folder, file, mirrors, progress, done, total)
        done += file.size
        if progress is not None:
            progress(done, total)


def _is_whole(folder: Path, file: RemoteFile) -> bool:
    return read_verified(folder / file.name, file.size, file.sha256) is not None


def _fetch_one(
    folder: Path,
    file: RemoteFile,
    mirrors: tuple[str, ...],
    progress: Progress | None,
    done: int,
    total: int,
) -> None:
    """Fetch one file from the first mirror that has it right."""
    import pooch  # here, because most starts fetch nothing
    from requests import RequestException

    failures = []
    for mirror in mirrors:
        bar = _Bar(progress, done, total, file.size) if progress is not None else False
        try:
            pooch.retrieve(
                mirror + file.name,
                known_hash=f"sha256:{file.sha256}",
                fname=file.name,
                path=folder,
                downloader=pooch.HTTPDownloader(
                    progressbar=bar,
                    chunk_size=CHUNK,
                    timeout=TIMEOUT,
                    # Already gzipped: packed again on the way, its bytes would be miscounted.
                    headers={"Accept-Encoding": "identity"},
                ),
            )
            return
        except RequestException as error:
            failures.append(f"{urlsplit(mirror).hostname}: {_reason(error)}")
        except ValueError:  # pooch's word for a file that is not the one asked for
            failures.append(f"{urlsplit(mirror).hostname}: wrong checksum")
        except OSError as error:
            # pooch's own PermissionError has a long text in place of the system's word.
            denied = isinstance(error, PermissionError)
            reason = "no permission" if denied else error.strerror or error
            raise DataError(
                f"{file.name} cannot be kept in {folder} ({reason}): make room there or let "
                f"the environment variable {VARIABLE} name another folder."
            ) from error
    raise DataError(
        f"{file.name} could not be fetched ({'; '.join(failures)}): "
        "check the connection and try again."
    )


def _reason(error: Exception) -> str:
    """Say in a word or two why a request failed."""
    from requests import HTTPError, Timeout

    if isinstance(error, HTTPError) and error.response is not None:
        return f"answered {error.response.status_code}"
    return "no answer in time" if isinstance(error, Timeout) else "no connection"


class _Bar:
    """What pooch takes for a progress bar, handing on the bytes of one file of several."""

    def __init__(self, progress: Progress, done: int, total: int, size: int) -> None:
        self.total = 0  # pooch sets it to what the server says; the true size is known here
        self._progress, self._done, self._total, self._size = progress, done, total, size
        self._received = 0

    def update(self, count: int) -> None:
        # pooch counts in whole chunks, and at the end adds the file once more: hence the min.
        self._received = min(self._received + count, self._size)
        self._progress(self._done + self._received, self._total)

    def reset(self) -> None:
        """Called by pooch before it fills the bar at the end, which `update` allows for."""

    def close(self) -> None:
        """Called by pooch at the end; there is nothing to close."""
