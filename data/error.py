"""The one error of this package."""


class DataError(Exception):
    """Digits that cannot be had; its text is one sentence: what is wrong and what to do."""
