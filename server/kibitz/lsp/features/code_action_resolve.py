"""``codeAction/resolve``: now that an action was chosen, its edit. A model is asked for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kibitz.lsp.place import decode

if TYPE_CHECKING:
    from lsprotocol import types

    from kibitz.lsp.server import KibitzServer


async def code_action_resolve(ls: KibitzServer, action: types.CodeAction) -> types.CodeAction:
    """Handle the request. What needs no edit, or has one, comes back as it is."""
    place = decode(action.data) if action.edit is None and action.command is None else None
    if place is not None:
        action.edit = (await ls.assistance.edit(place, action.title)).edit
    return action
