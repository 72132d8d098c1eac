"""What a visitor has brought to the data page, until a run is started on it."""

from collections.abc import Callable
from dataclasses import dataclass

from data import DataError, Digits
from pages.parts.task import Progress, Task


@dataclass
class Brought:
    """Digits of one's own on their way in. They belong to one visitor.

    Attributes:
        source: what they are read from: the uploaded files' ids, or a folder's name.
        digits: what was read, or None.
        refusal: why nothing could be read, one sentence, or None.
        reading: the work of reading them, while it goes on.
        fetching: the download of all of MNIST, the last one.
        times: how often something was brought; an upload field of its own belongs to each.
    """

    source: tuple[str, ...] = ()
    digits: Digits | None = None
    refusal: str | None = None
    reading: Task[Digits] | None = None
    fetching: Task[None] | None = None
    times: int = 0

    def read(self, source: tuple[str, ...], load: Callable[[], Digits]) -> None:
        """Read digits at once, unless these have been read already."""
        if source != self.source:
            self.forget()
            self.source = source
            try:
                self.digits = load()
            except DataError as error:
                self.refusal = str(error)

    def begin(self, source: tuple[str, ...], work: Callable[[Progress], Digits]) -> None:
        """Begin to read digits beside the page, unless these have been begun already."""
        if source != self.source:
            self.forget()
            self.source, self.reading = source, Task(work)

    def finish(self) -> None:
        """Take what has been read, if the reading has ended."""
        if self.reading and not self.reading.running:
            stopped = "It was stopped before all was read: bring it again."
            self.digits, self.refusal = self.reading.result, self.reading.error
            if self.digits is None and self.refusal is None:
                self.refusal = stopped
            self.reading = None

    def forget(self) -> None:
        """Keep nothing of what was brought."""
        if self.reading:
            self.reading.cancel()
        self.source, self.digits, self.refusal, self.reading = (), None, None, None

    def start_afresh(self) -> None:
        """Keep nothing, nor what stands in the upload fields."""
        self.forget()
        self.times += 1
