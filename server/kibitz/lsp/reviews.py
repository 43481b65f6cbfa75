"""The reviews of one session: what the scheduler runs, and how their findings land."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from kibitz.lsp.documents import Intent
from kibitz.lsp.faults import describe
from kibitz.lsp.pacing import Pacing
from kibitz.lsp.service import Assignment
from kibitz.lsp.stale import reason
from kibitz.lsp.tracing import Trace
from kibitz.provider.errors import OpenAIError
from kibitz.provider.limits.priority import Priority

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kibitz.lsp.clock import Clock
    from kibitz.lsp.documents import Document, Documents, Run
    from kibitz.lsp.notices import Notices
    from kibitz.lsp.service import Knobs, Outcome, ReviewService
    from kibitz.provider.limits.priority import Urgency
    from kibitz.text.snapshot import Snapshot
    from kibitz.text.spans import Span

logger = logging.getLogger(__name__)

PROGRESS_AFTER_SECONDS = 0.5
"""A review that is done sooner shows no progress: most are, from the cache."""


class Progress(Protocol):
    """Something that the editor shows while it lasts."""

    def report(self, message: str, percentage: int) -> None:
        """It is as far as that."""

    def end(self) -> None:
        """It is over."""


class Shows(Protocol):
    """Shows progress."""

    def progress(self, title: str, uri: str) -> Progress:
        """Show that a review of ``uri`` is under way, if the editor can."""


class Again(Protocol):
    """Has a document reviewed."""

    def __call__(self, key: str, *, instead: bool) -> None:
        """Review it at once, ``instead`` of what was to come later, or as well."""


@dataclass(frozen=True, slots=True)
class Defaults:
    """How the server behaves until the settings are read."""

    enabled: bool = True
    trigger: str = "change"
    languages: Sequence[str] = ()
    rules_off: Sequence[str] = ()
    debounce_ms: int = 500
    debounce_max_ms: int = 3000
    max_delay_ms: int = 5000
    max_file_bytes: int = 262_144
    verify: str = "off"
    dismissals: str = "user"
    diagnostics: str = "push"


class Reviews:
    """What is reviewed, by whom and by which settings: ``Work`` for the scheduler."""

    def __init__(
        self,
        documents: Documents,
        notices: Notices,
        clock: Clock,
        shows: Shows,
        *,
        publish: Callable[[Document], None],
        report: Callable[[OpenAIError], None],
    ) -> None:
        """Prepare.

        Args:
            documents: those that are open.
            notices: what the user is told.
            clock: time.
            shows: shows progress.
            publish: shows a document's findings.
            report: tells the user why a review failed.
        """
        self.knobs: Knobs = Defaults()
        self.knobs_at: Callable[[str | None], Knobs] = lambda _path: self.knobs
        """The settings that count for a path."""
        self.service: ReviewService | None = None
        self.paused = False
        self.focus: Callable[[], str | None] = lambda: None
        self.again: Again = lambda key, *, instead: None  # noqa: ARG005 - as the protocol
        """Is told a document that has to be reviewed once more, at once; see ``Scheduler.now``."""
        self.on_change: Callable[[], None] = lambda: None
        """Is told when a review begins, lands or fails."""
        self.on_first_finding: Callable[[float], None] = lambda _: None
        """Is told how many seconds a review took to find something that nobody knew."""
        self.trace = Trace(lambda _params: None)
        self.pacing = Pacing()
        self._documents = documents
        self._notices = notices
        self._clock = clock
        self._shows = shows
        self._publish = publish
        self._report = report
        self._too_large: set[str] = set()
        self._preparing: set[asyncio.Task[None]] = set()

    def knobs_of(self, document: Document) -> Knobs:
        """The settings that count for a document."""
        return self.knobs_at(document.path)

    @property
    def active(self) -> bool:
        """Whether anything is reviewed at all."""
        return self.service is not None and not self.paused

    def serves(self, document: Document) -> bool:
        """Whether documents of its language are reviewed where it is."""
        knobs, language = self.knobs_of(document), document.language
        return knobs.enabled and language is not None and language in (knobs.languages or (language,))

    def closed(self, uri: str) -> None:
        """That document is not open any more."""
        self._too_large.discard(uri)

    # What the scheduler asks for

    def prepare(self, key: str) -> None:
        """The typing may rest: have done what a review of the text as it is now begins with."""
        document, service = self._documents.get(key), self.service
        if document is None or service is None or not self._is_news(document):
            return
        intent, snapshot = self._rested(document), document.snapshot
        assignment = _assignment(document, snapshot, intent, document.edited, verify=document.demanded)
        task = asyncio.get_running_loop().create_task(_prepared(service, assignment))
        self._preparing.add(task)
        task.add_done_callback(self._preparing.discard)

    def due(self, key: str) -> None:
        """The typing rests."""
        document = self._documents.get(key)
        if document is not None:
            document.background = False
            document.intent = self._rested(document)

    def wanted(self, key: str) -> bool:
        """Whether the document can be reviewed, and its text is not reviewed or under review already."""
        document = self._documents.get(key)
        if document is None or not self.active or not document.synced or not self._reviewable(document):
            return False
        self._publish(document)  # Where the findings moved to while the user typed.
        digest, run = document.snapshot.digest, document.run
        if run is not None and run.snapshot.digest == digest:
            if run.intent is Intent.LOOK and document.intent > run.intent:
                return True
            # What a run leaves open for syntax is asked about when it is over; see ``_finish``.
            return document.demanded and not run.verify
        return document.demanded or document.reviewed != digest

    def priority(self, key: str) -> Priority:
        """How urgent the document's review is, if nobody asks for it."""
        return Priority.FOCUSED if key == self.focus() else Priority.OPEN

    async def work(self, key: str, urgency: Urgency, take_over: Callable[[], None]) -> None:
        """Review the document as it is now. Whatever goes wrong, the last good findings stay."""
        document, service = self._documents.get(key), self.service
        if document is None or service is None:
            return
        # Begun before anything is waited for: of two, the newer begins last, whatever they wait for.
        run = document.begin()
        self.trace.began(document, run)
        self.on_change()
        try:
            if not await _may_leave(document, service):
                self.trace.failed(document, run, "the file must not be sent anywhere")
                if document.run is run:
                    self._drop(document)
            elif document.run is run:
                await self._review(document, run, service, urgency, take_over)
        except asyncio.CancelledError:
            self.trace.failed(document, run, "cancelled")
            raise
        except OpenAIError as error:
            self._failed(document, run, error)
            self._report(error)
        except Exception as error:  # noqa: BLE001 - our own mistake; the next review may go well
            self._failed(document, run, error)
            logger.error("a review failed: %s", describe(error))  # noqa: TRY400 - no messages
            self._notices.once("internal", "a review failed for a reason of its own; its log says where.")
        finally:
            if document.run is run:
                document.run = None
            self.on_change()

    async def _review(
        self,
        document: Document,
        run: Run,
        service: ReviewService,
        urgency: Urgency,
        take_over: Callable[[], None],
    ) -> None:
        snapshot, shown = run.snapshot, _Shown(self._shows, document, self._clock)
        began, news = self._clock.now(), False

        def look_for_news(so_far: Outcome) -> None:
            nonlocal news
            if not news and any(each.origin and not each.origin.cached for each in so_far.findings):
                news = True
                self.on_first_finding(self._clock.now() - began)

        def on_progress(so_far: Outcome) -> None:
            look_for_news(so_far)
            # It has its requests under way, and waits along for those of the older review that it needs too.
            take_over()
            shown.report(so_far, len(snapshot.text))
            self._land(document, run, so_far, final=False)

        assignment = _assignment(document, snapshot, run.intent, run.edited, verify=run.verify)
        try:
            outcome = await service.review(assignment, urgency, on_progress)
        finally:
            shown.end()
        look_for_news(outcome)
        if outcome.usage.requests and not outcome.errors:
            self.pacing.answered(self._clock.now() - began)
            self._notices.settle()
        for failure in outcome.errors:
            self._report(failure)
        self.trace.ended(document, run, outcome, self._clock.now() - began)
        self._land(document, run, outcome, final=True)
        self._finish(document, run)

    def _finish(self, document: Document, run: Run) -> None:
        """More is wanted than when it began, such as what it had left for the next pause."""
        left = document.reviewed is None and document.snapshot.digest == run.snapshot.digest
        if left and (run.outdated or document.intent > run.intent):
            self.again(document.uri, instead=document.intent is not Intent.LOOK)

    def _land(self, document: Document, run: Run, outcome: Outcome, *, final: bool) -> None:
        failure = reason(outcome.errors[0]) if final and outcome.errors else ""
        if document.land(run, outcome, final=final, failure=failure):
            self._publish(document)

    def _failed(self, document: Document, run: Run, error: Exception) -> None:
        self.trace.failed(document, run, type(error).__name__)
        if document.doubt(run, reason(error)):
            self._publish(document)

    def _rested(self, document: Document) -> Intent:
        """What a review of a document is for, once the typing rests."""
        asks = self.knobs_of(document).trigger == "change"
        return max(document.intent, Intent.TYPED if asks else Intent.LOOK)

    def _is_news(self, document: Document) -> bool:
        """Whether there is a text to be reviewed that is not under review; says so to nobody."""
        if not self.active or not document.synced or not self.serves(document):
            return False
        snapshot, run = document.snapshot, document.run
        if snapshot.digest in {document.reviewed, run.snapshot.digest if run is not None else None}:
            return False
        return _bytes_in(snapshot.text) <= self.knobs_of(document).max_file_bytes

    def _reviewable(self, document: Document) -> bool:
        if not self.serves(document):
            self._drop(document)
            return False
        knobs, size = self.knobs_of(document), _bytes_in(document.snapshot.text)
        if size <= knobs.max_file_bytes:
            self._too_large.discard(document.uri)
            return True
        if document.uri not in self._too_large:
            self._too_large.add(document.uri)
            logger.warning(
                "a document of %d bytes is not reviewed: max_file_bytes is %d", size, knobs.max_file_bytes
            )
            self._drop(document)
        return False

    def _drop(self, document: Document) -> None:
        """Nothing is to be said about it, and nothing is."""
        shown = document.shown or document.dismissed
        document.forget()
        if shown:
            self._publish(document)


