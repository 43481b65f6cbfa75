"""One conversation with one editor: its documents, their reviews, and what it is shown of them."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from kibitz.lsp.attention import Attention
from kibitz.lsp.documents import Change, Documents
from kibitz.lsp.faults import describe
from kibitz.lsp.notices import Notices
from kibitz.lsp.permission import Permission
from kibitz.lsp.rendering import diagnostic
from kibitz.lsp.scheduler import Scheduler
from kibitz.lsp.service import Assignment
from kibitz.lsp.stale import reason
from kibitz.lsp.status import account, summary
from kibitz.provider.errors import OpenAIError
from kibitz.provider.keys.consent import ConsentNeeded
from kibitz.provider.limits.priority import Priority

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lsprotocol import types

    from kibitz.lsp.clock import Clock
    from kibitz.lsp.documents import Document, Run
    from kibitz.lsp.service import Knobs, Outcome, ReviewService
    from kibitz.provider.fallback import Step
    from kibitz.provider.limits.priority import Urgency
    from kibitz.text.lines import Encoding
    from kibitz.text.snapshot import TextChange

logger = logging.getLogger(__name__)

DOCUMENTS_AT_ONCE = 4
"""So many documents are reviewed side by side."""
PROGRESS_AFTER_SECONDS = 0.5
"""A review that is done sooner shows no progress: most are, from the cache."""


class Progress(Protocol):
    """Something that the editor shows while it lasts."""

    def end(self) -> None:
        """It is over."""


class Editor(Protocol):
    """What a session tells the editor."""

    def publish(self, uri: str, version: int | None, diagnostics: Sequence[types.Diagnostic]) -> None:
        """These are all diagnostics of the document now."""

    def show(self, message: str) -> None:
        """Tell the user."""

    async def choose(self, message: str, choices: Sequence[str]) -> str | None:
        """Which of the choices the user takes; None if none of them, or if the editor cannot ask."""

    def progress(self, title: str, uri: str) -> Progress:
        """Show that a review of ``uri`` is under way, if the editor can."""


@dataclass(frozen=True, slots=True)
class Defaults:
    """How the server behaves until the settings are read."""

    enabled: bool = True
    trigger: str = "change"
    languages: Sequence[str] = ()
    debounce_ms: int = 500
    debounce_max_ms: int = 3000
    max_delay_ms: int = 5000
    max_file_bytes: int = 262_144
    verify: str = "off"


class Session:
    """Reacts to what happens in the editor. All methods are to be called on the event loop."""

    def __init__(self, editor: Editor, clock: Clock, encoding: Encoding) -> None:
        self.documents = Documents()
        self.notices = Notices(editor.show)
        self.knobs: Knobs = Defaults()
        self.service: ReviewService | None = None
        self.paused = False
        self._editor = editor
        self._clock = clock
        self._encoding = encoding
        self._scheduler = Scheduler(self, clock, at_once=DOCUMENTS_AT_ONCE)
        self.attention = Attention(clock, lambda uri: self._scheduler.rise(uri, Priority.FOCUSED))
        self._permission = Permission(
            editor.choose,
            refuse=lambda message: editor.show(f"kibitz: {message}"),
            allow=self._allow,
            allowed=self.review_all,
        )
        self._published: dict[str, object] = {}
        self._too_large: set[str] = set()

    @property
    def busy(self) -> int:
        """How many documents wait for their review, or are being reviewed."""
        return self._scheduler.pending

    # What the editor does

    def opened(self, uri: str, version: int, language_id: str, text: str) -> None:
        """A document is open now."""
        self._scheduler.cancel(uri)
        self.documents.open(uri, version, language_id, text)
        self.attend(uri)
        self.review_now(uri)

    def changed(self, uri: str, version: int, changes: Sequence[TextChange]) -> None:
        """A document was edited."""
        self.attend(uri)
        match self.documents.change(uri, version, changes, self._encoding):
            case Change.UNKNOWN:
                logger.warning("ignored a change of a document that is not open")
            case Change.REFUSED:
                self._lost(uri, f"version {version} does not follow what was there")
            case Change.DROPPED:
                self._publish(uri)
                self._review_later(uri)
            case Change.APPLIED:
                self._review_later(uri)

    def saved(self, uri: str) -> None:
        """A document was saved."""
        self.attend(uri)
        self.review_now(uri)

    def closed(self, uri: str) -> None:
        """A document is not open any more."""
        self.attention.lose(uri)
        self._scheduler.cancel(uri)
        self._too_large.discard(uri)
        if self.documents.close(uri) is not None and self._published.pop(uri, None):
            self._editor.publish(uri, None, [])

    def lost(self, uri: str | None) -> None:
        """The text of a document (None: of any) may not be what it was: a message was unreadable."""
        for document in self.documents:
            if uri in {None, document.uri}:
                self.documents.lose(document.uri)
                self._lost(document.uri, "a message about it could not be read")

    def attend(self, uri: str) -> None:
        """The user does something in that document: its review goes first."""
        if self.documents.get(uri) is not None:
            self.attention.turn(uri)

    # What the user asks for

    def analyze(self, uri: str | None) -> None:
        """Review what is new in the document, which somebody waits for; or (None) in all.

        Of all documents, only the one in focus goes before what is typed meanwhile. What was found without
        being verified is new, too, if verifying is done on demand.
        """
        for document in self.documents:
            if uri in {None, document.uri}:
                document.demanded = self.knobs.verify == "on-demand"
        if uri is None:
            self.review_all()
            uri = self.attention.focus
        else:
            self.attend(uri)
            self.review_now(uri)
        if uri is not None:
            self._scheduler.rise(uri, Priority.EXPLICIT)

    def review_now(self, uri: str) -> None:
        """Review what is new in the document, without waiting for a pause."""
        if self._active():
            self._scheduler.now(uri)

    def review_all(self) -> None:
        """Review what is new in all documents."""
        for document in self.documents:
            self.review_now(document.uri)

    def stop(self, uri: str | None = None) -> None:
        """Cancel the reviews that are under way or waiting, of one document or of all."""
        if uri is None:
            self._scheduler.cancel_all()
        else:
            self._scheduler.cancel(uri)
        for document in self.documents:
            if uri in {None, document.uri}:
                # It ends a moment later. What begins meanwhile must not take it for a review that will land.
                document.run = None

    def pause(self) -> None:
        """Review nothing until ``resume``; what was found stays."""
        self.paused = True
        self.stop()

    def resume(self) -> None:
        """Go on after ``pause``."""
        self.paused = False
        self.review_all()

    def use(self, knobs: Knobs, service: ReviewService | None) -> None:
        """New settings, and who reviews by them (None: nobody can)."""
        renewed = service is not self.service
        self.knobs, self.service = knobs, service
        if renewed or not knobs.enabled:
            self.stop()
        for document in self.documents:
            if not knobs.enabled:
                document.forget()
                self._publish(document.uri)
            elif renewed:
                document.reviewed = None
        self.review_all()

    def forget_reviews(self) -> None:
        """Review all documents again, as if they had changed."""
        for document in self.documents:
            document.reviewed = None
        self.review_all()

    async def status(self) -> str:
        """What goes on and what it takes, a sentence on each line."""
        service = self.service
        if service is None:
            state = "nobody reviews: no key, no local model, or it is still starting"
        elif not self.knobs.enabled:
            state = "switched off (setting enabled)"
        elif self.paused:
            state = "paused"
        else:
            state = f"{self.busy} reviews under way" if self.busy else "all reviewed"
        lines = [summary(self.documents, state)]
        focus = self.documents.get(self.attention.focus or "")
        if focus is not None:
            lines.append(account(focus))
        if service is not None:
            lines.extend(await service.status())
        return "\n".join(f"{line}." for line in lines if line)

    # What happens at the provider

    def stepped(self, step: Step) -> None:
        """Something else is asked than before; the log has it. Few steps are the user's business."""
        if step.message:
            self.notices.step(step.kind, step.message)

    def unconsented(self, error: ConsentNeeded) -> None:
        """A key was not sent for want of its owner's consent."""
        self._permission.need(error)

    # What the scheduler asks for

    def wanted(self, key: str) -> bool:
        """Whether the document can be reviewed, and its text is not reviewed or under review already."""
        document = self.documents.get(key)
        if document is None or not self._active() or not document.synced or not self._reviewable(document):
            return False
        self._publish(key)  # Where the findings moved to while the user typed.
        digest, run = document.snapshot.digest, document.run
        if run is not None and run.snapshot.digest == digest:
            return document.demanded and not run.verify
        return document.demanded or document.reviewed != digest

    def priority(self, key: str) -> Priority:
        """How urgent the document's review is, if nobody asks for it."""
        return Priority.FOCUSED if key == self.attention.focus else Priority.OPEN

    async def work(self, key: str, urgency: Urgency, take_over: Callable[[], None]) -> None:
        """Review the document as it is now. Whatever goes wrong, the last good findings stay."""
        document, service = self.documents.get(key), self.service
        if document is None or service is None:
            return
        # Begun before anything is waited for: of two, the newer begins last, whatever they wait for.
        run = document.begin()
        try:
            if await self._may_leave(document, service) and document.run is run:
                await self._review(document, run, service, urgency, take_over)
        except OpenAIError as error:
            self._failed(document, run, error)
            self._report(error)
        except Exception as error:  # noqa: BLE001 - our own mistake; the next review may go well
            self._failed(document, run, error)
            logger.error("a review failed: %s", describe(error))  # noqa: TRY400 - no messages
            self.notices.once("internal", "a review failed for a reason of its own; its log says where.")
        finally:
            if document.run is run:
                document.run = None

    @staticmethod
    async def _may_leave(document: Document, service: ReviewService) -> bool:
        if document.path is None:
            return True
        refusal = await asyncio.to_thread(service.refusal, document.path)
        if refusal is not None:
            logger.info("a document is not reviewed: %s", refusal)
        return refusal is None

    async def _review(
        self,
        document: Document,
        run: Run,
        service: ReviewService,
        urgency: Urgency,
        take_over: Callable[[], None],
    ) -> None:
        snapshot = run.snapshot

        def on_progress(so_far: Outcome) -> None:
            # It has its requests under way, and waits along for those of the older review that it needs too.
            take_over()
            self._land(document, run, so_far, final=False)

        shown: list[Progress] = []
        timer = self._clock.call_later(
            PROGRESS_AFTER_SECONDS,
            lambda: shown.append(self._editor.progress(f"Reviewing {document.name}", document.uri)),
        )
        try:
            language = document.language or snapshot.language
            assignment = Assignment(snapshot.text, language, document.path, verify=run.verify)
            outcome = await service.review(assignment, urgency, on_progress)
            if outcome.usage.requests and not outcome.errors:
                self.notices.settle()
            for failure in outcome.errors:
                self._report(failure)
            self._land(document, run, outcome, final=True)
        finally:
            timer.cancel()
            for progress in shown:
                progress.end()

    def _land(self, document: Document, run: Run, outcome: Outcome, *, final: bool) -> None:
        failure = reason(outcome.errors[0]) if final and outcome.errors else ""
        if document.land(run, outcome, final=final, failure=failure):
            self._publish(document.uri)

    def _failed(self, document: Document, run: Run, error: Exception) -> None:
        if document.doubt(run, reason(error)):
            self._publish(document.uri)

    def _report(self, error: OpenAIError) -> None:
        """Tell the user why a review failed, unless they are asked about it."""
        if isinstance(error, ConsentNeeded):
            self.unconsented(error)
        else:
            self.notices.failure(error)

    async def _allow(self, wanted: ConsentNeeded) -> None:
        if self.service is not None:
            await self.service.allow(wanted.origin, wanted.place)

    def _active(self) -> bool:
        return self.service is not None and self.knobs.enabled and not self.paused

    def _review_later(self, uri: str) -> None:
        if self._active():
            self._scheduler.later(uri, self.knobs.debounce_ms / 1000, self.knobs.max_delay_ms / 1000)

    def _reviewable(self, document: Document) -> bool:
        if document.language is None:
            return False
        text = document.snapshot.text
        size = len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
        if size <= self.knobs.max_file_bytes:
            self._too_large.discard(document.uri)
            return True
        if document.uri not in self._too_large:
            self._too_large.add(document.uri)
            logger.warning(
                "a document of %d bytes is not reviewed: max_file_bytes is %d",
                size,
                self.knobs.max_file_bytes,
            )
            document.forget()
            self._publish(document.uri)
        return False

    def _lost(self, uri: str, why: str) -> None:
        logger.warning("a document is not reviewed until its whole text comes again: %s", why)
        self._scheduler.cancel(uri)
        self._publish(uri)

    def _publish(self, uri: str) -> None:
        """Show the document's findings, unless that is what the editor shows already."""
        document = self.documents.get(uri)
        if document is None:
            return
        diagnostics = [diagnostic(shown, document.snapshot, self._encoding) for shown in document.shown]
        shown = [(d.range, d.message, d.severity, d.code) for d in diagnostics]
        if shown != self._published.get(uri, []):
            self._published[uri] = shown
            self._editor.publish(uri, document.snapshot.version, diagnostics)
