"""What is set once for the whole server process."""

import ctypes
import gc
import sys
from contextlib import suppress

import streamlit as st
from threadpoolctl import threadpool_limits

_M_ARENA_MAX = -8
"""glibc's name for how many heaps a process may have (malloc.h)."""


@st.cache_resource(show_spinner=False)
def prepare_process() -> None:
    """Set BLAS threads, heaps and garbage collection for many short runs of scripts.

    BLAS gets one thread: matrices as small as these lose more to threads than they gain, and
    the number of threads must not change a run's bits.

    All threads share one heap: Streamlit runs every tick in some thread or other, glibc gives
    each a heap of its own, and what is freed in one is of no use to the next, so that a page
    that plays would take 40 kB more with every frame.

    What has been imported leaves the garbage collector's way: each collection would walk
    through every object of every library.
    """
    threadpool_limits(limits=1, user_api="blas")
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # a libc other than glibc
            ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)
    gc.collect()
    gc.freeze()
