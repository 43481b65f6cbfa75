"""When to review: now, no more, not for now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kibitz.lsp.commands.arguments import uri_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kibitz.lsp.server import KibitzServer


async def analyze_document(ls: KibitzServer, arguments: Sequence[object]) -> None:
    """Review a document (its URI is the argument), or all, now; what failed is tried again."""
    uri = uri_of(arguments)
    if ls.session.service is None:
        # Whoever asks may have mended what was missing.
        ls.setup.retry()
    else:
        ls.session.analyze(uri)


async def stop(ls: KibitzServer, arguments: Sequence[object]) -> None:
    """Cancel what is under way, in a document or in all; then nothing is prepared ahead of time either."""
    uri = uri_of(arguments)
    ls.session.stop(uri)
    if uri is None:
        ls.assistance.stop()
        ls.workspace_review.stop()
        ls.warming.end()


async def pause(ls: KibitzServer, _arguments: Sequence[object]) -> None:
    """Review nothing until told to go on."""
    ls.session.pause()
    ls.workspace_review.stop()
    ls.warming.rest()


async def resume(ls: KibitzServer, _arguments: Sequence[object]) -> None:
    """Go on."""
    ls.session.resume()
    ls.warming.resume()
