"""One of each kind of message that is sent while somebody types, with all that it can hold.

cattrs builds the code for a type when the first one of it is sent, which takes milliseconds for a
diagnostic.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsprotocol import types

if TYPE_CHECKING:
    from collections.abc import Iterator

_RANGE = types.Range(types.Position(0, 0), types.Position(0, 1))


def sent() -> Iterator[object]:
    """Those that the editor is sent."""
    diagnostic = types.Diagnostic(
        _RANGE,
        "",
        severity=types.DiagnosticSeverity.Warning,
        code="",
        code_description=types.CodeDescription(""),
        related_information=[types.DiagnosticRelatedInformation(types.Location("", _RANGE), "")],
        data={},
    )
    yield types.PublishDiagnosticsNotification(types.PublishDiagnosticsParams("", [diagnostic], version=1))
    yield diagnostic
    edited = types.OptionalVersionedTextDocumentIdentifier("", 1)
    edit = types.TextDocumentEdit(edited, [types.TextEdit(_RANGE, "")])
    yield types.WorkspaceEdit({"": [types.TextEdit(_RANGE, "")]}, document_changes=[edit])
