"""Handwritten digits: pictures in, read-only arrays out. Importing it loads nothing."""

from data.bundled import load_bundled
from data.by_name import load
from data.digits import Digits
from data.error import DataError
from data.folder import load_folder
from data.mnist import Cancelled, load_mnist, mnist_is_cached

__all__ = [
    "Cancelled",
    "DataError",
    "Digits",
    "load",
    "load_bundled",
    "load_folder",
    "load_mnist",
    "mnist_is_cached",
]
