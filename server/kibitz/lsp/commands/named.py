"""The finding that a command is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pygls.exceptions import JsonRpcInvalidParams

from kibitz.lsp.rendering import identity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kibitz.lsp.documents import Document
    from kibitz.lsp.server import KibitzServer
    from kibitz.lsp.shown import Shown


def named_finding(ls: KibitzServer, arguments: Sequence[object]) -> tuple[Document, Shown] | None:
    """The finding that the argument names; None if it names none."""
    first = arguments[0] if arguments else None
    if not isinstance(first, dict) or "id" not in first:
        return None
    document = ls.session.documents.get(str(first.get("uri")))
    if document is not None:
        for shown in (*document.shown, *document.dismissed):
            if identity(shown.finding) == first["id"]:
                return document, shown
    raise JsonRpcInvalidParams("there is no such finding any more; it was mended, or its code changed")
