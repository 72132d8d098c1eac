"""What the shipped configuration and a real server keep from strangers, tried as one would."""

import io
import re
import tomllib
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import requests
from idx_files import four_files
from serving import ROOT, server
from starlette.formparsers import MultiPartParser
from streamlit.elements.widgets.selectbox import SelectboxSerde
from streamlit.proto.DownloadButton_pb2 import DownloadButton as ButtonProto
from visitor import Part, Visitor, state_of, visiting
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from cnn import Recipe, Run
from cnn.run_file import digest, write_run
from data import Digits

WILD = "../../../escaped<img src=x onerror=alert(1)>.npz"
MARK = b"not to be found on any disk 7f3a9c"

PANEL = "Save, open, share"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with server() as (address, _):
        yield address


def saved(digits: Digits, seed: int) -> bytes:
    held_out = digits.held_out_images, digits.held_out_labels
    run = Run(Recipe(seed=seed), digits.images, digits.labels, held_out)
    run.advance(30)
    file = io.BytesIO()
    write_run(run, digest(digits.images, digits.labels, held_out), file)
    return file.getvalue()


async def go(visitor: Visitor, page: str, query: str = "") -> None:
    """To a page, and open the panel in which runs are opened and links stand."""
    await visitor.open(page, query)
    await visitor.unfold(PANEL)


def opener(visitor: Visitor) -> Part:
    """The field that opens a saved run."""
    (field,) = (part for part in visitor.all("file_uploader") if "saved run" in part.label)
    return field


def link(visitor: Visitor) -> str:
    """The link to the visitor's step, which holds the recipe of their run."""
    (code,) = (part for part in visitor.all("code") if "step=" in part.says.code_text)
    return str(code.says.code_text)


def test_the_shipped_configuration_serves_this_machine_alone_and_reports_nothing() -> None:
    shipped = tomllib.loads((ROOT / ".streamlit/config.toml").read_text())
    assert shipped["server"]["address"] == "localhost"
    assert shipped["browser"]["gatherUsageStats"] is False
    for weaker in ("enableXsrfProtection", "enableCORS"):
        assert shipped["server"].get(weaker, True) is True


def test_the_server_listens_where_it_is_told_to_and_nowhere_else(url: str) -> None:
    """`serving.server` names 127.0.0.1, as the shipped configuration names localhost."""
    port = int(url.rpartition(":")[2])
    table = Path("/proc/net/tcp")
    if not table.exists():
        pytest.skip("needs Linux")
    listening = {
        fields[1]
        for fields in map(str.split, table.read_text().splitlines()[1:])
        if fields[3] == "0A" and int(fields[1].partition(":")[2], 16) == port
    }
    assert listening == {f"0100007F:{port:04X}"}
    six = Path("/proc/net/tcp6").read_text() if Path("/proc/net/tcp6").exists() else ""
    assert f":{port:04X} 00000000000000000000000000000000:0000 0A" not in six


def test_an_upload_without_the_token_is_refused(url: str, digits: Digits) -> None:
    content = saved(digits, 5)

    async def tried() -> None:
        async with Visitor(url) as visitor:
            await go(visitor, "data")
            before = link(visitor)
            assert await visitor.upload(opener(visitor), {"run.npz": content}, xsrf=False) == [403]
            assert visitor.wrong == []
            assert link(visitor) == before
            visitor.forget()
            assert await visitor.upload(opener(visitor), {"run.npz": content}) == [204]
            assert visitor.wrong == []
            assert "seed=5" in link(visitor)

    visiting(tried())


def test_a_page_of_another_site_cannot_speak_to_the_server(url: str) -> None:
    """A browser says from which site a page comes that opens a websocket."""

    async def tried(origin: str) -> None:
        address = f"{url.replace('http', 'ws', 1)}/_stcore/stream"
        async with connect(address, subprotocols=["streamlit"], origin=origin):
            pass

    visiting(tried(url))
    with pytest.raises(InvalidStatus, match="403"):
        visiting(tried("http://elsewhere.example"))


