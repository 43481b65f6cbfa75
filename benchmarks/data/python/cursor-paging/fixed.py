"""Reads a paged API to its end."""

from collections.abc import Callable, Iterator
from typing import Any

Page = dict[str, Any]


def items(fetch: Callable[[str | None], Page]) -> Iterator[Any]:
    """All items of all pages.

    ``fetch`` gets the cursor of a page, None for the first one, and returns an object with ``items`` and
    ``next``: the cursor of the page after it, or None.
    """
    page = fetch(None)
    yield from page["items"]
    cursor = page["next"]
    while cursor is not None:
        page = fetch(cursor)
        yield from page["items"]
        cursor = page["next"]


def count(fetch: Callable[[str | None], Page]) -> int:
    """How many items there are in all."""
    return sum(1 for _ in items(fetch))
