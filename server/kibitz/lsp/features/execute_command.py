"""``workspace/executeCommand``: what the user may ask for by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pygls.exceptions import JsonRpcInvalidParams

from kibitz.lsp.commands import COMMANDS, command

if TYPE_CHECKING:
    from lsprotocol import types

    from kibitz.lsp.server import KibitzServer


async def execute_command(ls: KibitzServer, params: types.ExecuteCommandParams) -> object:
    """Handle the request. Its work ends with it when it is cancelled."""
    run = command(params.command)
    if run is None:
        raise JsonRpcInvalidParams(f"kibitz has no such command; it has {', '.join(COMMANDS)}")
    return await run(ls, params.arguments or ())
