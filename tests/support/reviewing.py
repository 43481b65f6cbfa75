"""A reviewer for tests of the server: it finds what a test marks in the text, when the test lets it."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from kibitz.app.dismissals import suppression
from kibitz.app.projects import Projects, trust_of_user
from kibitz.findings.finding import Confidence, Finding, Fix, Severity
from kibitz.lsp.reviews import Defaults
from kibitz.lsp.service import Assignment, Health, Loading, Report, Survey
from kibitz.lsp.spending import Spending
from kibitz.provider.errors import OpenAIError
from kibitz.provider.models import Usage
from kibitz.telemetry.counts import Counts
from kibitz.text.spans import Span

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from kibitz.app.doctor import Line
    from kibitz.guard.trust import Decision
    from kibitz.lsp.service import Knobs, Listener, Outcome, ReviewService
    from kibitz.provider.limits.priority import Urgency
    from kibitz.provider.models import Context, ContextAnalysis, Suggestion
    from kibitz.review.result import Dismissed
    from kibitz.review.suppress import Suppression
    from kibitz.review.warm import Pace

MARK = re.compile(r"bug\d*")


@dataclass(frozen=True)
class FakeOutcome:
    findings: Sequence[Finding] = ()
    unreviewed: Sequence[Span] = ()
    errors: Sequence[OpenAIError] = ()
    requests: int = 1
    dismissed: Sequence[Dismissed] = ()

    @property
    def usage(self) -> Usage:
        return Usage(requests=self.requests, input_tokens=100 * self.requests, output_tokens=self.requests)


def finding(text: str, quote: str, new: str | None = None, *, title: str = "", sure: bool = True) -> Finding:
    """A finding about the first ``quote`` in ``text``, mended by ``new``."""
    span = Span(text.index(quote), text.index(quote) + len(quote))
    return Finding(
        rule="KB101",
        severity=Severity.WARNING,
        confidence=Confidence.CERTAIN if sure else Confidence.LIKELY,
        title=title or f"{quote} is wrong",
        trigger="any input gives nothing",
        span=span,
        quote=quote,
        fix=None if new is None else Fix(span, quote, new),
    )


def marked(text: str) -> list[Finding]:
    """A finding with a fix for each ``bug``, ``bug1``, … in the text."""
    return [finding(text, word, "fixed") for word in dict.fromkeys(MARK.findall(text))]


@dataclass
class Call:
    """A review that was asked for."""

    assignment: Assignment
    urgency: Urgency
    on_progress: Callable[[Outcome], None]
    answer: asyncio.Future[Outcome]
    cancelled: bool = False

    @property
    def text(self) -> str:
        return self.assignment.text

    @property
    def language(self) -> str:
        return self.assignment.language

    @property
    def path(self) -> str | None:
        return self.assignment.path

    @property
    def verify(self) -> bool:
        return self.assignment.verify


@dataclass
class FakeService:
    """Answers at once with what is marked, or, if ``manual``, when the test sets the call's answer."""

    manual: bool = False
    calls: list[Call] = field(default_factory=list)
    looks: list[Assignment] = field(default_factory=list)
    """What was only to be looked up."""
    prepared: list[Assignment] = field(default_factory=list)
    """What a review was said to come of."""
    knows: bool = False
    """Whether all is known without asking; else nothing is."""
    suggestions: asyncio.Future[Sequence[Suggestion]] = field(default_factory=asyncio.Future)
    explanation: asyncio.Future[ContextAnalysis] = field(default_factory=asyncio.Future)
    places: list[Context] = field(default_factory=list)
    """What was asked about for suggestions, or an explanation."""
    refused: dict[str, str] = field(default_factory=dict)
    cleared: int = 0
    raised: int = 0
    allowed: list[tuple[str, str]] = field(default_factory=list)
    unwritable: OSError | None = None
    projects: Sequence[Path] = ()
    """Folders with rules of their own."""
    decided: dict[Path, Decision] = field(default_factory=dict)
    reloaded: int = 0
    readied: int = 0
    unready: OpenAIError | None = None
    no_keys: OpenAIError | None = None
    listener: Listener | None = None
    closed: bool = False
    roots: Sequence[str] = ()
    recent: Sequence[str] = ()
    """Paths of files that may be prepared."""
    warmed: list[str] = field(default_factory=list)
    paces: list[Pace] = field(default_factory=list)
    warm_until: asyncio.Event | None = None
    """What each file waits for."""
    warm_error: Exception | None = None
    condition: Health = field(default_factory=lambda: Health("fake"))
    files: dict[str, str] = field(default_factory=dict)
    """The texts of the files in the open folders, by path."""
    surveyed: Survey | OpenAIError | None = None
    """What a review of the workspace would take; None: nothing, and all ``files`` are there."""
    costs: Counts | None = None
    """What today cost."""

    async def prepare(self, assignment: Assignment) -> None:
        self.prepared.append(assignment)

    async def review(
        self, assignment: Assignment, urgency: Urgency, on_progress: Callable[[Outcome], None]
    ) -> Outcome:
        answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        call = Call(assignment, urgency, on_progress, answer)
        if not assignment.ask:
            self.looks.append(assignment)
            return self.known(assignment)
        self.calls.append(call)
        if not self.manual:
            return FakeOutcome(marked(assignment.text))
        try:
            return await call.answer
        except asyncio.CancelledError:
            call.cancelled = True
            raise

    def known(self, assignment: Assignment) -> FakeOutcome:
        whole = Span(0, len(assignment.text))
        if self.knows:
            return FakeOutcome(marked(assignment.text), requests=0)
        return FakeOutcome(unreviewed=(whole,), requests=0)

    async def suggest(self, place: Context) -> Sequence[Suggestion]:
        self.places.append(place)
        return await asyncio.shield(self.suggestions)

    async def explain(self, place: Context) -> ContextAnalysis:
        self.places.append(place)
        return await asyncio.shield(self.explanation)

    @property
    def texts(self) -> list[str]:
        return [call.text for call in self.calls]

    async def ready(self) -> None:
        self.readied += 1
        if self.unready is not None:
            raise self.unready

    @property
    def dismissals(self) -> Suppression:
        return suppression(Projects(trust_of_user()))

    def refusal(self, path: str) -> str | None:
        return self.refused.get(path)

    def set_roots(self, roots: Sequence[str]) -> None:
        self.roots = roots

    async def raise_budget(self) -> str:
        self.raised += 1
        return "more may be spent"

    async def clear_cache(self) -> str:
        self.cleared += 1
        return "some stay"

    async def allow(self, origin: str, place: str) -> None:
        if self.unwritable is not None:
            raise self.unwritable
        self.allowed.append((origin, place))

    async def undecided(self) -> Sequence[Path]:
        return [root for root in self.projects if root not in self.decided]

    async def decide(self, root: Path, decision: Decision) -> None:
        if self.unwritable is not None:
            raise self.unwritable
        self.decided[root] = decision

    async def reload_keys(self) -> Sequence[str]:
        self.reloaded += 1
        if self.no_keys is not None:
            raise self.no_keys
        return ["key 0a1b2c3d from file /x/key: in use"]

    async def warm(
        self, pace: Pace, is_open: Callable[[str], bool], on_step: Callable[[int, int], None]
    ) -> str:
        self.paces.append(pace)
        if self.warm_error is not None:
            raise self.warm_error
        for done, path in enumerate(self.recent):
            await pace.wait()
            if not is_open(path):
                self.warmed.append(path)
            on_step(done + 1, len(self.recent))
            if self.warm_until is not None:
                await self.warm_until.wait()
        return f"{len(self.warmed)} files" if self.recent else ""

    async def survey(self, on_step: Callable[[int, int], None]) -> Survey:
        if isinstance(self.surveyed, OpenAIError):
            raise self.surveyed
        on_step(len(self.files), len(self.files))
        return self.surveyed or Survey(tuple(self.files))

    async def assignment(self, path: str) -> Assignment | None:
        text = self.files.get(path)
        return None if text is None else Assignment(text, "python", path)

    def health(self) -> Health:
        return replace(self.condition, requests=len(self.calls))

    async def today(self) -> Counts | None:
        return self.costs

    async def usage(self) -> Spending:
        models = None if self.costs is None else {"fake": self.costs}
        return Spending(self.costs or Counts(), models, {})

    async def status(self) -> Sequence[str]:
        return [f"fake, {len(self.calls)} requests"]

    async def aclose(self) -> None:
        self.closed = True


