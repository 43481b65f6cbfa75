"""Edits as the protocol has them: versioned where the client can refuse them, annotated where it can ask."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lsprotocol import types

from kibitz.lsp.rendering import lsp_range
from kibitz.text.spans import Span

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kibitz.findings.finding import Fix
    from kibitz.lsp.capabilities import Client
    from kibitz.provider.models import Edit
    from kibitz.text.snapshot import Snapshot

_PLAIN, _CONFIRM = "kibitz.edit", "kibitz.confirm"
_LABELS = {
    _PLAIN: types.ChangeAnnotation(label="Suggested by a model, checked by kibitz"),
    _CONFIRM: types.ChangeAnnotation(
        label="It adds a call, an import or an address: look at it first", needs_confirmation=True
    ),
}


def workspace_edit(edits: Iterable[Fix | Edit], snapshot: Snapshot, client: Client) -> types.WorkspaceEdit:
    """The edit that makes all of ``edits``, which stand in ``snapshot`` and do not overlap."""
    by_part: dict[str, list[Fix | Edit]] = {}
    parts: dict[str, Snapshot] = {}
    for each in edits:
        part, span = snapshot.locate(each.span)
        parts[part.uri] = part
        by_part.setdefault(part.uri, []).append(each if span == each.span else replace(each, span=span))
    if not client.versioned_edits:
        return types.WorkspaceEdit(
            changes={
                uri: [_plain(each, parts[uri], client) for each in here] for uri, here in by_part.items()
            }
        )
    changes = [_change(here, parts[uri], client) for uri, here in by_part.items()]
    used = {_kind(each) for here in by_part.values() for each in here}
    labels = {name: label for name, label in _LABELS.items() if name in used}
    return types.WorkspaceEdit(
        document_changes=list(changes), change_annotations=labels if client.annotated_edits else None
    )


def _change(edits: Iterable[Fix | Edit], part: Snapshot, client: Client) -> types.TextDocumentEdit:
    document = types.OptionalVersionedTextDocumentIdentifier(uri=part.uri, version=part.version)
    made = [(each, _plain(each, part, client)) for each in edits]
    if not client.annotated_edits:
        return types.TextDocumentEdit(document, [edit for _, edit in made])
    annotated = [
        types.AnnotatedTextEdit(annotation_id=_kind(each), range=edit.range, new_text=edit.new_text)
        for each, edit in made
    ]
    return types.TextDocumentEdit(document, list(annotated))


def _plain(each: Fix | Edit, part: Snapshot, client: Client) -> types.TextEdit:
    span, new_text = each.span, each.new_text
    starts = span.start == 0 or part.text[span.start - 1] == "\n"
    if not client.versioned_edits and starts and part.text[span.end : span.end + 1] == "\n":
        # ALE counts columns in bytes. A range that ends where the next line begins has none to get wrong.
        span, new_text = Span(span.start, span.end + 1), new_text + "\n"
    return types.TextEdit(lsp_range(span, part, client.encoding), new_text)


def _kind(each: Fix | Edit) -> str:
    return _CONFIRM if each.needs_review else _PLAIN
