"""``$/setTrace``: how much the client wants to hear of what goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lsprotocol import types

    from kibitz.lsp.server import KibitzServer


def set_trace(ls: KibitzServer, params: types.SetTraceParams) -> None:
    """Handle the notification."""
    ls.trace.turn(params.value)
