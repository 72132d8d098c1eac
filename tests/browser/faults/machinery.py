"""Machines that fail: a server that can be killed, a line that can be cut, a disk that is full."""

import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from serving import ROOT

Report = Callable[[str, str, str], None]
"""Told of a fault, what the visitor saw of it, and what was kept."""


class Server:
    """A server process of the app on a port of its own, with a cache folder of its own."""

    def __init__(self, log: Path, cache: Path, **environment: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.log, self.cache = log, cache
        self.environment = os.environ | environment | {"WATCH_IT_LEARN_CACHE": str(cache)}
        self.start()

    def start(self) -> None:
        """Start it, also once more."""
        command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless=true"]
        command += [f"--server.port={self.port}", "--server.address=127.0.0.1"]
        command += ["--server.fileWatcherType=none"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=self.environment, stdout=log, stderr=subprocess.STDOUT
            )
        for _ in range(600):
            with suppress(OSError), urllib.request.urlopen(f"{self.url}/_stcore/health"):
                return
            time.sleep(0.1)
        pytest.fail(f"the server did not start:\n{self.said}")

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    @property
    def said(self) -> str:
        """What it has written to its log."""
        return self.log.read_text(errors="replace")


class Line:
    """A line from the browser to a server, which can be cut and mended."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._ends: set[socket.socket] = set()
        self._listener: socket.socket | None = None
        self.port = 0
        self.mend()

    @property
    def url(self) -> str:
        """By which the server is reached through the line."""
        return f"http://127.0.0.1:{self.port}"

    def mend(self) -> None:
        """Let everything through, from now on."""
        listener = socket.create_server(("127.0.0.1", self.port))
        self.port = listener.getsockname()[1]
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def cut(self) -> None:
        """End every connection, and let none through any more."""
        if self._listener:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        for end in list(self._ends):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                here, _ = listener.accept()
            except OSError:
                return  # the line is cut
            try:
                there = socket.create_connection(("127.0.0.1", self._to))
            except OSError:
                here.close()  # nobody is at the other end
                continue
            threading.Thread(target=self._carry, args=(here, there), daemon=True).start()

    def _carry(self, here: socket.socket, there: socket.socket) -> None:
        other = {here: there, there: here}
        self._ends |= other.keys()
        try:
            with here, there, suppress(OSError):
                while True:
                    for end in select.select([here, there], [], [])[0]:
                        if not (content := end.recv(1 << 16)):
                            return
                        other[end].sendall(content)
        finally:
            self._ends -= other.keys()


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A filesystem in memory, of so many bytes and no more."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a small disk can only be mounted by root, and not everywhere")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path, leave: int = 0) -> Path:
    """Fill a disk up to so many bytes; the value is the file that does so."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    size = filler.stat().st_size
    os.truncate(filler, size - leave)
    return filler


CLOCK = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

/* Seconds by which the wall clock is wrong: what a file says at this moment. */
static long jump(void) {
    FILE *file = fopen(getenv("CLOCK_JUMP"), "r");
    long seconds = 0;
    if (file) {
        if (fscanf(file, "%ld", &seconds) != 1) seconds = 0;
        fclose(file);
    }
    return seconds;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int (*real)(clockid_t, struct timespec *) = dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, now);
    if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) now->tv_sec += jump();
    return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec exact;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &exact);
    now->tv_sec = exact.tv_sec;
    now->tv_usec = exact.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *where) {
    struct timespec exact;
    clock_gettime(CLOCK_REALTIME, &exact);
    if (where) *where = exact.tv_sec;
    return exact.tv_sec;
}
"""


def jumping_clock(folder: Path) -> tuple[dict[str, str], Path]:
    """A wall clock that jumps: the environment of a process that goes by it, and its file.

    It stands between the process and the C library, which every clock of Python comes from.
    """
    compiler = shutil.which("cc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("the clock is made wrong by a C library, which needs Linux and a compiler")
    source, library, jump = folder / "clock.c", folder / "clock.so", folder / "jump"
    source.write_text(CLOCK)
    jump.write_text("0")
    command = [compiler, "-shared", "-fPIC", "-O1", str(source), "-o", str(library), "-ldl"]
    subprocess.run(command, check=True)
    return {"LD_PRELOAD": str(library), "CLOCK_JUMP": str(jump)}, jump
