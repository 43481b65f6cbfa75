"""``window/workDoneProgress/cancel``: the user wants what goes on to end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kibitz.lsp.assistance import PROGRESS_KEY as ASSISTING
from kibitz.lsp.warming import PROGRESS_KEY
from kibitz.lsp.workspace import PROGRESS_KEY as WORKSPACE

if TYPE_CHECKING:
    from lsprotocol import types

    from kibitz.lsp.server import KibitzServer


def progress_cancel(ls: KibitzServer, params: types.WorkDoneProgressCancelParams) -> None:
    """Handle the notification."""
    uri = ls.editor.reviewed_under(params.token)
    if uri == PROGRESS_KEY:
        ls.warming.end()
    elif uri == WORKSPACE:
        ls.workspace_review.stop()
    elif uri is not None and uri.startswith(ASSISTING):
        ls.assistance.stop(uri)
    elif uri is not None:
        ls.session.stop(uri)
