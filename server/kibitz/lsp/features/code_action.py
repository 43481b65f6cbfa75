"""``textDocument/codeAction``: a lookup in what is known already. No model is ever asked here.

Editors differ in which diagnostics they send along (Neovim: those of the cursor's line; eglot: those that
overlap), so the findings of the lines in question are found by range as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsprotocol import types

from kibitz.lsp.actions import Asked, Offers, of_kinds
from kibitz.lsp.place import MAX_COMPLAINTS
from kibitz.lsp.rendering import SOURCE, identity, span_at
from kibitz.provider.models import Diagnostic

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kibitz.lsp.documents import Document
    from kibitz.lsp.server import KibitzServer
    from kibitz.lsp.shown import Shown
    from kibitz.text.spans import Span

_END_OF_LINE = 2**31 - 1


def code_action(
    ls: KibitzServer, params: types.CodeActionParams
) -> Sequence[types.CodeAction | types.Command]:
    """Handle the request."""
    uri = params.text_document.uri
    ls.session.attend(uri)
    document = ls.session.documents.get(uri)
    if document is None or not document.synced:
        return []
    only = params.context.only
    actions = of_kinds(Offers(document, ls.client).all(_asked(ls, document, params)), only)
    if not ls.client.action_literals:
        return [each.command for each in actions if each.command is not None]
    return actions


def _asked(ls: KibitzServer, document: Document, params: types.CodeActionParams) -> Asked:
    uri, snapshot, encoding = params.text_document.uri, document.snapshot, ls.client.encoding
    said = params.context.diagnostics
    sent = {name for each in said if (name := _identity(each)) is not None}
    lines = span_at(_whole_lines(params.range), uri, snapshot, encoding)
    others = [each for each in said if each.source != SOURCE][:MAX_COMPLAINTS]
    return Asked(
        span=span_at(params.range, uri, snapshot, encoding),
        shown=_meant(document.shown, lines, sent),
        dismissed=_meant(document.dismissed, lines, sent),
        shows_dismissed=ls.session.publisher.shows_dismissed(document.uri),
        others=[(each, _complaint(each, span_at(each.range, uri, snapshot, encoding))) for each in others],
        asks=_asks(ls, document),
        named=params.context.only is not None,
    )


def _asks(ls: KibitzServer, document: Document) -> bool:
    """Whether a model can be asked; whether it may be is looked up once it should be."""
    enabled = ls.session.knobs_of(document).enabled
    return enabled and ls.session.reviews.active and document.language is not None


def _whole_lines(where: types.Range) -> types.Range:
    first, last = sorted((where.start.line, where.end.line))
    return types.Range(types.Position(first, 0), types.Position(last, _END_OF_LINE))


def _meant(every: Iterable[Shown], lines: Span, sent: set[str]) -> list[Shown]:
    """Those on the lines, and those whose diagnostics were sent along."""
    return [
        shown
        for shown in every
        if (shown.span.start <= lines.end and lines.start <= shown.span.end)
        or (sent and identity(shown.finding) in sent)
    ]


def _complaint(said: types.Diagnostic, span: Span) -> Diagnostic:
    code = "" if said.code is None else str(said.code)
    return Diagnostic(span, said.message, said.source or "", code)


def _identity(diagnostic: types.Diagnostic) -> str | None:
    if diagnostic.source == SOURCE and isinstance(diagnostic.data, dict):
        name = diagnostic.data.get("id")
        return name if isinstance(name, str) else None
    return None
