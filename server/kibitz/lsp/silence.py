"""Why a document has no findings though it may have faults: it is not reviewed, or not yet."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kibitz.lsp.documents import Document
    from kibitz.lsp.service import Knobs
    from kibitz.lsp.session import Session


@dataclass(frozen=True, slots=True)
class Silence:
    """Nothing is said about a document, and why."""

    why: str
    """A sentence about *it*, without its full stop."""
    action: str
    """What the user can do."""


async def silence_of(session: Session, document: Document) -> Silence | None:
    """Why nobody reviews that document as it is; None if somebody does, or did. Looks at the disk."""
    knobs = session.knobs_of(document)
    if found := by_settings(document, knobs):
        return found
    service, path = session.service, document.path
    if service is not None and path is not None and (why := await asyncio.to_thread(service.refusal, path)):
        return Silence(
            f"it is never sent: {why}", "change what excludes it; what may hold secrets is never sent"
        )
    return _not_yet(session, document, knobs)


def by_settings(document: Document, knobs: Knobs) -> Silence | None:
    """Why it is not reviewed, as far as the document itself and the settings say."""
    if document.language is None:
        return Silence(
            "it is no source code that kibitz knows", "see to the language that the editor gives it"
        )
    if not knobs.enabled:
        return Silence("it is not to be reviewed, by the settings (enabled)", "set enabled to true")
    if document.language not in (knobs.languages or (document.language,)):
        why = f"it is not to be reviewed, by the settings (languages: {', '.join(knobs.languages)})"
        return Silence(why, f"add {document.language} to languages")
    size = len(document.snapshot.text.encode("utf-8", "surrogatepass"))
    if size > knobs.max_file_bytes:
        return Silence(
            f"it is larger than max_file_bytes, which is {knobs.max_file_bytes}", "raise max_file_bytes"
        )
    return None


def _not_yet(session: Session, document: Document, knobs: Knobs) -> Silence | None:
    if not document.synced:
        return Silence(
            "its text is not known, since a message about it could not be read", "close it and open it again"
        )
    if document.reviewed == document.snapshot.digest or document.run is not None:
        return None
    asking = "run the command kibitz.analyzeDocument"
    if session.paused:
        return Silence("kibitz is paused", "run the command kibitz.resume")
    if knobs.trigger == "manual":
        return Silence("it is reviewed only when you ask for it (setting trigger)", asking)
    if knobs.trigger == "save":
        return Silence("it is reviewed when you save it (setting trigger)", f"save it, or {asking}")
    return None
