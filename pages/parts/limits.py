"""What a visitor may ask of the server: the limits that its owner sets, in one place.

Each is an environment variable of the server, read once:

=====================================  ===========================================  ===========
Variable                               Limits                                       Unless set
=====================================  ===========================================  ===========
``WATCH_IT_LEARN_STEPS_A_SECOND``      most training steps a second of a visitor    as fast as
                                       who plays                                    it goes
``WATCH_IT_LEARN_LONGEST_RUN``         most steps of a run                          2,000,000
``WATCH_IT_LEARN_SWEEP_PROCESSES``     most processes of a sweep, at least 2, or 0  one a core
                                       for no sweeps
``WATCH_IT_LEARN_VISITORS_TRAINING``   most visitors who train at once; who comes   100
                                       after them waits until one pauses
``WATCH_IT_LEARN_ALLOW_PATHS``         whether visitors may name folders of the     on a server
                                       server, 1 or 0                               for itself
``STREAMLIT_SERVER_MAX_UPLOAD_SIZE``   largest upload, in MB; Streamlit's own,      200
                                       refused before any of it is kept
=====================================  ===========================================  ===========

What a single upload of digits may hold stands below; what a ZIP or a picture may, with their
readers, `data.picture_zip` and `data.picture`.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import streamlit as st

from cnn.recipe import MAX_STEPS

PREFIX = "WATCH_IT_LEARN_"

LOCAL = ("localhost", "127.0.0.1", "::1")

FASTEST = 10_000_000
"""Steps a second that no machine takes: as good as no limit."""

MOST_PROCESSES = 256
"""Of a sweep: more than there are cores, so as good as no limit."""

MOST_MEGABYTES = 100
"""Of an uploaded file with digits; all of MNIST, unpacked, has 55."""

MOST_UPLOADED = 100_000
"""Digits of each part of an upload: 78 MB, of which every visitor may hold some."""


class LimitsError(ValueError):
    """A variable that says nothing sensible; the text is one sentence."""


@dataclass(frozen=True)
class Limits:
    """The owner's limits.

    Attributes:
        steps_a_second: of a visitor who plays; what they step by hand is not counted.
        longest_run: steps after which a run ends.
        visitors_training: at once; the others wait for a place.
        sweep_processes: in which a sweep's runs are trained; one sweep at a time.
        paths_allowed: whether visitors may name folders of the server, or None: only where no
            other machine reaches it.
    """

    steps_a_second: int = FASTEST
    longest_run: int = MAX_STEPS
    visitors_training: int = 100
    sweep_processes: int = MOST_PROCESSES
    paths_allowed: bool | None = None

    @classmethod
    def said(cls, environment: Mapping[str, str]) -> "Limits":
        """Read the limits from variables of the environment; what is unset or empty stays.

        Raises:
            LimitsError: a variable is not a whole number, or not one that makes sense.
        """

        def number(name: str, default: int, least: int, most: int) -> int:
            said = environment.get(PREFIX + name, "").strip()
            if not said:
                return default
            if not (said.isascii() and said.isdigit()) or not least <= int(said[:20]) <= most:
                raise LimitsError(
                    f"The owner of this server has set {PREFIX}{name} to “{said[:40]}”: "
                    f"it has to be a whole number from {least:,} to {most:,}."
                )
            return int(said)

        processes = number("SWEEP_PROCESSES", cls.sweep_processes, 0, MOST_PROCESSES)
        if processes == 1:
            raise LimitsError(
                f"The owner of this server has set {PREFIX}SWEEP_PROCESSES to “1”: it has to be 0, "
                "for no sweeps, or at least 2, because one would be the server's own."
            )
        paths = number("ALLOW_PATHS", -1, 0, 1)
        return cls(
            number("STEPS_A_SECOND", cls.steps_a_second, 1, FASTEST),
            number("LONGEST_RUN", cls.longest_run, 1, MAX_STEPS),
            number("VISITORS_TRAINING", cls.visitors_training, 1, 1_000),
            processes,
            None if paths < 0 else bool(paths),
        )


@cache
def limits() -> Limits:
    """Return this server's limits.

    Raises:
        LimitsError: see `Limits.said`.
    """
    if (upload := int(st.get_option("server.maxUploadSize"))) < 1:
        raise LimitsError(
            f"The owner of this server has set STREAMLIT_SERVER_MAX_UPLOAD_SIZE to “{upload}”: it "
            "has to be a whole number of MB from 1 on."
        )
    return Limits.said(os.environ)


def paths_allowed() -> bool:
    """Whether a visitor may name a folder on the server.

    Unless the owner has said so, only where no other machine reaches the server: a folder's name
    tells what is on its disk. Behind a proxy that others reach, the owner says 0.
    """
    said = limits().paths_allowed
    return st.get_option("server.address") in LOCAL if said is None else said


def megabytes(most: int) -> int:
    """Return the largest upload through a door that takes that many MB, if Streamlit lets it."""
    return min(most, int(st.get_option("server.maxUploadSize")))
