"""Long work beside the page: it shows how far it is, and can be stopped."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

import streamlit as st

from data import Cancelled, DataError

T = TypeVar("T")

Progress = Callable[[int, int], None]
"""Told how much is done, and how much there is to do."""

POLLED = 0.5
"""Seconds between two looks at work that goes on."""

ABANDONED = 20.0
"""Seconds without a look after which nobody is there any more. A tab in the background looks
about once a second."""


class Task(Generic[T]):
    """Work in a thread of its own, so that the page stays usable and the run plays on.

    It ends by itself soon after it is cancelled, or after the page that looks at it has gone.

    Attributes:
        done: how much is done, of `total`.
        total: how much there is to do; 0 while that is not known.
        result: what came of it, or None.
        error: why nothing came of it, in one sentence, or None.
    """

    def __init__(self, work: Callable[[Progress], T]) -> None:
        self.done, self.total = 0, 0
        self.result: T | None = None
        self.error: str | None = None
        self._cancelled = False
        self._looked_at = time.monotonic()
        self._thread = threading.Thread(target=self._run, args=(work,), daemon=True)
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether something may still come of it."""
        return self._thread.is_alive() and not self._cancelled

    def cancel(self) -> None:
        """Stop it: at once for whoever waits, in the thread at the next report of progress."""
        self._cancelled = True

    def look(self) -> None:
        """Say that somebody still waits for it."""
        self._looked_at = time.monotonic()

    def join(self) -> None:
        """Wait until the thread has ended."""
        self._thread.join()

    def _run(self, work: Callable[[Progress], T]) -> None:
        try:
            self.result = work(self._report)
        except DataError as error:
            self.error = str(error)
        except Cancelled:
            pass
        except Exception as error:  # whatever it is, whoever waits is told that nothing comes
            self.error = (
                f"This ended in a way that nobody has foreseen ({type(error).__name__}): what was "
                "done before stays, and the server’s log says more."
            )
            logging.getLogger(__name__).exception("A task ended.")

    def _report(self, done: int, total: int) -> None:
        if self._cancelled or time.monotonic() - self._looked_at > ABANDONED:
            self._cancelled = True
            raise Cancelled
        self.done, self.total = done, total


def show(task: Task[T], doing: Callable[[int, int], str]) -> None:
    """Draw a task that runs, with a button that cancels it; draw the page again when it has ended.

    Args:
        task: the work.
        doing: says in words how far it is.
    """

    @st.fragment(run_every=POLLED)
    def poll() -> None:
        task.look()
        share = task.done / task.total if task.total else 0.0
        st.progress(min(share, 1.0), doing(task.done, task.total))
        st.button("Cancel", on_click=task.cancel, key="cancel_task")
        if not task.running:
            st.rerun()

    poll()
