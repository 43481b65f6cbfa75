"""``textDocument/codeAction``: a lookup in what is known already. No model is ever asked here.

Editors differ in which diagnostics they send along (Neovim: those of the cursor's line; eglot: those that
overlap), so the findings of the lines in question are found by range as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kibitz.lsp.actions import Asked, of_kinds
from kibitz.lsp.rendering import identity
from kibitz.lsp.view import view_of
from kibitz.lsp.written import Written
from kibitz.provider.models import Diagnostic
from kibitz.text.lines import Position
from kibitz.text.spans import Span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kibitz.lsp.asked import Said, Wanted
    from kibitz.lsp.documents import Document
    from kibitz.lsp.server import KibitzServer
    from kibitz.lsp.shown import Shown
    from kibitz.lsp.spots import Spots
    from kibitz.lsp.view import View

_END_OF_LINE = 2**31 - 1


def code_action(ls: KibitzServer, wanted: Wanted) -> Sequence[object] | Written:
    """Handle the request: the actions as JSON, or commands for a client that takes nothing else."""
    ls.session.attend(wanted.uri)
    document = ls.session.documents.get(wanted.uri)
    if document is None or not document.synced:
        return []
    view = view_of(ls, document)
    parts = of_kinds(view.offers.all(_asked(ls, view, wanted)), wanted.only)
    if not ls.client.action_literals:
        return [each["command"] for part in parts for each in part.actions if "command" in each]
    return Written.array(part.text for part in parts)


def _asked(ls: KibitzServer, view: View, wanted: Wanted) -> Asked:
    document = view.document
    span = _span(ls, view, wanted.uri, wanted.start, wanted.end)
    first, last = sorted((wanted.start.line, wanted.end.line))
    lines = _span(ls, view, wanted.uri, Position(first, 0), Position(last, _END_OF_LINE))
    return Asked(
        span=span,
        shown=_meant(view.shown, lines, wanted.names),
        dismissed=_meant(view.dismissed, lines, wanted.names) if document.dismissed else (),
        shows_dismissed=ls.session.publisher.shows_dismissed(document.uri),
        others=[(each.sent, _complaint(ls, view, wanted.uri, each)) for each in wanted.others],
        asks=_asks(ls, document),
        named=wanted.only is not None,
    )


def _span(ls: KibitzServer, view: View, uri: str, start: Position, end: Position) -> Span:
    """A range of that of the document's parts which the client calls ``uri``; a reversed one is the same."""
    part, begin = view.snapshot.part(uri)
    one, other = (begin + part.lines.offset(each, ls.client.encoding) for each in (start, end))
    return Span(one, other) if one <= other else Span(other, one)


def _asks(ls: KibitzServer, document: Document) -> bool:
    """Whether a model can be asked; whether it may be is looked up once it should be."""
    enabled = ls.session.knobs_of(document).enabled
    return enabled and ls.session.reviews.active and document.language is not None


def _meant(spots: Spots, lines: Span, sent: frozenset[str]) -> list[Shown]:
    """Those on the lines, and those whose diagnostics were sent along from elsewhere."""
    here = spots.at(lines.start, lines.end)
    elsewhere = sent - {identity(each.finding) for each in here}
    if not elsewhere:
        return here
    known = {id(each) for each in here}
    return [each for each in spots.all if id(each) in known or identity(each.finding) in elsewhere]


def _complaint(ls: KibitzServer, view: View, uri: str, said: Said) -> Diagnostic:
    span = _span(ls, view, uri, said.start, said.end)
    return Diagnostic(span, said.message, said.source, said.code)
