"""Findings as the protocol shows them: diagnostics, and code actions that mend them."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from lsprotocol import types

from kibitz.findings.finding import Confidence, Severity
from kibitz.text.lines import Position

if TYPE_CHECKING:
    from kibitz.findings.finding import Finding, Fix
    from kibitz.lsp.capabilities import Client
    from kibitz.lsp.documents import Shown
    from kibitz.text.lines import Encoding
    from kibitz.text.snapshot import Snapshot
    from kibitz.text.spans import Span

SOURCE = "kibitz"
"""Who a diagnostic is from, for all editors to show."""

_SEVERITIES = {
    Severity.ERROR: types.DiagnosticSeverity.Error,
    Severity.WARNING: types.DiagnosticSeverity.Warning,
    Severity.INFO: types.DiagnosticSeverity.Information,
}
_MAX_TITLE = 100
_CONFIRM = "kibitz.confirm"


def identity(finding: Finding) -> str:
    """A short name for the finding that stays while it moves."""
    parts = (finding.rule, finding.quote, finding.title, finding.trigger)
    return sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def position(where: types.Position) -> Position:
    """The protocol's position as ours."""
    return Position(where.line, where.character)


def lsp_range(span: Span, snapshot: Snapshot, encoding: Encoding) -> types.Range:
    """Where ``span`` is, in the client's columns."""
    start = snapshot.lines.position(span.start, encoding)
    end = snapshot.lines.position(span.end, encoding)
    return types.Range(types.Position(start.line, start.character), types.Position(end.line, end.character))


def diagnostic(shown: Shown, snapshot: Snapshot, encoding: Encoding) -> types.Diagnostic:
    """The finding as a diagnostic of ``snapshot``. What is stale says so in words: LSP has no tag for it."""
    finding, stale = shown.finding, shown.stale
    lines = (finding.title, finding.trigger, f"not re-checked: {stale}" if stale else "")
    return types.Diagnostic(
        range=lsp_range(finding.span, snapshot, encoding),
        message="\n".join(line for line in lines if line),
        severity=_SEVERITIES[finding.severity],
        code=finding.rule,
        source=SOURCE,
        data={"id": identity(finding), "version": snapshot.version, "stale": bool(stale)},
    )


def quick_fix(shown: Shown, snapshot: Snapshot, client: Client) -> types.CodeAction | None:
    """The action that applies the finding's fix, or None if none fits the text of ``snapshot``."""
    finding, fix = shown.finding, shown.finding.fix
    if fix is None or fix.span.of(snapshot.text) != fix.old_text:
        return None
    sure = finding.confidence is Confidence.CERTAIN and not fix.needs_review
    return types.CodeAction(
        title=_title(finding, fix),
        kind=types.CodeActionKind.QuickFix,
        diagnostics=[diagnostic(shown, snapshot, client.encoding)],
        is_preferred=sure and not shown.stale,
        edit=_edit(fix, snapshot, client),
    )


def _title(finding: Finding, fix: Fix) -> str:
    # A line end in a title would break menus.
    title = " ".join(finding.title.split())
    if len(title) > _MAX_TITLE:
        title = title[: _MAX_TITLE - 1] + "…"
    return f"Fix (look at it first): {title}" if fix.needs_review else f"Fix: {title}"


def _edit(fix: Fix, snapshot: Snapshot, client: Client) -> types.WorkspaceEdit:
    where = lsp_range(fix.span, snapshot, client.encoding)
    edit = types.TextEdit(where, fix.new_text)
    if not client.versioned_edits:
        return types.WorkspaceEdit(changes={snapshot.uri: [edit]})
    document = types.OptionalVersionedTextDocumentIdentifier(uri=snapshot.uri, version=snapshot.version)
    if not (fix.needs_review and client.annotated_edits):
        return types.WorkspaceEdit(document_changes=[types.TextDocumentEdit(document, [edit])])
    annotated = types.AnnotatedTextEdit(annotation_id=_CONFIRM, range=where, new_text=fix.new_text)
    return types.WorkspaceEdit(
        document_changes=[types.TextDocumentEdit(document, [annotated])],
        change_annotations={
            _CONFIRM: types.ChangeAnnotation(
                label="It adds a call, an import or an address: look at it first", needs_confirmation=True
            )
        },
    )