class FakeBackend:
    """Hands out the services that a test prepared; an error instead of one is raised."""

    def __init__(self, *services: FakeService | Exception, knobs: Knobs | None = None) -> None:
        self.services = list(services) or [FakeService()]
        self.knobs: Knobs = knobs or Defaults()
        self.problems: tuple[str, ...] = ()
        self.own: Mapping[str, Knobs] = {}
        """The settings of folders that have their own."""
        self.loaded: list[object] = []
        self.folders: list[Mapping[str, object]] = []
        """What was said for folders, each time."""
        self.built = 0
        self.rebuild = True
        self.lines: list[Line] = []
        self.examined: list[bool] = []
        """Whether each was offline."""
        self.reported: list[tuple[Mapping[str, object], Sequence[Path]]] | OSError = []
        """What was reported, for which folders; or why nothing can be."""
        self.pages: list[int] | OSError = []
        """Of how many days usage reports were wanted; or why there is none."""

    async def load(
        self,
        editor: object,
        cli: Mapping[str, object],  # noqa: ARG002 - as the protocol
        folders: Mapping[str, object],
    ) -> Loading:
        self.loaded.append(editor)
        self.folders.append(folders)
        return Loading(self.knobs, self.problems, self.problems, self.rebuild, self.own)

    async def examine(self, *, offline: bool) -> Sequence[Line]:
        self.examined.append(offline)
        return self.lines

    async def report(self, server: Mapping[str, object], folders: Sequence[Path]) -> Report:
        if isinstance(self.reported, OSError):
            raise self.reported
        self.reported.append((server, folders))
        return Report(Path("/state/reports/report.zip"), ("README.txt: what this is",))

    async def usage_report(self, days: int) -> Path:
        if isinstance(self.pages, OSError):
            raise self.pages
        self.pages.append(days)
        return Path("/state/usage.html")

    async def build(self, roots: Sequence[str], listener: Listener) -> ReviewService:
        service = self.services[min(self.built, len(self.services) - 1)]
        self.built += 1
        if isinstance(service, Exception):
            raise service
        service.roots, service.listener = roots, listener
        return service
