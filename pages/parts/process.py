"""What is set once for the whole server process."""

import ctypes
import gc
import sys
from contextlib import suppress

import streamlit as st
from starlette.formparsers import MultiPartParser
from threadpoolctl import threadpool_limits

from pages.parts.forged import ignore_forged_values

_M_ARENA_MAX = -8
"""glibc's name for how many heaps a process may have (malloc.h)."""


@st.cache_resource(show_spinner=False)
def prepare_process() -> None:
    """Set BLAS threads, heaps, uploads and garbage collection for many short runs of scripts.

    BLAS gets one thread: matrices as small as these lose more to threads than they gain, and
    the number of threads must not change a run's bits.

    All threads share one heap: Streamlit runs every tick in some thread or other, glibc gives
    each a heap of its own, and what is freed in one is of no use to the next, so that a page
    that plays would take 40 kB more with every frame.

    An upload stays in memory, where Streamlit keeps it in any case: above 1 MB it would first be
    written to the folder for temporary files, whose disk may be full.

    What has been imported leaves the garbage collector's way: each collection would walk
    through every object of every library.
    """
    threadpool_limits(limits=1, user_api="blas")
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # a libc other than glibc
            ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)
    ignore_forged_values()
    MultiPartParser.spool_max_size = sys.maxsize  # `maxUploadSize` bounds it
    gc.collect()
    gc.freeze()
