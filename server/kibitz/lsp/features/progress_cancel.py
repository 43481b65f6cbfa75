"""``window/workDoneProgress/cancel``: the user does not want to wait for a review."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lsprotocol import types

    from kibitz.lsp.server import KibitzServer


def progress_cancel(ls: KibitzServer, params: types.WorkDoneProgressCancelParams) -> None:
    """Handle the notification."""
    uri = ls.editor.reviewed_under(params.token)
    if uri is not None:
        ls.session.stop(uri)