class _Shown:
    """The progress of one review, shown when it takes a while."""

    def __init__(self, shows: Shows, document: Document, clock: Clock) -> None:
        self._shows = shows
        self._document = document
        self._progress: Progress | None = None
        self._told = 0
        self._timer = clock.call_later(PROGRESS_AFTER_SECONDS, self._begin)

    def _begin(self) -> None:
        self._progress = self._shows.progress(f"Reviewing {self._document.name}", self._document.uri)

    def report(self, so_far: Outcome, length: int) -> None:
        """So much of a text of ``length`` code points is known."""
        open_ones = sum(len(span) for span in so_far.unreviewed)
        known = max(self._told, min(99, 100 - 100 * open_ones // max(length, 1)))
        if self._progress is not None and known > self._told:
            self._told = known
            self._progress.report(f"{known} %", known)

    def end(self) -> None:
        """It is over."""
        self._timer.cancel()
        if self._progress is not None:
            self._progress.end()


def _assignment(
    document: Document, snapshot: Snapshot, intent: Intent, edited: tuple[Span, ...], *, verify: bool
) -> Assignment:
    return Assignment(
        snapshot.code,
        document.language or snapshot.language,
        document.path,
        edited=edited if intent is Intent.TYPED else (),
        ask=intent is not Intent.LOOK,
        verify=verify,
    )


def _bytes_in(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


async def _prepared(service: ReviewService, assignment: Assignment) -> None:
    try:
        await service.prepare(assignment)
    except Exception as error:  # noqa: BLE001 - the review meets the same, and says so
        logger.debug("a review could not be prepared: %s", type(error).__name__)


async def _may_leave(document: Document, service: ReviewService) -> bool:
    if document.path is None:
        return True
    refusal = await asyncio.to_thread(service.refusal, document.path)
    if refusal is not None:
        logger.info("a document is not reviewed: %s", refusal)
    return refusal is None
