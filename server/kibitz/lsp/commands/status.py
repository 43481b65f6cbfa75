"""What kibitz is doing."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kibitz.lsp.server import KibitzServer

logger = logging.getLogger(__name__)


async def show_status(ls: KibitzServer, _arguments: Sequence[object]) -> str:
    """Say what kibitz is doing, whom it asks, and what that costs."""
    status = await ls.session.status()
    logger.info("status asked for: %s", status)
    ls.editor.tell(f"kibitz: {status}")
    return status
