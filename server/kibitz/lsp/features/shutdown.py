"""``shutdown``: all work ends before the answer, because some editors kill what is slow to go."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kibitz.lsp.server import KibitzServer

SECONDS = 0.8
"""How long the work under way may take to end."""


async def shutdown(ls: KibitzServer, _params: None) -> None:
    """Handle the request; a second one is answered as well."""
    await ls.wind_down(SECONDS)
