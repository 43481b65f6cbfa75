"""What is measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kibitz.lsp.server import KibitzServer


async def metrics(ls: KibitzServer, _arguments: Sequence[object]) -> dict[str, Any]:
    """All metrics of this server, and where Prometheus can read them. Shows nothing."""
    return ls.measuring.as_json()
