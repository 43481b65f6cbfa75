"""``exit``: the editor is done with us."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kibitz.lsp.server import KibitzServer


def leave(ls: KibitzServer, _params: None) -> None:
    """Handle the notification."""
    ls.stop()
