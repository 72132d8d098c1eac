"""What several tests of pages ask for."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from mounting import begun
from opening import opened
from streamlit.testing.v1 import AppTest
from threadpoolctl import threadpool_limits

from cnn import Recipe, Step
from data import Digits
from data.cache import VARIABLE
from pages.parts.session import Session


@pytest.fixture
def alone() -> Iterator[None]:
    """Nothing is shared with another test, and BLAS has one thread, as in the app."""
    st.cache_resource.clear()
    with threadpool_limits(limits=1, user_api="blas"):
        yield
    st.cache_resource.clear()


@pytest.fixture
def kept_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sweeps are kept in a folder of the test's own."""
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    monkeypatch.delenv("WATCH_IT_LEARN_SCHEDULER", raising=False)


@pytest.fixture
def visit(digits: Digits) -> Session:
    """A visit that has just begun."""
    return Session.begun(digits, Recipe())


@pytest.fixture(scope="module")
def session(digits: Digits) -> Session:
    """A visit after 60 steps, for tests that only look."""
    return begun(digits, 60)


@pytest.fixture(scope="module")
def step(session: Session) -> Step:
    """The newest step of that visit."""
    return session.run.at(60)


@pytest.fixture(scope="module")
def notes_page(session: Session) -> AppTest:
    """The notes page on that visit."""
    return opened("notes", session)
