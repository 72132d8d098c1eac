"""A visitor without a screen: a websocket that speaks Streamlit's protocol, as a browser does.

It opens a page, keeps what the page holds, answers the timers of fragments, presses buttons and
uploads files. It also does what no browser does: send any value in the name of any widget::

    async with Visitor(url) as visitor:
        await visitor.open("evaluate")
        (slider,) = visitor.all("slider")
        await visitor.force(slider, string_value="no number")
        assert not visitor.wrong
"""

import asyncio
import threading
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from functools import cache
from types import TracebackType
from typing import Any, Self, TypeVar

import requests
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.Common_pb2 import FileURLs
from streamlit.proto.Delta_pb2 import Delta
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect

PATIENCE = 120.0
"""Seconds that a page may take to be drawn, also for the last of a class."""

ONCE = ("trigger_value", "string_trigger_value", "json_trigger_value", "chat_input_value")
"""The kinds of value that a browser sends once; the others it sends again with every rerun."""

COOKIE, HEADER = "_streamlit_xsrf", "X-Xsrftoken"
"""What a browser shows to be let upload: what it was given as a cookie, once more in a header."""


Result = TypeVar("Result")


def visiting(work: Coroutine[Any, Any, Result]) -> Result:
    """Have visitors do something, and wait: in a thread of their own, for a test's may have the
    event loop of a browser."""
    return asyncio.run_coroutine_threadsafe(work, _loop()).result()


@cache
def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    return loop


@dataclass(frozen=True)
class Part:
    """Something that stands on the page.

    Attributes:
        kind: of the element or the block, such as "button", "number_input" or "expandable".
        says: the message of that kind.
        fragment: of the page, to which it belongs, or "".
        run: of the script, which drew it.
    """

    kind: str
    says: Any
    fragment: str
    run: str

    @property
    def id(self) -> str:
        """Of the widget, or ""."""
        return str(getattr(self.says, "id", ""))

    @property
    def label(self) -> str:
        """Of the widget, or ""."""
        return str(getattr(self.says, "label", ""))


