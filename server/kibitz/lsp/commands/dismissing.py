"""What the user does not want to see, and wants to see after all."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from pygls.exceptions import JsonRpcInvalidParams

from kibitz.lsp.commands.arguments import uri_of
from kibitz.lsp.commands.named import named_finding
from kibitz.lsp.sorting import source_of
from kibitz.text.spans import Span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kibitz.lsp.documents import Document
    from kibitz.lsp.server import KibitzServer
    from kibitz.lsp.shown import Shown
    from kibitz.review.inline import Directive
    from kibitz.review.suppress import Kept, Suppression

_SCOPES = ("finding", "rule")
_STARTING = "kibitz is still starting, switched off, or has nobody to ask. Try again later"


async def dismiss(ls: KibitzServer, arguments: Sequence[object]) -> dict[str, Any]:
    """Show a finding no more, wherever its code goes; or none under its rule in its file.

    The argument is ``{uri, id, scope, reason}``; the last two may be missing.
    """
    from kibitz.review.dismissal_files import CannotKeepError  # noqa: PLC0415 - loaded with the reviewer

    document, shown = _finding(ls, arguments)
    scope, reason = _how(arguments)
    try:
        kept = await asyncio.to_thread(
            _dismissals(ls).dismiss,
            shown.finding,
            document.path or "",
            whole_file=scope == "rule",
            reason=reason,
            for_team=ls.session.knobs_of(document).dismissals == "team",
        )
    except (CannotKeepError, _NobodyError) as error:
        return _failed(ls, "dismissed", "nothing was dismissed", str(error))
    await _show(ls)
    return {"dismissed": True, "scope": scope, **_told(kept)}


async def undismiss(ls: KibitzServer, arguments: Sequence[object]) -> dict[str, Any]:
    """Show a finding that was dismissed, with all that was dismissed by the same word."""
    from kibitz.review.dismissal_files import CannotKeepError  # noqa: PLC0415 - loaded with the reviewer

    document, shown = _finding(ls, arguments)
    source = source_of(document)
    try:
        undone = await asyncio.to_thread(_dismissals(ls).undo, shown.current, source)
    except (CannotKeepError, _NobodyError) as error:
        return _failed(ls, "undismissed", "the dismissal was not undone", str(error))
    await _show(ls)
    removed = [_told(kept) for kept in undone.removed]
    if undone.comment is None:
        return {"undismissed": True, "removed": removed}
    comment_line = _line_of(undone.comment, document)
    why = f"the comment in line {comment_line} dismisses it. Remove that comment from the code"
    failed = _failed(ls, "undismissed", "the finding stays hidden", why)
    return {**failed, "removed": removed, "line": comment_line}


async def show_dismissed(ls: KibitzServer, arguments: Sequence[object]) -> dict[str, Any]:
    """Show what was dismissed in a document, too, as hints; or no longer."""
    uri = uri_of(arguments)
    document = None if uri is None else ls.session.documents.get(uri)
    if document is None:
        raise JsonRpcInvalidParams("the argument should be the URI of an open document")
    shown = ls.session.publisher.toggle_dismissed(document)
    return {"shown": shown, "count": len(document.dismissed)}


class _NobodyError(Exception):
    """There is no reviewer."""


def _dismissals(ls: KibitzServer) -> Suppression:
    service = ls.session.service
    if service is None:
        raise _NobodyError(_STARTING)
    return service.dismissals


def _finding(ls: KibitzServer, arguments: Sequence[object]) -> tuple[Document, Shown]:
    named = named_finding(ls, arguments)
    if named is None:
        raise JsonRpcInvalidParams("the argument should be {uri, id}, the id from the diagnostic's data")
    return named


def _how(arguments: Sequence[object]) -> tuple[str, str]:
    first = arguments[0]
    said = first if isinstance(first, dict) else {}
    scope, reason = said.get("scope", _SCOPES[0]), said.get("reason", "")
    if scope not in _SCOPES or not isinstance(reason, str):
        raise JsonRpcInvalidParams(f"scope should be one of {', '.join(_SCOPES)}, and reason a text")
    return scope, reason


def _told(kept: Kept) -> dict[str, str]:
    said = kept.dismissal
    return {
        "rule": said.rule,
        "fingerprint": said.fingerprint,
        "file": said.file,
        "where": "team" if kept.is_team else "user",
        "path": str(kept.file.path),
    }


def _failed(ls: KibitzServer, what: str, said: str, why: str) -> dict[str, Any]:
    ls.editor.show(f"kibitz: {said}: {why}.")
    return {what: False, "text": why}


def _line_of(comment: Directive, document: Document) -> int:
    """The comment's line as the editor counts it: in its cell, if it is in one."""
    snapshot = document.snapshot
    start = snapshot.lines.line_start(comment.line)
    part, span = snapshot.locate(Span(start, start))
    return part.lines.line_of(span.start) + 1


async def _show(ls: KibitzServer) -> None:
    """The same code may be in other documents, and in files that are not open."""
    await ls.sorting.now()
    if ls.closed_files is not None:
        ls.closed_files.renew()
