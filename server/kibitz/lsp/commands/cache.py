"""The cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kibitz.lsp.server import KibitzServer


async def clear_cache(ls: KibitzServer, _arguments: Sequence[object]) -> str:
    """Forget kept answers; the next reviews are paid again."""
    service = ls.session.service
    said = "nothing was forgotten: kibitz is still starting, switched off, or has nobody to ask"
    if service is not None:
        stays = await service.clear_cache()
        ls.session.forget_reviews()
        said = "; ".join(filter(None, ("kept answers are forgotten, so what is open is asked again", stays)))
    ls.editor.tell(f"kibitz: {said}")
    return said