class Visitor:
    """One session. As an asynchronous context it is connected, and leaves at the end.

    Args:
        url: of the app.
        claims: the session that this one says to be, as a browser does that comes back.

    Attributes:
        parts: what stands on the page, by its place there.
        newest: the newest frame of the stage, or b"".
        frames: how many have come.
        session_id: what the server calls this session.
        states: values of widgets that are sent again with every rerun, by the widgets' ids.
    """

    def __init__(self, url: str, claims: str = "") -> None:
        self.url, self._claims = url.rstrip("/"), claims
        self.parts: dict[tuple[int, ...], Part] = {}
        self.newest, self.frames = b"", 0
        self.session_id = ""
        self._query, self._page, self._run = "", "", ""
        self.states: dict[str, WidgetState] = {}
        self._timers: dict[str, asyncio.Task[None]] = {}
        self._addresses: list[FileURLs] = []
        self._downloads: list[str] = []
        self._failures: list[str] = []
        self._drawn = False

    async def __aenter__(self) -> Self:
        address = f"{self.url.replace('http', 'ws', 1)}/_stcore/stream"
        # The protocol's own way to say who one is: behind its name, a token and a session.
        protocols = ["streamlit", "none", self._claims] if self._claims else ["streamlit"]
        # No pings, which browsers do not send either, and which draw from the module `random` in
        # another thread: Hypothesis then takes it that a strategy has done so.
        self._connection = connect(
            address, subprotocols=protocols, max_size=None, ping_interval=None
        )
        self._socket: ClientConnection = await self._connection.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for timer in self._timers.values():
            timer.cancel()
        await self._connection.__aexit__(kind, error, trace)

    # ---- What stands there ----

    def all(self, kind: str) -> list[Part]:
        """Return everything of a kind that stands on the page, from top to bottom."""
        return [part for _, part in sorted(self.parts.items()) if part.kind == kind]

    @property
    def widgets(self) -> list[Part]:
        """Return everything on the page that a value can be sent for."""
        return [part for _, part in sorted(self.parts.items()) if part.id]

    @property
    def wrong(self) -> list[str]:
        """Return the exceptions that stand on the page, and those that came in place of a page."""
        shown = [f"{part.says.type}: {part.says.message}" for part in self.all("exception")]
        return [*shown, *self._failures]

    @property
    def words(self) -> str:
        """Return all that a visitor reads in alerts, paragraphs and headings, line by line."""
        return "\n".join(
            str(part.says.body)
            for _, part in sorted(self.parts.items())
            if part.kind in ("alert", "markdown", "text", "heading")
        )

    # ---- What a person does ----

    async def open(self, page: str = "", query: str = "", *states: WidgetState) -> None:
        """Go to a page, and wait until it stands.

        Args:
            page: the path of its address, such as "evaluate"; "" is the first one.
            query: what follows the question mark in the address.
            states: values of its widgets, which a browser has that comes back to a new server.
        """
        self._query, self._page, self.states = query, "", {one.id: one for one in states}
        await self._rerun(ClientState(page_name=page))
        await self.drawn()

    async def press(self, label: str) -> None:
        """Press the button of that label, and wait until the page stands again."""
        await self.begin_press(label)
        await self.drawn()

    async def begin_press(self, label: str) -> None:
        """Press the button of that label."""
        (button,) = (part for part in self.all("button") if part.label == label)
        await self.send(WidgetState(id=button.id, trigger_value=True))

    async def unfold(self, label: str) -> None:
        """Open the panel of that label, and wait until what is in it stands."""
        (panel,) = (part for part in self.all("expandable") if part.label == label)
        await self.force(panel, bool_value=True)

    async def watch(self, seconds: float) -> None:
        """Watch what comes."""
        end = time.monotonic() + seconds
        while await self._hear(end - time.monotonic()):
            pass

    async def drawn(self) -> None:
        """Wait until the whole page has been drawn again.

        Raises:
            TimeoutError: it has not been within `PATIENCE`.
        """
        end, self._drawn = time.monotonic() + PATIENCE, False
        while not self._drawn:
            if not await self._hear(end - time.monotonic()):
                raise TimeoutError(f"The page was not drawn within {PATIENCE:g} s.")

    # ---- What a browser does, and what none does ----

    async def force(self, widget: Part | str, **value: Any) -> None:
        """Send a value in the name of a widget, and wait until the page stands again.

        Args:
            widget: or what its id is said to be.
            value: one field of `WidgetState`, such as ``int_value=7``. A list stands for the
                arrays. Without any, the widget is sent without a value.
        """
        await self.send(state_of(widget if isinstance(widget, str) else widget.id, **value))
        await self.drawn()

    async def send(self, *states: WidgetState) -> None:
        """Send values of widgets, together with all that were sent before."""
        kept = {one.id: one for one in states if one.WhichOneof("value") not in ONCE}
        self.states |= kept
        state = ClientState()
        state.widget_states.widgets.extend([one for one in states if one.id not in kept])
        await self._rerun(state)

    def forget(self) -> None:
        """Send none of the values again that were sent so far."""
        self.states.clear()

    async def upload(
        self, widget: Part, files: dict[str, bytes], xsrf: bool = True, **lie: Any
    ) -> list[int]:
        """Bring files to a widget, wait until the page stands again; return the HTTP answers.

        Args:
            widget: a file uploader or a camera.
            files: their contents by their names.
            xsrf: whether to show the token that the server gave out, as browsers do.
            lie: fields of `UploadedFileInfo` that are told otherwise than they are.
        """
        addresses = await self._upload_addresses([*files])
        state, answers = WidgetState(id=widget.id), []
        for (name, content), urls in zip(files.items(), addresses, strict=True):
            answers.append(await asyncio.to_thread(self._put, urls.upload_url, name, content, xsrf))
            told = {"file_id": urls.file_id, "name": name, "size": len(content), "file_urls": urls}
            state.file_uploader_state_value.uploaded_file_info.add(**told | lie)
        await self.send(state)
        await self.drawn()
        return answers

    async def download(self, button: Part, session_id: str = "") -> str:
        """Ask for the file behind a button; return its address, or "" if there is none.

        Args:
            button: a download button, of this page or of another one's.
            session_id: the session that is said to ask, unless it is this one.
        """
        asked = BackMsg()
        asked.backend_operation_request.request_id = "asked"
        asked.backend_operation_request.session_id = session_id or self.session_id
        asked.backend_operation_request.deferred_file.file_id = button.says.deferred_file_id
        self._downloads.clear()
        await self._socket.send(asked.SerializeToString())
        while not self._downloads:
            if not await self._hear(PATIENCE):
                raise TimeoutError("The server did not answer.")
        return self._downloads[0]

    async def _upload_addresses(self, names: list[str]) -> list[FileURLs]:
        asked = BackMsg()
        asked.file_urls_request.request_id = "asked"
        asked.file_urls_request.file_names.extend(names)
        asked.file_urls_request.session_id = self.session_id
        self._addresses.clear()
        await self._socket.send(asked.SerializeToString())
        while len(self._addresses) < len(names):
            if not await self._hear(PATIENCE):
                raise TimeoutError("The server told no address for the upload.")
        return [*self._addresses]

    def _put(self, path: str, name: str, content: bytes, xsrf: bool) -> int:
        with requests.Session() as http:
            http.trust_env = False  # no proxy stands between this machine and itself
            http.get(f"{self.url}/_stcore/host-config", timeout=PATIENCE)
            http.get(f"{self.url}/_stcore/health", timeout=PATIENCE)
            headers = {HEADER: http.cookies.get(COOKIE, "")} if xsrf else {}
            if not xsrf:
                http.cookies.clear()
            files = {"file": (name, content)}
            answer = http.put(
                f"{self.url}/{path.lstrip('/')}", files=files, headers=headers, timeout=PATIENCE
            )
            return answer.status_code

    async def _rerun(self, state: ClientState) -> None:
        state.query_string, state.page_script_hash = self._query, self._page
        state.widget_states.widgets.extend(self.states.values())
        await self._socket.send(BackMsg(rerun_script=state).SerializeToString())

    # ---- What the server says ----

    async def _hear(self, seconds: float) -> bool:
        """Take one message, if one comes within so many seconds."""
        if seconds <= 0:
            return False
        try:
            content = await asyncio.wait_for(self._socket.recv(), seconds)
        except TimeoutError:
            return False
        message = ForwardMsg.FromString(content)
        match message.WhichOneof("type"):
            case "new_session":
                self.session_id = message.new_session.initialize.session_id
                self._run = message.metadata.run.script_run_id
                if not message.metadata.run.fragment_ids:  # the page begins anew, as its timers do
                    for fragment in [*self._timers]:
                        self._stop_timer(fragment)
            case "navigation":
                self._page = message.navigation.page_script_hash
            case "delta":
                self._draw(tuple(message.metadata.delta_path), message.delta)
            case "script_finished":
                self._drawn |= message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY
                if message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                    self._clear_away(message)
            case "auto_rerun":
                again = message.auto_rerun
                self._stop_timer(again.fragment_id)
                self._timers[again.fragment_id] = asyncio.create_task(
                    self._ask_again(again.fragment_id, again.interval)
                )
            case "stop_auto_rerun":
                for fragment in message.stop_auto_rerun.fragment_ids:
                    self._stop_timer(fragment)
            case "file_urls_response":
                self._addresses.extend(message.file_urls_response.file_urls)
            case "backend_operation_response":
                self._downloads.append(message.backend_operation_response.deferred_file.url)
            case "session_event" if message.session_event.HasField("script_compilation_exception"):
                self._failures.append(message.session_event.script_compilation_exception.message)
                self._drawn = True
        return True

    def _draw(self, place: tuple[int, ...], delta: Delta) -> None:
        whole = delta.new_element if delta.HasField("new_element") else delta.add_block
        kind = whole.WhichOneof("type") or "empty"
        says = getattr(whole, kind, None)
        self.parts[place] = Part(kind, says, delta.fragment_id, self._run)
        if kind == "bidi_component" and says.bytes:
            self.newest, self.frames = says.bytes, self.frames + 1

    def _clear_away(self, end: ForwardMsg) -> None:
        """Forget what an ended run of the script has not drawn again."""
        run = end.metadata.run
        self.parts = {
            place: part
            for place, part in self.parts.items()
            if part.run == run.script_run_id
            or (run.fragment_ids and part.fragment not in run.fragment_ids)
        }

    async def _ask_again(self, fragment: str, interval: float) -> None:
        while True:
            await asyncio.sleep(interval)
            await self._rerun(ClientState(fragment_id=fragment, is_auto_rerun=True))

    def _stop_timer(self, fragment: str) -> None:
        if timer := self._timers.pop(fragment, None):
            timer.cancel()


def state_of(widget: str, **value: Any) -> WidgetState:
    """Return what a browser sends of a widget's value: one field of `WidgetState`, or none."""
    state = WidgetState(id=widget)
    for field, given in value.items():
        if isinstance(given, list):
            getattr(state, field).SetInParent()
            getattr(state, field).data.extend(given)
        elif field == "file_uploader_state_value":
            state.file_uploader_state_value.CopyFrom(given)
        else:
            setattr(state, field, given)
    return state
