"""What is set once for the whole server process."""

import ctypes
import gc
import sys
import threading
import time
from contextlib import suppress
from functools import cache
from typing import Any

import streamlit as st
from starlette.formparsers import MultiPartParser
from streamlit import runtime
from threadpoolctl import threadpool_limits

from pages.parts.downloads import keep_downloads
from pages.parts.forged import ignore_forged_values
from pages.parts.turns import TURNS

RECLAIMED = 20.0
"""Seconds between two looks for memory that nobody uses any more: it takes some 0.05 s."""

OVERDUE = 300.0
"""Seconds after which it is looked for also while somebody plays."""

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
"""glibc's names for what may stay free at a heap's end, for the size from which memory is taken
from the system for itself, and for how many heaps a process may have (malloc.h)."""


def _forget_visitors() -> None:
    """Let go of visitors who have been away for too long to come back to their session.

    Streamlit does so only when the next one leaves, which after a class may be days later; it has
    no setting for it, so its table of them is cleared here alone, in the thread that it belongs to.
    """
    # No server, one that ends, or what a test of Streamlit's has in its place: nobody to forget.
    with suppress(RuntimeError, AttributeError):
        server: Any = runtime.get_instance()  # what is asked of it is not public
        away = server._session_mgr._session_storage._cache
        server._get_async_objs().eventloop.call_soon_threadsafe(away.expire)


def reclaim_memory() -> None:
    """Give back the memory of visitors who have left.

    Their sessions are cycles of objects, and Python looks for cycles when enough new objects have
    been made: where nobody plays any more, never. Nor does it look at what `prepare_process` put
    out of its way, and with it the session in which it was called.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    _glibc("malloc_trim", 0)


@cache
def _start_reclaiming() -> None:
    """From now on reclaim memory when nobody plays, and now and then in any case."""

    def reclaim() -> None:
        last = time.monotonic()
        while True:
            time.sleep(RECLAIMED)
            _forget_visitors()
            if TURNS.players == 0 or time.monotonic() - last > OVERDUE:
                reclaim_memory()
                last = time.monotonic()

    threading.Thread(target=reclaim, name="reclaim", daemon=True).start()


def _glibc(function: str, *values: int) -> None:
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # a libc other than glibc
            getattr(ctypes.CDLL(None), function)(*values)


@st.cache_resource(show_spinner=False)
def prepare_process() -> None:
    """Set BLAS threads, heaps, uploads and garbage collection for many short runs of scripts.

    BLAS gets one thread: matrices as small as these lose more to threads than they gain, and
    the number of threads must not change a run's bits. threadpoolctl remembers for ever which
    thread set it: were it a script's, the first visitor's session would never be let go.

    All threads share one heap: Streamlit runs every tick in some thread or other, glibc gives
    each a heap of its own, and what is freed in one is of no use to the next, so that a page
    that plays would take 40 kB more with every frame. The checkpoints of a run are in no heap:
    they leave no holes there when the visitor has left. (Unless told, glibc puts the more into
    its heaps the more has been freed.)

    An upload stays in memory, where Streamlit keeps it in any case: above 1 MB it would first be
    written to the folder for temporary files, whose disk may be full.

    What has been imported leaves the garbage collector's way: each collection would walk
    through every object of every library.
    """
    limiting = threading.Thread(target=threadpool_limits, args=(1, "blas"))
    limiting.start()
    limiting.join()
    _glibc("mallopt", _M_ARENA_MAX, 1)
    _glibc("mallopt", _M_MMAP_THRESHOLD, 1_000_000)
    _glibc("mallopt", _M_TRIM_THRESHOLD, 64_000_000)
    ignore_forged_values()
    keep_downloads()
    MultiPartParser.spool_max_size = sys.maxsize  # `maxUploadSize` bounds it
    gc.collect()
    gc.freeze()
    _start_reclaiming()
