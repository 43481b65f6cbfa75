"""``workspace/executeCommand``: what the user may ask for by name."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from pygls.exceptions import JsonRpcInvalidParams

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from lsprotocol import types

    from kibitz.lsp.server import KibitzServer


logger = logging.getLogger(__name__)


async def execute_command(ls: KibitzServer, params: types.ExecuteCommandParams) -> object:
    """Handle the request. Its work ends with it when it is cancelled."""
    command = COMMANDS.get(params.command)
    if command is None:
        raise JsonRpcInvalidParams(f"kibitz has no such command; it has {', '.join(COMMANDS)}")
    return await command(ls, params.arguments or ())


async def _analyze_document(ls: KibitzServer, arguments: Sequence[object]) -> None:
    """Review a document (its URI is the argument), or all, now; what failed is tried again."""
    uri = _uri(arguments)
    if ls.session.service is None:
        # Whoever asks may have mended what was missing.
        ls.setup.refresh(pull=True)
    else:
        ls.session.analyze(uri)


async def _stop(ls: KibitzServer, arguments: Sequence[object]) -> None:
    """Cancel what is under way, in a document or in all; then nothing is prepared ahead of time either."""
    uri = _uri(arguments)
    ls.session.stop(uri)
    if uri is None:
        ls.warming.end()


async def _pause(ls: KibitzServer, _arguments: Sequence[object]) -> None:
    """Review nothing until told to go on."""
    ls.session.pause()
    ls.warming.rest()


async def _resume(ls: KibitzServer, _arguments: Sequence[object]) -> None:
    """Go on."""
    ls.session.resume()
    ls.warming.resume()


async def _show_status(ls: KibitzServer, _arguments: Sequence[object]) -> str:
    """Say what kibitz is doing, whom it asks, and what that costs."""
    status = await ls.session.status()
    logger.info("status asked for: %s", status)
    ls.editor.tell(f"kibitz: {status}")
    return status


async def _reload_key(ls: KibitzServer, _arguments: Sequence[object]) -> str:
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


async def _clear_cache(ls: KibitzServer, _arguments: Sequence[object]) -> str:
    """Forget kept answers; the next reviews are paid again."""
    service = ls.session.service
    said = "nothing was forgotten: kibitz is still starting, switched off, or has nobody to ask"
    if service is not None:
        stays = await service.clear_cache()
        ls.session.forget_reviews()
        said = "; ".join(filter(None, ("kept answers are forgotten, so what is open is asked again", stays)))
    ls.editor.tell(f"kibitz: {said}")
    return said


def _uri(arguments: Sequence[object]) -> str | None:
    """The document that the arguments name: its URI, or an object that holds it."""
    first = arguments[0] if arguments else None
    if isinstance(first, dict):
        inner = first.get("textDocument", first)
        first = inner.get("uri") if isinstance(inner, dict) else None
    if first is not None and not isinstance(first, str):
        raise JsonRpcInvalidParams("the argument should be a document's URI")
    return first


COMMANDS: dict[str, Callable[[KibitzServer, Sequence[object]], Awaitable[object]]] = {
    "kibitz.analyzeDocument": _analyze_document,
    "kibitz.stop": _stop,
    "kibitz.pause": _pause,
    "kibitz.resume": _resume,
    "kibitz.showStatus": _show_status,
    "kibitz.reloadKey": _reload_key,
    "kibitz.clearCache": _clear_cache,
}
"""All commands, by the name that editors know them under."""
