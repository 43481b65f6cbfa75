"""``initialized``: the answer is out, so now the settings, the SDK and the reviewer may take their time."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lsprotocol import types

    from kibitz.lsp.server import KibitzServer


async def initialized(ls: KibitzServer, _params: types.InitializedParams) -> None:
    """Handle the notification."""
    # The imports left garbage behind; the next ones can use its room.
    ls.tidy()
    ls.trace.turn(ls.client.trace)
    ls.session.reviews.on_change = ls.changed
    ls.setup.start(ls.client.options)
    ls.reporter.touch()
    await ls.editor.register(await ls.watching.start())
    await ls.protocol.warm()
