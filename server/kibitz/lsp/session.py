"""One conversation with one editor: its documents, what is done in them, and what the user asks for."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Protocol

from kibitz.lsp.attention import SETTLE_SECONDS, Attention
from kibitz.lsp.documents import Change, Documents, Intent
from kibitz.lsp.hinting import Hinting
from kibitz.lsp.notices import Notices
from kibitz.lsp.permission import Permission
from kibitz.lsp.publisher import Publisher, Screen
from kibitz.lsp.raising import Raising
from kibitz.lsp.reviews import Reviews, Shows
from kibitz.lsp.scheduler import Scheduler
from kibitz.provider.fallback import BUDGET
from kibitz.provider.keys.consent import ConsentNeeded
from kibitz.provider.limits.priority import Priority
from kibitz.telemetry import security

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kibitz.lsp.capabilities import Client
    from kibitz.lsp.clock import Clock
    from kibitz.lsp.documents import Document
    from kibitz.lsp.service import Knobs, ReviewService
    from kibitz.lsp.shown import Shown
    from kibitz.provider.errors import OpenAIError
    from kibitz.provider.fallback import Step
    from kibitz.text.snapshot import TextChange

logger = logging.getLogger(__name__)

DOCUMENTS_AT_ONCE = 4
"""So many documents are reviewed side by side."""
BACKGROUND_SECONDS = 2.0
"""A document that is opened along with others, and not looked at, is asked about only after so long: editors
open files for their own purposes, and close them at once."""


class Editor(Screen, Shows, Protocol):
    """What a session tells the editor."""

    def show(self, message: str) -> None:
        """Tell the user."""

    async def choose(self, message: str, choices: Sequence[str]) -> str | None:
        """Which of the choices the user takes; None if none of them, or if the editor cannot ask."""


class Session:
    """Reacts to what happens in the editor. All methods are to be called on the event loop."""

    def __init__(self, editor: Editor, clock: Clock, client: Client) -> None:
        self.documents = Documents()
        self.notices = Notices(editor.show)
        self.publisher = Publisher(editor, client, clock)
        self.reviews = Reviews(
            self.documents,
            self.notices,
            clock,
            editor,
            publish=self.publisher.publish,
            report=self._report,
        )
        self.hinting = Hinting(self.documents, clock, publish=self.publisher.publish, knobs_of=self.knobs_of)
        self._clock = clock
        self._client = client
        self._scheduler = Scheduler(self.reviews, clock, at_once=DOCUMENTS_AT_ONCE)
        self.attention = Attention(clock, self._looked_at)
        self.reviews.focus = lambda: self.attention.focus
        self.reviews.again = self._scheduler.now
        self._permission = Permission(
            editor.choose,
            refuse=lambda message: editor.show(f"kibitz: {message}"),
            allow=self._allow,
            allowed=self.review_all,
        )
        self._raising = Raising(editor.choose, self._raise_budget, self.review_all)
        self._opened_at: float | None = None

    @property
    def knobs(self) -> Knobs:
        """The settings where no folder has its own."""
        return self.reviews.knobs

    @property
    def service(self) -> ReviewService | None:
        """Who reviews; None: nobody can."""
        return self.reviews.service

    @property
    def paused(self) -> bool:
        """Whether nothing is reviewed for now."""
        return self.reviews.paused

    @property
    def busy(self) -> int:
        """How many documents wait for their review, or are being reviewed."""
        return self._scheduler.pending

    def knobs_of(self, document: Document) -> Knobs:
        """The settings that count for a document."""
        return self.reviews.knobs_of(document)

    # What the editor does

    def opened(
        self, uri: str, version: int, language_id: str, text: str, known: tuple[Shown, ...] = ()
    ) -> None:
        """A document is open now; what is ``known`` of its text is shown until it is reviewed."""
        document = self.documents.open(uri, version, language_id, text)
        document.shown = known
        self.entered(document)

    def entered(self, document: Document) -> None:
        """A document is among the documents now."""
        self._scheduler.cancel(document.uri)
        self.publisher.publish(document)  # Nothing, mostly; it may have been open already.
        now, before = self._clock.now(), self._opened_at
        self._opened_at = now
        document.background = before is not None and now - before < SETTLE_SECONDS
        self.attend(document.uri)
        self.hinting.look(document)
        self._begin(document)

    def changed(self, uri: str, version: int, changes: Sequence[TextChange]) -> None:
        """A document was edited."""
        self.applied(uri, self.documents.change(uri, version, changes, self._client.encoding))

    def applied(self, uri: str, change: Change) -> None:
        """That is what an edit of a document did."""
        self.attend(uri)
        match change:
            case Change.UNKNOWN:
                logger.warning("ignored a change of a document that is not open")
            case Change.REFUSED:
                self._lost(uri, "its new version does not follow what was there")
            case Change.TOUCHED:
                # What the editor asked right behind it is answered first.
                self._clock.call_later(0.0, partial(self._publish, uri))
                self._typed(uri)
            case Change.APPLIED:
                self._typed(uri)

    def saved(self, uri: str) -> None:
        """A document was saved."""
        self.attend(uri)
        document = self.documents.get(uri)
        if document is not None:
            manual = self.knobs_of(document).trigger == "manual"
            self._now(document, Intent.LOOK if manual else Intent.WANTED)

    def closed(self, uri: str, *, stays: bool = False) -> None:
        """A document is not open any more; whether what is shown of it ``stays``, by somebody else's word."""
        self.attention.lose(uri)
        self._scheduler.cancel(uri)
        self.reviews.closed(uri)
        self.hinting.closed(uri)
        document = self.documents.close(uri)
        if document is not None:
            self.publisher.clear(document, stays=stays)
        self.reviews.on_change()

    def lost(self, uri: str | None) -> None:
        """The text of a document (None: of any) may not be what it was: a message was unreadable."""
        for document in self.documents.meant(uri):
            self.documents.lose(document.uri)
            self._lost(document.uri, "a message about it could not be read")

    def attend(self, uri: str) -> None:
        """The user does something in that document: its review goes first."""
        document = self.documents.get(uri)
        if document is not None:
            self.attention.turn(document.uri)

    # What the user asks for

    def analyze(self, uri: str | None) -> None:
        """Review what is new in the document, which somebody waits for; or (None) in all.

        Of all documents, only the one in focus goes before what is typed meanwhile. What was found without
        being verified is new, too, if verifying is done on demand.
        """
        for document in self.documents.meant(uri):
            document.demanded = self.knobs_of(document).verify == "on-demand"
            self._now(document, Intent.WANTED)
        if uri is not None:
            self.attend(uri)
        for document in self.documents.meant(uri or self.attention.focus or ""):
            self._scheduler.rise(document.uri, Priority.EXPLICIT)

    def review_all(self) -> None:
        """Review what is new in all documents, as far as their triggers let that happen by itself."""
        for document in self.documents:
            self._begin(document)

    def stop(self, uri: str | None = None) -> None:
        """Cancel the reviews that are under way or waiting, of one document or of all."""
        for document in self.documents.meant(uri):
            self._scheduler.cancel(document.uri)
            # It ends a moment later. What begins meanwhile must not take it for a review that will land.
            document.run = None
        self.reviews.on_change()

    def pause(self) -> None:
        """Review nothing until ``resume``; what was found stays."""
        self.reviews.paused = True
        self.stop()

    def resume(self) -> None:
        """Go on after ``pause``."""
        self.reviews.paused = False
        self.reviews.on_change()
        self.review_all()

    def use(
        self, knobs: Knobs, service: ReviewService | None, at: Callable[[str | None], Knobs] | None = None
    ) -> None:
        """New settings (``at`` a path, where folders have their own), and who reviews by them."""
        reviews = self.reviews
        renewed = service is not reviews.service
        reviews.knobs, reviews.service = knobs, service
        reviews.knobs_at = at or (lambda _path: knobs)
        for document in self.documents:
            self.hinting.look(document)
            if renewed or not self.knobs_of(document).enabled:
                self.stop(document.uri)
            if not self.knobs_of(document).enabled:
                document.forget()
                self._publish(document.uri)
            elif renewed:
                document.outdate()
        reviews.on_change()
        self.review_all()

    def forget_reviews(self) -> None:
        """Review all documents again, as if they had changed."""
        for document in self.documents:
            document.outdate()
        self.review_all()

    def look_again(self, uri: str) -> None:
        """Show what is known of a document anew: other findings may be wanted now."""
        document = self.documents.get(uri)
        if document is not None:
            document.outdate()
            self._look(document)

    # What happens at the provider

    def stepped(self, step: Step) -> None:
        """Something else is asked than before; the log has it. Few steps are the user's business."""
        if step.message:
            self.notices.step(step.kind, step.message)

    def warned(self, message: str) -> None:
        """Something that is worth knowing, and changes nothing yet."""
        self.notices.once(("budget", message), message)

    def unconsented(self, error: ConsentNeeded) -> None:
        """A key was not sent for want of its owner's consent."""
        self._permission.need(error)

    def _report(self, error: OpenAIError) -> None:
        """Tell the user why a review failed, unless they are asked about it."""
        if isinstance(error, ConsentNeeded):
            self.unconsented(error)
        elif error.code == BUDGET:
            self._raising.need(error)
        else:
            self.notices.failure(error)

    async def _raise_budget(self) -> str:
        return "" if self.service is None else await self.service.raise_budget()

    async def _allow(self, wanted: ConsentNeeded) -> None:
        if self.service is not None:
            await self.service.allow(wanted.origin, wanted.place)

    # When

    def _begin(self, document: Document) -> None:
        """Review what is new, if documents are reviewed without being asked for; else look."""
        asks = self.knobs_of(document).trigger == "change" and not document.background
        self._now(document, Intent.WANTED if asks else Intent.LOOK)
        if document.background:
            self._later(document, BACKGROUND_SECONDS, BACKGROUND_SECONDS)

    def _look(self, document: Document) -> None:
        self._now(document, Intent.LOOK)

    def _now(self, document: Document, intent: Intent) -> None:
        if self.reviews.active:
            if intent is not Intent.LOOK:
                document.background = False
            document.intent = max(document.intent, intent)
            self._scheduler.now(document.uri, instead=intent is not Intent.LOOK)

    def _typed(self, uri: str) -> None:
        document = self.documents.get(uri)
        if document is not None:
            document.background = False
            self.hinting.later(document)
            knobs, pacing = self.knobs_of(document), self.reviews.pacing
            pacing.typed(self._clock.now())
            pause = pacing.pause(knobs.debounce_ms / 1000, knobs.debounce_max_ms / 1000)
            self._later(document, pause, knobs.max_delay_ms / 1000)

    def _later(self, document: Document, seconds: float, at_most: float) -> None:
        if self.reviews.active:
            self._scheduler.later(document.uri, seconds, at_most)

    def _looked_at(self, uri: str) -> None:
        """The user turned to a document, and stays."""
        document = self.documents.get(uri)
        if document is not None and document.background:
            document.background = False
            self._begin(document)
        self._scheduler.rise(uri, Priority.FOCUSED)

    def _lost(self, uri: str, why: str) -> None:
        logger.warning("a document is not reviewed until its whole text comes again: %s", why)
        security.note(security.Event.INPUT_REJECTED, reason="desync")
        self._scheduler.cancel(uri)
        self._publish(uri)

    def _publish(self, uri: str) -> None:
        document = self.documents.get(uri)
        if document is not None:
            self.publisher.publish(document)
            self.reviews.on_change()
