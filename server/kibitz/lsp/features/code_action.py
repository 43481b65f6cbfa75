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
    from collections.abc import Sequence

    from kibitz.lsp.documents import Document
    from kibitz.lsp.server import KibitzServer
    from kibitz.lsp.shown import Shown
    from kibitz.text.spans import Span

_END_OF_LINE = 2**31 - 1


def code_action(ls: KibitzServer, params: types.CodeActionParams) -> Sequence[object]:
    """Handle the request: the actions as JSON, or commands for a client that takes nothing else."""
    uri = params.text_document.uri
    ls.session.attend(uri)
    document = ls.session.documents.get(uri)
    if document is None or not document.synced:
        return []
    if ls.offers is None or not ls.offers.hold(document, ls.client):
        ls.offers = Offers(document, ls.client)
    offers = of_kinds(ls.offers.all(_asked(ls, document, params)), params.context.only)
    if not ls.client.action_literals:
        return [each.action.command for each in offers if each.action.command is not None]
    return [each.written(ls.protocol.as_json) for each in offers]


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


def _meant(every: Sequence[Shown], lines: Span, sent: set[str]) -> list[Shown]:
    """Those on the lines, and those whose diagnostics were sent along from elsewhere."""
    here = [each for each in every if _is_on(lines, each)]
    elsewhere = sent - {identity(each.finding) for each in here}
    if not elsewhere:
        return here
    return [each for each in every if _is_on(lines, each) or identity(each.finding) in elsewhere]


def _is_on(lines: Span, shown: Shown) -> bool:
    at = shown.span
    return at.start <= lines.end and lines.start <= at.end


def _complaint(said: types.Diagnostic, span: Span) -> Diagnostic:
    code = "" if said.code is None else str(said.code)
    return Diagnostic(span, said.message, said.source or "", code)


def _identity(diagnostic: types.Diagnostic) -> str | None:
    if diagnostic.source == SOURCE and isinstance(diagnostic.data, dict):
        name = diagnostic.data.get("id")
        return name if isinstance(name, str) else None
    return None
