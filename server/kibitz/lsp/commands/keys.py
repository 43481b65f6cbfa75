"""The keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kibitz.lsp.server import KibitzServer


async def reload_key(ls: KibitzServer, _arguments: Sequence[object]) -> str:
    """Look for the keys again, wherever the settings say by now. No key comes or goes over the wire."""
    from kibitz.provider.errors import OpenAIError  # noqa: PLC0415 - initialize imports this module

    why = await ls.setup.reload()
    service = ls.session.service
    found: Sequence[str] = ()
    if service is not None:
        try:
            found = await service.reload_keys()
        except OpenAIError as error:
            why = error.message
    if why or service is None:
        said = f"the keys were not reloaded: {why or 'kibitz is switched off (setting enabled)'}"
        ls.editor.show(f"kibitz: {said}")
        return said
    ls.session.notices.settle()
    ls.session.review_all()
    said = "; ".join(("the keys were reloaded", *found))
    ls.editor.tell(f"kibitz: {said}")
    return said
