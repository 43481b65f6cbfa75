"""``codeAction/resolve``: now that an action was chosen, its edit. A model is asked where none is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kibitz.lsp.place import decode, decode_all

if TYPE_CHECKING:
    from lsprotocol import types

    from kibitz.lsp.server import KibitzServer


async def code_action_resolve(ls: KibitzServer, action: types.CodeAction) -> types.CodeAction:
    """Handle the request. What needs no edit, or has one, comes back as it is."""
    if action.edit is not None or action.command is not None:
        return action
    if (every := decode_all(action.data)) is not None:
        action.edit = ls.assistance.all_fixes(every)
    elif (place := decode(action.data)) is not None:
        action.edit = (await ls.assistance.edit(place, action.title)).edit
    return action
