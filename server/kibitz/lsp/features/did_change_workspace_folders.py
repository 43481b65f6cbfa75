"""``workspace/didChangeWorkspaceFolders``: ignore files are looked for in the folders that are open."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lsprotocol import types

    from kibitz.lsp.server import KibitzServer


def did_change_workspace_folders(ls: KibitzServer, params: types.DidChangeWorkspaceFoldersParams) -> None:
    """Handle the notification."""
    removed = {folder.uri for folder in params.event.removed}
    kept = [uri for uri in ls.setup.roots if uri not in removed]
    added = [folder.uri for folder in params.event.added]
    ls.setup.move(tuple(dict.fromkeys((*kept, *added))))
    # What is prepared by now takes no time; what is new may hold files that changed lately.
    ls.warming.rest()
    ls.warming.resume()
    ls.trusting.renew()
