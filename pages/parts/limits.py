"""What a visitor may ask of the server: permissions and limits, in one place.

How large any upload may be stands in ``.streamlit/config.toml`` (``maxUploadSize``): Streamlit
refuses more before any of it is kept. What a single ZIP or a single picture may hold stands with
their readers, `data.picture_zip` and `data.picture`.
"""

import os

import streamlit as st

ALLOW_PATHS = "WATCH_IT_LEARN_ALLOW_PATHS"
"""The environment variable by which the server's owner allows folders (1) or forbids them (0)."""

LOCAL = ("localhost", "127.0.0.1", "::1")

MOST_MEGABYTES = 100
"""Of an uploaded file with digits; all of MNIST, unpacked, has 55."""

MOST_UPLOADED = 100_000
"""Digits of each part of an upload: 78 MB, of which every visitor may hold some."""


def paths_allowed() -> bool:
    """Whether a visitor may name a folder on the server.

    Unless the owner has said so, only where no other machine reaches the server: a folder's name
    tells what is on its disk. Behind a proxy that others reach, the owner says 0.
    """
    said = os.environ.get(ALLOW_PATHS)
    return said == "1" if said else st.get_option("server.address") in LOCAL
