"""What a model is asked because the user chose it: other code for a place, or an explanation.

Somebody waits for it: it is shown while it goes on, it can be stopped in every way that an editor knows, and
it ends with an edit, an explanation, or a reason why not.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import OrderedDict
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from pygls.exceptions import JsonRpcException

from kibitz.lsp.actions import safe_fixes
from kibitz.lsp.edits import workspace_edit
from kibitz.provider.errors import OpenAIError
from kibitz.provider.keys.consent import ConsentNeeded
from kibitz.provider.models import Context
from kibitz.telemetry.access import about
from kibitz.text.remap import difference, remap

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Sequence

    from lsprotocol import types

    from kibitz.lsp.capabilities import Client
    from kibitz.lsp.documents import Document
    from kibitz.lsp.editor import WireEditor
    from kibitz.lsp.place import AllFixes, Place
    from kibitz.lsp.service import ReviewService
    from kibitz.lsp.session import Session
    from kibitz.provider.models import ContextAnalysis, Edit, Suggestion
    from kibitz.text.snapshot import Snapshot

T = TypeVar("T")

CONTENT_MODIFIED = -32801
REQUEST_FAILED = -32803
PROGRESS_KEY = "kibitz:assist:"
"""Begins what stands for a document's URI where the editor shows what goes on."""
_MAX_EXPLAINED = 100


class Declined(JsonRpcException):
    """Why there is no edit and no explanation, for the user."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """An edit for a place."""

    edit: types.WorkspaceEdit
    title: str


class Assistance:
    """The questions that are being asked, and the explanations that there are. Belongs to the event loop."""

    def __init__(self, session: Session, editor: WireEditor, client: Client) -> None:
        self._session = session
        self._editor = editor
        self._client = client
        self._numbers = itertools.count(1)
        self._running: dict[str, asyncio.Task[object]] = {}
        self._explained: OrderedDict[tuple[str, str], ContextAnalysis] = OrderedDict()

    def stop(self, key: str | None = None) -> None:
        """End one question (its progress has that key), or all."""
        for name, task in list(self._running.items()):
            if key in {None, name}:
                task.cancel()

    def explanation(self, uri: str, name: str) -> ContextAnalysis | None:
        """What was explained about a finding, if it was."""
        return self._explained.get((uri, name))

    def all_fixes(self, every: AllFixes) -> types.WorkspaceEdit:
        """The edit that makes all safe fixes of a document; no model is asked.

        Raises:
            Declined: it is another text by now.
        """
        document = self._session.documents.get(every.uri)
        if document is None or not document.synced or document.snapshot.digest != every.digest:
            raise self._declined("the code has changed since; ask again", CONTENT_MODIFIED)
        return workspace_edit(safe_fixes(document), document.snapshot, self._client)

    async def edit(self, place: Place, title: str) -> Proposal:
        """The edit that a model suggests for a place.

        Raises:
            Declined: there is none, and why.
        """
        document, service = await self._ready(place)
        snapshot = document.snapshot
        async with self._shown(title):
            suggestions = await self._ask(service.suggest(_context(place, snapshot)), document)
        best = next((each for each in suggestions if _stands(each, snapshot)), None)
        if best is None:
            raise self._declined("the model has no other way to write this that passed kibitz's checks")
        edits = self._carried(best, snapshot, document)
        edit = workspace_edit(edits, document.snapshot, self._client)
        return Proposal(edit, best.title)

    async def explain(self, place: Place, title: str, name: str = "") -> ContextAnalysis:
        """What a place does; kept for the finding ``name``, if it is about one.

        Raises:
            Declined: there is no explanation, and why.
        """
        document, service = await self._ready(place)
        async with self._shown(title):
            analysis = await self._ask(service.explain(_context(place, document.snapshot)), document)
        if name:
            self._explained[(place.uri, name)] = analysis
            while len(self._explained) > _MAX_EXPLAINED:
                self._explained.popitem(last=False)
        return analysis

    async def _ready(self, place: Place) -> tuple[Document, ReviewService]:
        """The document and who can be asked about it, if it is as it was and may be sent."""
        session = self._session
        refusal = await self._refusal(place)
        # What the wait for the disk may have changed is looked at after it.
        document, service = session.documents.get(place.uri), session.service
        if document is None or not document.synced or document.language is None:
            raise self._declined("the document is not open, or no source code", CONTENT_MODIFIED)
        if document.snapshot.digest != place.digest:
            raise self._declined("the code has changed since; ask again", CONTENT_MODIFIED)
        if service is None or not session.knobs_of(document).enabled:
            raise self._declined("nobody can be asked: see the command kibitz.showStatus")
        if session.paused:
            raise self._declined("kibitz is paused: run the command kibitz.resume first")
        if refusal is not None:
            raise self._declined(f"this file must not be sent anywhere: {refusal}")
        return document, service

    async def _refusal(self, place: Place) -> str | None:
        document, service = self._session.documents.get(place.uri), self._session.service
        if document is None or document.path is None or service is None:
            return None
        return await asyncio.to_thread(service.refusal, document.path)

    async def _ask(self, question: Awaitable[T], document: Document) -> T:
        try:
            with about(document.path):
                return await question
        except ConsentNeeded as error:
            self._session.unconsented(error)
            raise self._declined(error.message) from None
        except OpenAIError as error:
            raise self._declined(error.message) from None

    def _declined(self, why: str, code: int = REQUEST_FAILED) -> Declined:
        # Some clients drop the error of a request without a word.
        self._editor.show(f"kibitz: {why}")
        return Declined(why, code)

    def _carried(self, best: Suggestion, before: Snapshot, document: Document) -> Sequence[Edit]:
        """The edits where their code is by now: it was paid for, and most typing is elsewhere."""
        if self._session.documents.get(document.uri) is not document or not document.synced:
            raise self._declined("the document was closed meanwhile", CONTENT_MODIFIED)
        if document.snapshot.text == before.text:
            return best.edits
        typed = difference(before.text, document.snapshot.text)
        moved = [(each, remap(each.span, typed)) for each in best.edits]
        if any(span is None for _, span in moved):
            raise self._declined("you changed this code meanwhile; ask again", CONTENT_MODIFIED)
        return [replace(each, span=span) for each, span in moved if span is not None]

    @asynccontextmanager
    async def _shown(self, title: str) -> AsyncIterator[None]:
        """Shown while it goes on, and known to those who may stop it."""
        key = f"{PROGRESS_KEY}{next(self._numbers)}"
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - it runs
        self._running[key] = task
        progress = self._editor.progress(title, key)
        try:
            yield
        finally:
            del self._running[key]
            progress.end()


def _context(place: Place, snapshot: Snapshot) -> Context:
    return Context(snapshot.code, snapshot.language, place.span, place.complaints, place.instruction)


def _stands(suggestion: Suggestion, snapshot: Snapshot) -> bool:
    """Whether its edits replace what the editor has: they were checked against what the model was shown."""
    return all(each.span.of(snapshot.text) == each.old_text for each in suggestion.edits)
