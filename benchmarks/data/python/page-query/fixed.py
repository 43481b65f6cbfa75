"""Reads the parameters of a request for a list."""

from collections.abc import Mapping

MAX_SIZE = 100
DEFAULT_SIZE = 20


class BadRequestError(ValueError):
    """A parameter cannot be used."""


def page_size(query: Mapping[str, str]) -> int:
    """How many items a page has: ``size`` of the query, from 1 to ``MAX_SIZE``.

    Raises:
        BadRequestError: it is no number, or out of bounds.
    """
    text = query.get("size")
    if text is None:
        return DEFAULT_SIZE
    if not text.isdecimal():
        raise BadRequestError("size must be a number")
    size = int(text)
    if not 1 <= size <= MAX_SIZE:
        raise BadRequestError(f"size must be from 1 to {MAX_SIZE}")
    return size
