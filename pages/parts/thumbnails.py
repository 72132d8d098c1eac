"""Digits as small pictures inside labels and texts, ink on the page's own paper."""

from base64 import b64encode

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from pages.parts.pictures import png


def thumbnail(image: NDArray[np.uint8]) -> str:
    """Return the address of a digit's picture, (28, 28), 0 paper to 255 ink."""
    pixels = np.zeros((*image.shape, 4), np.uint8)
    pixels[..., :3] = ink()
    pixels[..., 3] = image
    return "data:image/png;base64," + b64encode(png(pixels)).decode()


def ink() -> int:
    """Return the grey of the ink: black in the light theme, white in the dark one."""
    return 255 if st.context.theme.type == "dark" else 0
