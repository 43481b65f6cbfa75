"""Another language server, which says one thing about every file. Editors run it beside kibitz."""

from __future__ import annotations

from lsprotocol import types
from pygls.lsp.server import LanguageServer

server = LanguageServer("other", "1")


@server.feature(types.TEXT_DOCUMENT_DID_OPEN)
def did_open(ls: LanguageServer, params: types.DidOpenTextDocumentParams) -> None:
    """Say it about the first line."""
    place = types.Range(types.Position(0, 0), types.Position(0, 3))
    severity = types.DiagnosticSeverity.Error
    said = types.Diagnostic(place, "from the other server", severity, source="other")
    ls.text_document_publish_diagnostics(types.PublishDiagnosticsParams(params.text_document.uri, [said]))


if __name__ == "__main__":
    server.start_io()
