"""``textDocument/diagnostic``: what is known of a document, at once.

It never fails: some clients never ask again about a document if it does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsprotocol import types

if TYPE_CHECKING:
    from kibitz.lsp.server import KibitzServer


def diagnostic(ls: KibitzServer, params: types.DocumentDiagnosticParams) -> types.DocumentDiagnosticReport:
    """Handle the request."""
    uri, publisher = params.text_document.uri, ls.session.publisher
    document = ls.session.documents.get(uri)
    # A cell of a notebook goes by the name of a part.
    if document is None or document.uri != uri or not publisher.pulls:
        return types.RelatedFullDocumentDiagnosticReport(items=[])
    return publisher.report(document, params.previous_result_id)
