"""What kibitz is doing, and what that costs."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from kibitz.lsp.silence import silence_of
from kibitz.lsp.status import report

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kibitz.lsp.server import KibitzServer

logger = logging.getLogger(__name__)


async def status(ls: KibitzServer, _arguments: Sequence[object]) -> dict[str, object]:
    """What ``$/kibitz/status`` would tell now, for clients that do not hear it. Shows nothing.

    And why the document in focus is not reviewed, if it is not.
    """
    return await _now(ls)


async def show_status(ls: KibitzServer, _arguments: Sequence[object]) -> dict[str, object]:
    """Say what kibitz is doing, whom it asks, and what that costs; the status, and what was said."""
    text = await report(ls.session, ls.reporter.now())
    now = await _now(ls)
    if why := now["notReviewed"]:
        text = f"{text}\n{why}."
    logger.info("status asked for: %s", text)
    ls.editor.tell(f"kibitz: {text}")
    return {**now, "text": text}


async def _now(ls: KibitzServer) -> dict[str, object]:
    session = ls.session
    document = session.documents.get(session.attention.focus or "")
    silence = None if document is None else await silence_of(session, document)
    why = "" if document is None or silence is None else f"{document.name}: {silence.why}; {silence.action}"
    return {**ls.reporter.now().as_json(), "notReviewed": why}


async def show_usage(ls: KibitzServer, _arguments: Sequence[object]) -> dict[str, object]:
    """Say what was asked in this window and today, what it cost, and what the cache saved of it."""
    service = ls.session.service
    if service is None:
        text = "nothing was asked: kibitz is still starting, switched off, or has nobody to ask"
        found: dict[str, object] = {"run": None, "today": None, "models": {}, "cache": {}}
    else:
        spending = await service.usage()
        text = "\n".join(f"{line}." for line in (*spending.lines(), *spending.by_model()))
        found = spending.as_json()
    ls.editor.tell(f"kibitz: {text}")
    return {**found, "text": text}
