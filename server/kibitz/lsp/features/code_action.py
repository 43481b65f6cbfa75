"""``textDocument/codeAction``: a lookup in what is known already. No model is ever asked here.

Editors differ in which diagnostics they send along (Neovim: those of the cursor's line; eglot: those that
overlap), so the findings of the lines in question are found by range as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsprotocol import types

from kibitz.lsp.rendering import SOURCE, identity, quick_fix

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kibitz.lsp.documents import Document
    from kibitz.lsp.server import KibitzServer
    from kibitz.lsp.shown import Shown


def code_action(ls: KibitzServer, params: types.CodeActionParams) -> list[types.CodeAction]:
    """Handle the request."""
    ls.session.attend(params.text_document.uri)
    document = ls.session.documents.get(params.text_document.uri)
    if document is None or not document.synced or not _asks_for_quick_fixes(params.context.only):
        return []
    actions = (quick_fix(shown, document.snapshot, ls.client) for shown in _meant(document, params))
    return [action for action in actions if action is not None]


def _meant(document: Document, params: types.CodeActionParams) -> Iterable[Shown]:
    """The findings on the lines of the range, and those whose diagnostics were sent along."""
    first, last = sorted((params.range.start.line, params.range.end.line))
    sent = {name for diagnostic in params.context.diagnostics if (name := _identity(diagnostic))}
    lines = document.snapshot.lines
    for shown in document.shown:
        span = shown.finding.span
        begins, ends = lines.line_of(span.start), lines.line_of(span.end)
        if (begins <= last and first <= ends) or identity(shown.finding) in sent:
            yield shown


def _identity(diagnostic: types.Diagnostic) -> object:
    if diagnostic.source == SOURCE and isinstance(diagnostic.data, dict):
        return diagnostic.data.get("id")
    return None


def _asks_for_quick_fixes(only: Iterable[types.CodeActionKind | str] | None) -> bool:
    quick_fix_kind = types.CodeActionKind.QuickFix.value
    kinds = None if only is None else [getattr(kind, "value", kind) for kind in only]
    return kinds is None or any(kind in {"", quick_fix_kind} for kind in kinds)
