"""``textDocument/hover``: a finding, short and plain. A lookup."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from kibitz.lsp.hovers import about
from kibitz.lsp.rendering import identity
from kibitz.lsp.view import view_of
from kibitz.lsp.written import Written, write

if TYPE_CHECKING:
    from kibitz.lsp.asked import Pointed
    from kibitz.lsp.server import KibitzServer

_BLANK = re.compile(r"[ \t]*")


def hover(ls: KibitzServer, pointed: Pointed) -> Written | None:
    """Handle the request."""
    uri, encoding, markdown = pointed.uri, ls.client.encoding, ls.client.markdown
    ls.session.attend(uri)
    document = ls.session.documents.get(uri)
    if document is None or not document.synced:
        return None
    part, begin = document.snapshot.part(uri)
    at = _on_code(document.snapshot.text, begin + part.lines.offset(pointed.at, encoding))
    view = view_of(ls, document)
    meant = view.shown.at(at, at)
    if document.dismissed and ls.session.publisher.shows_dismissed(document.uri):
        meant += view.dismissed.at(at, at)
    if not meant:
        return None
    now = time.time()
    told = [
        about(
            shown,
            None if shown.touched else ls.explanation(document.uri, identity(shown.finding)),
            now=now,
            markdown=markdown,
        )
        for shown in meant
    ]
    part, span = document.snapshot.locate(meant[0].span)
    start, end = (part.lines.position(each, encoding) for each in (span.start, span.end))
    contents = {
        "kind": "markdown" if markdown else "plaintext",
        "value": ("\n\n---\n\n" if markdown else "\n\n").join(told),
    }
    where = {
        "start": {"line": start.line, "character": start.character},
        "end": {"line": end.line, "character": end.character},
    }
    return Written(write({"contents": contents, "range": where}))


def _on_code(text: str, at: int) -> int:
    """``at``, or the code behind it if it is in a line's indentation, where cursors come to rest."""
    line = text[text.rfind("\n", 0, at) + 1 : at]
    if line.strip(" \t"):
        return at
    found = _BLANK.match(text, at)
    return found.end() if found is not None else at
