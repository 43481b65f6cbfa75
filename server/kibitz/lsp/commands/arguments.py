"""What commands are called with, checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pygls.exceptions import JsonRpcInvalidParams

if TYPE_CHECKING:
    from collections.abc import Sequence


def uri_of(arguments: Sequence[object]) -> str | None:
    """The document that the arguments name: its URI, or an object that holds it."""
    first = arguments[0] if arguments else None
    if isinstance(first, dict):
        inner = first.get("textDocument", first)
        first = inner.get("uri") if isinstance(inner, dict) else None
    if first is not None and not isinstance(first, str):
        raise JsonRpcInvalidParams("the argument should be a document's URI")
    return first
