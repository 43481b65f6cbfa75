"""``workspace/didChangeWorkspaceFolders``: ignore files are looked for in the folders that are open."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lsprotocol import types

    from kibitz.lsp.server import KibitzServer


def did_change_workspace_folders(ls: KibitzServer, params: types.DidChangeWorkspaceFoldersParams) -> None:
    """Handle the notification."""
    removed = {folder.uri for folder in params.event.removed}
    kept = [uri for uri in ls.session.client.roots if uri not in removed]
    added = [folder.uri for folder in params.event.added]
    ls.session.client = replace(ls.session.client, roots=tuple(dict.fromkeys((*kept, *added))))
    if ls.session.service is not None:
        ls.session.service.set_roots(ls.session.client.roots)
