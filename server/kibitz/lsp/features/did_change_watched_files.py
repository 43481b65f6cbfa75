"""``workspace/didChangeWatchedFiles``: settings, rules or ignore files may be others now."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lsprotocol import types

    from kibitz.lsp.server import KibitzServer


def did_change_watched_files(ls: KibitzServer, params: types.DidChangeWatchedFilesParams) -> None:
    """Handle the notification."""
    ls.watching.changed(change.uri for change in params.changes)
    if ls.closed_files is not None:
        ls.closed_files.look()
