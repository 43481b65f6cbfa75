"""``initialize``: what the client can do, and what kibitz does; answered before the rest is imported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lsprotocol import types

from kibitz._version import __version__
from kibitz.lsp.capabilities import reduce
from kibitz.lsp.commands import COMMANDS
from kibitz.lsp.kinds import KINDS
from kibitz.lsp.protocol import Phase

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kibitz.lsp.server import KibitzServer

_NOTEBOOKS = types.NotebookDocumentSyncOptions(
    notebook_selector=[types.NotebookDocumentFilterWithNotebook(notebook="jupyter-notebook")], save=True
)

_PULLS = types.DiagnosticOptions(inter_file_dependencies=False, workspace_diagnostics=False)


def initialize(ls: KibitzServer, params: Mapping[str, Any]) -> types.InitializeResult:
    """Handle the request."""
    client = reduce(params)
    ls.client = client
    ls.protocol.phase = Phase.RUNNING
    ls.parent.start(client.process_id)
    return types.InitializeResult(
        capabilities=types.ServerCapabilities(
            position_encoding=types.PositionEncodingKind(client.encoding.value),
            text_document_sync=types.TextDocumentSyncOptions(
                open_close=True, change=types.TextDocumentSyncKind.Incremental, save=True
            ),
            notebook_document_sync=_NOTEBOOKS if client.notebooks else None,
            code_action_provider=types.CodeActionOptions(
                code_action_kinds=list(KINDS), resolve_provider=client.resolves_edits
            ),
            hover_provider=True,
            diagnostic_provider=_PULLS if client.pulls_from_start else None,
            execute_command_provider=types.ExecuteCommandOptions(commands=list(COMMANDS)),
            workspace=types.WorkspaceOptions(
                workspace_folders=types.WorkspaceFoldersServerCapabilities(
                    supported=True, change_notifications=True
                )
            ),
        ),
        server_info=types.ServerInfo(name="kibitz", version=__version__),
    )
