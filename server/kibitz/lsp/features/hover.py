"""``textDocument/hover``: a finding, short and plain. A lookup."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from lsprotocol import types

from kibitz.lsp.hovers import about
from kibitz.lsp.rendering import identity, lsp_range, offset_at

if TYPE_CHECKING:
    from kibitz.lsp.server import KibitzServer

_BLANK = re.compile(r"[ \t]*")


def hover(ls: KibitzServer, params: types.HoverParams) -> types.Hover | None:
    """Handle the request."""
    uri = params.text_document.uri
    ls.session.attend(uri)
    document = ls.session.documents.get(uri)
    if document is None or not document.synced:
        return None
    at = _on_code(
        document.snapshot.text, offset_at(params.position, uri, document.snapshot, ls.client.encoding)
    )
    every = [*document.shown]
    if ls.session.publisher.shows_dismissed(document.uri):
        every += document.dismissed
    meant = [shown for shown in every if shown.span.start <= at <= shown.span.end]
    if not meant:
        return None
    told = [
        about(
            shown,
            None if shown.touched else ls.assistance.explanation(document.uri, identity(shown.finding)),
            now=time.time(),
            markdown=ls.client.markdown,
        )
        for shown in meant
    ]
    kind = types.MarkupKind.Markdown if ls.client.markdown else types.MarkupKind.PlainText
    between = "\n\n---\n\n" if ls.client.markdown else "\n\n"
    return types.Hover(
        types.MarkupContent(kind, between.join(told)),
        lsp_range(meant[0].span, document.snapshot, ls.client.encoding),
    )


def _on_code(text: str, at: int) -> int:
    """``at``, or the code behind it if it is in a line's indentation, where cursors come to rest."""
    line = text[text.rfind("\n", 0, at) + 1 : at]
    if line.strip(" \t"):
        return at
    found = _BLANK.match(text, at)
    return found.end() if found is not None else at