def test_nothing_uploaded_reaches_the_disk(
    tmp_path: Path, digits: Digits, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the folder for temporary files nor the app's own gets a byte of it."""
    for variable in ("TMPDIR", "HOME"):
        (tmp_path / variable).mkdir()
        monkeypatch.setenv(variable, str(tmp_path / variable))
    monkeypatch.setenv("WATCH_IT_LEARN_CACHE", str(tmp_path / "cache"))
    app = {path: path.stat().st_mtime_ns for path in _files(ROOT)}
    files = {
        f"../../{name}": content + MARK * 40_000 for name, content in four_files(2_500, 9).items()
    }  # 3 MB each: more than Streamlit keeps in memory by itself

    async def brought(url: str) -> None:
        async with Visitor(url) as visitor:
            await go(visitor, "data")
            (choice,) = (part for part in visitor.all("radio") if part.label == "Which digits")
            for option in choice.says.options:
                await visitor.force(choice, string_value=option)
                for field in visitor.all("file_uploader"):
                    answers = await visitor.upload(field, files)
                    assert answers == [204] * 4
            assert await visitor.upload(opener(visitor), {WILD: saved(digits, 3) + MARK}) == [204]
            assert visitor.wrong == []
            # While the server still holds them:
            assert [path for path in _files(tmp_path) if MARK in path.read_bytes()] == []
            assert _open_on_disk(process.pid, tmp_path) == []

    with server() as (url, process):
        visiting(brought(url))
    assert [path for path in _files(tmp_path) if MARK in path.read_bytes()] == []
    assert not list(tmp_path.rglob("*escaped*"))
    fresh = [path for path in _files(ROOT) if app.get(path) != path.stat().st_mtime_ns]
    assert [path for path in fresh if MARK in path.read_bytes()] == []


def _files(folder: Path) -> list[Path]:
    """All files in a folder, but for what lies in hidden folders, such as git's."""
    return [
        path
        for path in folder.rglob("*")
        if path.is_file()
        and not any(part.startswith(".") for part in path.parts[len(folder.parts) :])
    ]


def _open_on_disk(pid: int, folder: Path) -> list[str]:
    """Files in a folder that a process holds open, also those without a name any more."""
    held = Path(f"/proc/{pid}/fd")
    if not held.exists():
        return []
    return [
        target
        for descriptor in held.iterdir()
        if (target := _target(descriptor)).startswith(str(folder / "TMPDIR"))
    ]


def _target(descriptor: Path) -> str:
    try:
        return str(descriptor.readlink())
    except OSError:
        return ""


def test_one_visitor_cannot_reach_anothers_run(url: str, digits: Digits) -> None:
    """Not by the ids of its widgets, its files or its session, and not by an address of theirs."""

    async def tried() -> None:
        async with Visitor(url) as owner, Visitor(url) as thief:
            await go(owner, "experiments", "seed=77&step=50")
            await go(thief, "experiments", "seed=1&step=2")
            assert owner.session_id != thief.session_id
            before = link(owner)

            # Widgets: the same ids name the thief's own.
            for part in owner.widgets:
                for value in ({"trigger_value": True}, {"string_value": "mine now"}):
                    if part.kind != "button" or "string_value" in value:
                        await thief.send(state_of(part.id, **value))
            await thief.drawn()
            assert thief.wrong == []
            await thief.unfold(PANEL)  # which was among them
            await owner.force("no such widget", trigger_value=True)
            assert link(owner) == before
            assert "seed=77" not in link(thief)
            assert not any("mine now" in part.says.value for part in owner.all("text_input"))

            # Files: an upload of the owner's, named by the thief.
            field = opener(owner)
            await owner.upload(field, {"run.npz": saved(digits, 78)})
            assert "seed=78" in link(owner)
            files = owner.states[field.id].file_uploader_state_value
            thief.forget()
            await thief.unfold(PANEL)
            await thief.force(opener(thief), file_uploader_state_value=files)
            assert thief.wrong == []
            assert "seed=78" not in link(thief)

            # A download is made when it is asked for, by whom it is offered to.
            (whole,) = (p for p in owner.all("download_button") if p.label.startswith("The whole"))
            # It is asked for by a number that nobody else is told, and has an address likewise.
            assert re.fullmatch("[0-9a-f]{32}", whole.says.deferred_file_id)
            guessed = ButtonProto(deferred_file_id="0" * 32)
            assert await thief.download(replace(whole, says=guessed)) == ""
            (own,) = (p for p in thief.all("download_button") if p.label == whole.label)
            assert own.says.deferred_file_id != whole.says.deferred_file_id
            address = await owner.download(whole)
            assert re.fullmatch(r"/media/[0-9a-f]{32,}\.\w+", address)
            assert requests.get(f"{url}{address}", timeout=30).status_code == 200
            for other in ("0" * 32 + ".bin", "", "..%2f..%2fapp.py"):
                assert requests.get(f"{url}/media/{other}", timeout=30).status_code in (400, 404)

    visiting(tried())


def test_a_session_is_known_by_a_secret_number_alone(url: str) -> None:
    """It is how a browser whose connection dropped comes back: 122 bits that only it was told."""

    async def tried() -> None:
        async with Visitor(url) as owner:
            await go(owner, "data", "seed=79&step=3")
            assert uuid.UUID(owner.session_id).version == 4
            assert owner.session_id not in link(owner)
            for claimed in (str(uuid.uuid4()), owner.session_id[:-1], "0", "%00"):
                async with Visitor(url, claims=claimed) as thief:
                    await go(thief, "data")
                    assert thief.session_id not in (owner.session_id, claimed)
                    assert "seed=79" not in link(thief)

    visiting(tried())


def test_what_the_app_sets_in_libraries_is_still_there() -> None:
    """Both would go unheard if another version called them something else."""
    assert isinstance(MultiPartParser.spool_max_size, int)
    chooser = SelectboxSerde(
        ["a"], formatted_options=["a"], formatted_option_to_option_index={"a": 0}
    )
    assert chooser.formatted_option_to_option_index == {"a": 0}
