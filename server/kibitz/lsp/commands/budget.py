"""The budget."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kibitz.lsp.server import KibitzServer


async def raise_budget(ls: KibitzServer, _arguments: Sequence[object]) -> str:
    """Allow for as much again today, in all windows, and go on; the caps stay as they are tomorrow."""
    service = ls.session.service
    said = "nothing was changed: kibitz is still starting, switched off, or has nobody to ask"
    if service is not None:
        said = await service.raise_budget()
        ls.session.notices.settle()
        ls.session.review_all()
    ls.editor.tell(f"kibitz: {said}")
    return said
