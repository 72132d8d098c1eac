"""What several tests of pages ask for."""

from collections.abc import Iterator

import pytest
import streamlit as st
from threadpoolctl import threadpool_limits


@pytest.fixture
def alone() -> Iterator[None]:
    """Nothing is shared with another test, and BLAS has one thread, as in the app."""
    st.cache_resource.clear()
    with threadpool_limits(limits=1, user_api="blas"):
        yield
    st.cache_resource.clear()
