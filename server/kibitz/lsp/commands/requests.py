"""What would leave this machine."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pygls.exceptions import JsonRpcInvalidParams

from kibitz.guard.invisible import strip_invisible
from kibitz.lsp.commands.arguments import uri_of
from kibitz.lsp.silence import by_settings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from kibitz.app.previewing import Showing
    from kibitz.config import Settings
    from kibitz.lsp.documents import Document
    from kibitz.lsp.server import KibitzServer

_WHERE = "(all of it: this editor's log of language servers)"


async def show_request(ls: KibitzServer, arguments: Sequence[object]) -> dict[str, Any]:
    """Show what a review of a document (its URI is the argument) would send now; all goes to the log.

    Without an argument: of the document in focus. Sends nothing, and needs no key.
    """
    uri = uri_of(arguments) or ls.session.attention.focus
    document = ls.session.documents.get(uri) if uri is not None else None
    if document is None:
        raise JsonRpcInvalidParams("the argument should be the URI of an open document")
    shown = await _showing(ls, document)
    text = "\n".join(strip_invisible(line) for line in shown.lines())
    ls.editor.log(f"kibitz: what would be sent\n{text}")
    ls.editor.tell(f"kibitz: {text.partition(chr(10))[0]}. Nothing was sent {_WHERE}")
    return {**shown.as_json(), "text": text}


async def _showing(ls: KibitzServer, document: Document) -> Showing:
    from kibitz.app.previewing import Showing, show  # noqa: PLC0415 - few ask, and it brings the parser
    from kibitz.provider.errors import OpenAIError  # noqa: PLC0415 - as above
    from kibitz.review.result import Source  # noqa: PLC0415 - as above

    settings = await _settings(ls, document)
    why = await asyncio.to_thread(_refusal, settings, ls.setup.roots, document)
    if why:
        return Showing(document.name, refusal=why)
    source = Source(document.snapshot.code, document.language or "", document.name, path=document.path or "")
    try:
        return await show(settings, source, "setting {}".format)
    except OpenAIError as error:
        return Showing(document.name, refusal=error.message)


async def _settings(ls: KibitzServer, document: Document) -> Settings:
    """Those that count for the document; those of the user alone, until the editor's are known."""
    from kibitz.config import Settings, load  # noqa: PLC0415 - loaded by now, mostly

    knobs = ls.session.knobs_of(document)
    return knobs if isinstance(knobs, Settings) else (await asyncio.to_thread(load)).settings


def _refusal(settings: Settings, roots: Sequence[str], document: Document) -> str:
    """Why nothing of the document is ever sent; empty if something may be. Reads the disk."""
    from kibitz.lsp.scopes import Scopes  # noqa: PLC0415 - loaded by now, mostly

    if silence := by_settings(document, settings):
        return silence.why
    if document.path is None:
        return ""
    return Scopes(settings, {}, roots).refusal(document.path) or ""
