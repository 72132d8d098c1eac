"""Where bytes come from: a file on disk, or one that a visitor has uploaded."""

import io
from dataclasses import dataclass, field
from typing import Literal, Protocol


class Source(Protocol):
    """A file with a name, as a sentence about it says it; a `Path` is one."""

    @property
    def name(self) -> str:
        """The file's name, without its folder."""

    def open(self, mode: Literal["rb"], /) -> io.BufferedReader:
        """Open it for reading.

        Errors:
            OSError: it cannot be read.
        """


@dataclass(frozen=True)
class Uploaded:
    """A file that is nowhere but in memory."""

    name: str
    content: bytes = field(repr=False)

    def open(self, mode: Literal["rb"], /) -> io.BufferedReader:
        """Open it for reading."""
        # BytesIO shares the bytes; the reader around it can peek, as a file on disk can.
        return io.BufferedReader(io.BytesIO(self.content))
