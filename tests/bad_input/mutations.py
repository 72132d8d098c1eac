"""Files that are almost good: random bytes end at the first magic number, these get farther."""

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hypothesis import strategies as st

EXTREMES = [
    0,
    1,
    2**7 - 1,
    2**8 - 1,
    2**15,
    2**16 - 1,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**63,
    2**64 - 1,
]
"""What a field that holds a size or a place lies with."""

NEAR = 96
"""Bytes at both ends of a file, where headers and lists of entries are: most changes are there."""

MAGIC = 16
"""Bytes at the beginning that tell what kind of file it is: half of all files keep them."""


@st.composite
def mutated(draw: st.DrawFn, good: Sequence[bytes]) -> bytes:
    """Draw a good file with one to four changes."""
    content = bytearray(draw(st.sampled_from(good)))
    magic = bytes(content[: draw(st.sampled_from((0, MAGIC)))])
    for _ in range(draw(st.integers(1, 4))):
        _change(draw, content, good)
    return magic + bytes(content[len(magic) :])


def _change(draw: st.DrawFn, content: bytearray, good: Sequence[bytes]) -> None:
    """Change a file in one of the ways in which files go bad, or are made bad."""
    place = _place(draw, len(content))
    match draw(st.sampled_from(("flip", "byte", "lie", "cut", "end", "insert", "repeat", "graft"))):
        case "flip" if content:
            content[place] ^= 1 << draw(st.integers(0, 7))
        case "byte" if content:
            content[place] = draw(st.integers(0, 255))
        case "lie":
            width, order = (
                draw(st.sampled_from((2, 4, 8))),
                draw(st.sampled_from(("big", "little"))),
            )
            number = draw(st.sampled_from(EXTREMES)) % 2 ** (8 * width)
            content[place : place + width] = number.to_bytes(width, order)
        case "cut":
            del content[place : place + draw(st.integers(1, 64))]
        case "end":
            del content[place:]
        case "insert":
            content[place:place] = draw(st.binary(min_size=1, max_size=32))
        case "repeat":
            content[place:place] = content[place : place + 200] * draw(st.integers(1, 5))
        case "graft":
            other = draw(st.sampled_from(good))
            content[place:] = other[_place(draw, len(other)) :]


def _place(draw: st.DrawFn, length: int) -> int:
    """Draw a place in a file, half of the time near one of its ends."""
    last = max(length - 1, 0)
    near = min(NEAR, last)
    return draw(
        st.one_of(st.integers(0, last), st.integers(0, near), st.integers(last - near, last))
    )


PYTHONS_OWN = re.compile(r"Traceback|object at 0x|site-packages|File \"")
"""Words that no visitor is to read."""

ABSOLUTE = re.compile(r"(?<![\w.])/[\w.-]+/", re.ASCII)
"""How a path begins that leads from the root into a folder of the server."""

LONGEST = 400
"""Characters that a sentence may have."""


def assert_plain(error: Exception, brought: str | bytes = "") -> None:
    """Hold a refusal to what it has to be: a sentence, short, and nothing of the machine in it.

    A path may stand in it where it is the visitor's own: it then stands in what was brought.
    """
    sentence = str(error)
    assert 10 <= len(sentence) <= LONGEST, sentence
    assert sentence.endswith("."), sentence
    assert "\n" not in sentence
    assert not PYTHONS_OWN.search(sentence), sentence
    own = brought if isinstance(brought, str) else brought.decode("ascii", "replace")
    assert all(path in own for path in ABSOLUTE.findall(sentence)), sentence


@contextmanager
def memory_grows_by(megabytes: int) -> Iterator[None]:
    """Hold what is done inside to so much more memory, at its highest point.

    It is the memory of the whole process that counts, as the kernel sees it: what decoders written
    in C take is in it. Linux alone can begin to measure anew.
    """
    if sys.platform != "linux":
        yield
        return
    Path("/proc/self/clear_refs").write_text("5")  # the highest point so far is now
    before = _highest()
    yield
    assert _highest() - before <= megabytes * 1_000_000


def _highest() -> int:
    """The most memory that this process has had at once, in bytes."""
    status = Path("/proc/self/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found
    return int(found[1]) * 1024
