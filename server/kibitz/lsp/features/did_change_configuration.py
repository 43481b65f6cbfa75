"""``workspace/didChangeConfiguration``: settings sent along, or news that there are some to ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lsprotocol import types

    from kibitz.lsp.server import KibitzServer


def did_change_configuration(ls: KibitzServer, params: types.DidChangeConfigurationParams) -> None:
    """Handle the notification."""
    ls.setup.push(params.settings)
