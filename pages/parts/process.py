"""What is set once for the whole server process."""

import gc

import streamlit as st
from threadpoolctl import threadpool_limits


@st.cache_resource(show_spinner=False)
def prepare_process() -> None:
    """Give BLAS one thread, and take what has been imported out of the garbage collector's way.

    Matrices as small as these lose more to threads than they gain, and the number of threads
    must not change a run's bits. Without the freeze each collection walks through every object
    of every library.
    """
    threadpool_limits(limits=1, user_api="blas")
    gc.collect()
    gc.freeze()
