"""A page of the app, opened without a browser on a run made for it."""

from pathlib import Path

from streamlit.testing.v1 import AppTest

from pages.parts.session import Key, Session

APP = Path(__file__).parents[2] / "app.py"


def opened(page: str, session: Session) -> AppTest:
    """Open a page of ``pages/`` by the name of its file."""
    app = AppTest.from_file(str(APP), default_timeout=60)
    app.session_state[Key.SESSION] = session
    app.switch_page(f"pages/{page}.py")
    return drawn(app)


def drawn(app: AppTest) -> AppTest:
    """Draw it again; it must not fail."""
    app.run()
    assert not app.exception, app.exception[0].stack_trace
    return app


def html(app: AppTest) -> str:
    """All HTML of the page."""
    return "\n".join(element.proto.body for element in app.get("html"))


def headings(app: AppTest) -> list[str]:
    """The headings of the page's parts."""
    return [heading.value for heading in app.subheader]
