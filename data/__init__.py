"""Handwritten digits: pictures in, read-only arrays out. Importing it loads nothing."""

from data.bundled import load_bundled
from data.by_name import load
from data.digits import Digits
from data.error import DataError
from data.folder import load_folder
from data.mnist import Cancelled, fetch_mnist, load_mnist, mnist_is_cached
from data.own import class_names, is_own, named_by_content
from data.picture_zip import load_zip
from data.source import Uploaded
from data.uploaded import load_idx

__all__ = [
    "Cancelled",
    "DataError",
    "Digits",
    "Uploaded",
    "class_names",
    "fetch_mnist",
    "is_own",
    "load",
    "load_bundled",
    "load_folder",
    "load_idx",
    "load_mnist",
    "load_zip",
    "mnist_is_cached",
    "named_by_content",
]
