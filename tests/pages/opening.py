"""A page of the app, opened without a browser on a run made for it."""

from pathlib import Path

from streamlit.testing.v1 import AppTest

from pages.parts.keys import Key
from pages.parts.session import Session

APP = Path(__file__).parents[2] / "app.py"


def opened(page: str, session: Session | None = None) -> AppTest:
    """Open a page of ``pages/`` by the name of its file, or the live page as "live".

    Args:
        page: the name.
        session: the visit; one that begins there unless given.
    """
    app = AppTest.from_file(str(APP), default_timeout=60)
    if session:
        app.session_state[Key.SESSION] = session
    if page != "live":
        app.switch_page(f"pages/{page}.py")
    return drawn(app)


def drawn(app: AppTest) -> AppTest:
    """Draw it again, as a rerun or a tick would; it must not fail."""
    app.run()
    assert not app.exception, app.exception[0].stack_trace
    return app


def html(app: AppTest) -> str:
    """All HTML of the page."""
    return "\n".join(element.proto.body for element in app.get("html"))


def headings(app: AppTest) -> list[str]:
    """The headings of the page's parts."""
    return [heading.value for heading in app.subheader]


def text(app: AppTest) -> str:
    """Everything that is written as Markdown, line by line."""
    return "\n".join(str(one.value) for one in app.markdown)


def held(app: AppTest) -> Session:
    """The visit."""
    session: Session = app.session_state[Key.SESSION]
    return session


def press(app: AppTest, label: str) -> None:
    """Press the button with that label, and draw."""
    (button,) = (button for button in app.button if button.label == label)
    button.click()
    drawn(app)
