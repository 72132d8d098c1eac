"""A class on one machine: how the app serves many visitors who all play at once.

Every visitor is a real session: a websocket that speaks Streamlit's protocol as a browser does,
from the first script run to the click on Play and the reruns of the fragments that the server
asks for. One more visitor is a real browser. For each number of visitors it prints

- frames a second of each session, the fewest and the median (wanted: at least 2);
- how long the browser takes from the click on Pause until it stands (wanted: at most a second);
- whether every session's newest step is, to the last bit, that of the same run alone;
- errors in the server's log;

and after all have left, how much more memory and how many more threads the server has than after
its first visitor (wanted: at most 10 MB, none).

Needs chromium and the packages of requirements-dev.txt::

    python tests/benchmarks/classroom.py
    python tests/benchmarks/classroom.py --visitors 1 10 30
"""

import argparse
import asyncio
import json
import os
import statistics
import struct
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from _app import browser, resident, server
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from threadpoolctl import threadpool_limits
from websockets.asyncio.client import ClientConnection, connect

sys.path.insert(0, str(Path(__file__).parents[2]))

from cnn import Recipe, Run  # after the path is set
from data import Digits, load_bundled  # likewise

SECONDS = 15.0
LEFT = 150.0
"""Seconds after which Streamlit has forgotten a visitor who has left; it waits two minutes."""


@dataclass
class Visitor:
    """What a browser without a screen has seen."""

    frames: int = 0
    newest: bytes = b""
    _play: str = ""
    _timers: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    async def visit(self, url: str, seconds: float) -> None:
        """Open the live page, press Play once it stands, and watch."""
        address = f"{url.replace('http', 'ws', 1)}/_stcore/stream"
        async with connect(address, subprotocols=["streamlit"], max_size=None) as socket:
            await self._rerun(socket)
            playing = False
            end = time.monotonic() + 600
            while time.monotonic() < end:
                try:
                    content = await asyncio.wait_for(socket.recv(), end - time.monotonic())
                except TimeoutError:
                    break
                message = ForwardMsg.FromString(content)
                self._see(message, socket)
                if not playing and self._play and message.HasField("script_finished"):
                    playing = True
                    await self._rerun(socket, press=self._play)
                    self.frames, end = 0, time.monotonic() + seconds
            self._forget_timers()

    def _see(self, message: ForwardMsg, socket: ClientConnection) -> None:
        kind = message.WhichOneof("type")
        if kind == "stop_auto_rerun":
            for fragment in message.stop_auto_rerun.fragment_ids:
                if timer := self._timers.pop(fragment, None):
                    timer.cancel()
        elif kind == "auto_rerun":
            again = message.auto_rerun
            if timer := self._timers.pop(again.fragment_id, None):
                timer.cancel()
            self._timers[again.fragment_id] = asyncio.create_task(
                self._ask_again(socket, again.fragment_id, again.interval)
            )
        elif kind == "delta" and message.delta.HasField("new_element"):
            element = message.delta.new_element
            if element.HasField("button") and element.button.label == "Play":
                self._play = element.button.id
            if element.HasField("bidi_component") and element.bidi_component.bytes:
                self.frames += 1
                self.newest = element.bidi_component.bytes

    async def _ask_again(self, socket: ClientConnection, fragment: str, interval: float) -> None:
        while True:
            await asyncio.sleep(interval)
            await self._rerun(socket, fragment=fragment)

    async def _rerun(self, socket: ClientConnection, press: str = "", fragment: str = "") -> None:
        state = ClientState(fragment_id=fragment, is_auto_rerun=bool(fragment))
        if press:
            state.widget_states.widgets.add(id=press, trigger_value=True)
        await socket.send(BackMsg(rerun_script=state).SerializeToString())

    def _forget_timers(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--visitors", type=int, nargs="+", default=[1, 10, 30])
    arguments.add_argument("--seconds", type=float, default=SECONDS)
    arguments.add_argument("--stay", action="store_true", help="do not wait until all have left")
    options = arguments.parse_args()
    threadpool_limits(limits=1, user_api="blas")
    digits = load_bundled()
    print(f"{os.cpu_count()} cores; {options.seconds:g} s of play each")
    with tempfile.TemporaryFile() as log, server(log=log) as (url, process):
        _watch(url, 1, 5.0)
        memory, threads = resident(process), _threads(process.pid)
        for count in options.visitors:
            visitors, pause = _watch(url, count, options.seconds)
            rates = [visitor.frames / options.seconds for visitor in visitors]
            same = sum(_as_alone(visitor.newest, digits) for visitor in visitors)
            print(
                f"{count:>3} visitors: frames a second {min(rates):.1f} at least, "
                f"{statistics.median(rates):.1f} in the median; Pause took {pause:.2f} s; "
                f"{same} of {count} runs as if alone"
            )
        log.seek(0)
        said = log.read().decode(errors="replace")
        print(f"errors in the log: {said.count('Traceback')}")
        print(said[said.find("Traceback") :][:4_000] if "Traceback" in said else "", end="")
        if not options.stay:
            _until_all_have_left(url)
            print(
                f"after all have left: {(resident(process) - memory) / 1e6:+.1f} MB, "
                f"{_threads(process.pid) - threads:+d} threads"
            )


def _watch(url: str, count: int, seconds: float) -> tuple[list[Visitor], float]:
    """Let so many visitors play, and meanwhile time a real browser's Pause, in seconds."""
    visitors = [Visitor() for _ in range(count)]

    async def all_at_once() -> None:
        await asyncio.gather(*(visitor.visit(url, seconds) for visitor in visitors))

    crowd = threading.Thread(target=lambda: asyncio.run(all_at_once()))
    with browser(url) as page:
        crowd.start()
        time.sleep(0.4 * seconds)
        page.get_by_role("button", name="Play").click()
        page.get_by_role("button", name="Pause").wait_for(timeout=60_000)
        time.sleep(0.2 * seconds)
        start = time.monotonic()
        page.get_by_role("button", name="Pause").click()
        page.get_by_role("button", name="Play").wait_for(timeout=60_000)
        pause = time.monotonic() - start
        crowd.join()
    return visitors, pause


def _as_alone(frame: bytes, digits: Digits) -> bool:
    """Whether the filter and its gradient in a frame are those of the same run alone."""
    if not frame:
        return False
    room = struct.unpack_from("<I", frame)[0]
    header = json.loads(frame[4 : 4 + room])
    run = Run(Recipe(), digits.images, digits.labels)
    run.advance(header["meta"]["step"])
    step = run.at(run.step)
    expected = {
        "filters_after": step.after.filters,
        "filters_gradient": step.backward.gradients.filters,
        "probabilities": step.forward.probabilities[0],
    }
    for name, array in expected.items():
        place = header["arrays"][name]
        drawn = np.frombuffer(frame, "<f4", array.size, place["offset"])
        if drawn.tobytes() != np.float32(array).tobytes():
            return False
    return True


def _until_all_have_left(url: str) -> None:
    time.sleep(LEFT)
    _watch(url, 1, 1.0)  # Streamlit forgets the others when somebody comes
    time.sleep(LEFT)


def _threads(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


if __name__ == "__main__":
    main()
