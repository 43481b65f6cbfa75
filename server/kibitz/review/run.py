"""One review under way: what is known of each unit, what is waited for, and the state that this makes."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from kibitz.provider.errors import APIError, ConfigError, OpenAIError
from kibitz.provider.fallback import BUDGET
from kibitz.provider.models import PieceAnalysis, Usage, Verification
from kibitz.review.assemble import assemble
from kibitz.review.result import Review, Stats

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from kibitz.cache.flight import Flight
    from kibitz.findings.finding import Finding
    from kibitz.provider.limits.priority import Urgency
    from kibitz.review.entries import Entry
    from kibitz.review.result import ReviewSettings

UnitFlight: TypeAlias = "Flight[PieceAnalysis, Urgency]"


@dataclass(slots=True)
class Batch:
    """What one request asks, and what it took."""

    entries: tuple[Entry, ...]
    verify: bool = False
    found: Mapping[str, PieceAnalysis] = field(default_factory=dict)
    """What is known of some of the entries, by digest, and only has to be verified."""
    retry: bool = False
    """Whether to ask again for what is known to fail."""
    usage: Usage = field(default_factory=Usage)
    redactions: int = 0
    verification: Verification = field(default_factory=Verification)


@dataclass(slots=True)
class Run:
    """The state of one review. Everything here is by the digest of an entry."""

    entries: tuple[Entry, ...]
    verify: bool = False
    """Whether only findings that were verified will do."""
    retry: bool = False
    """Whether to ask again for what is known to fail."""
    known: dict[str, PieceAnalysis] = field(default_factory=dict)
    unverified: dict[str, PieceAnalysis] = field(default_factory=dict)
    """What would be known if it did not have to be verified."""
    stale: dict[str, PieceAnalysis] = field(default_factory=dict)
    """What is known and too old, in case that nothing newer comes."""
    early: dict[str, PieceAnalysis] = field(default_factory=dict)
    """Findings that were shown before their answer was complete."""
    cached: frozenset[str] = frozenset()
    shared: frozenset[str] = frozenset()
    failed: set[str] = field(default_factory=set)
    errors: dict[tuple[type[OpenAIError], str], OpenAIError] = field(default_factory=dict)
    waiting: list[UnitFlight] = field(default_factory=list)
    batches: list[Batch] = field(default_factory=list)
    waits: frozenset[str] = frozenset()
    """What is half typed, and not asked about yet."""
    dismissed: Callable[[Finding], str | None] | None = None
    """Why the user does not want to see a finding."""
    _owners: dict[str, str] = field(init=False)
    """From each key that an entry accepts to the entry's digest."""

    def __post_init__(self) -> None:
        self._owners = {key: entry.digest for entry in self.entries for key in entry.keys}

    def accept(self, key: str, analysis: PieceAnalysis) -> bool:
        """Take an answer that was found under ``key``. Whether it does as it is."""
        digest = self._owners[key]
        # Where nothing was found, there is nothing to verify.
        if self.verify and key != digest and analysis.findings:
            self.unverified[digest] = analysis
            return False
        self.known[digest] = analysis
        return True

    def collect(self) -> bool:
        """Take what has landed, and part with the flights that are done. Whether there was anything new."""
        before = self._mark()
        for flight in self.waiting:
            for key in self._owners.keys() & flight.landed.keys():
                self.accept(key, flight.landed[key])
            for key in self._owners.keys() & flight.previews.keys():
                self.early[self._owners[key]] = flight.previews[key]
            lost = self._owners.keys() & (set(flight.keys) - flight.landed.keys())
            for key in lost & flight.failed.keys():
                self.fail({self._owners[key]}, flight.failed[key])
            if flight.error is not None and (rest := lost - flight.failed.keys()):
                self.fail({self._owners[key] for key in rest}, flight.error)
        self.waiting = [flight for flight in self.waiting if not flight.done]
        return self._mark() != before

    def _mark(self) -> tuple[object, ...]:
        """What tells whether anything is new: answers only come, and previews only grow."""
        previews = sum(len(analysis.findings) for analysis in self.early.values())
        return len(self.known), len(self.failed), previews

    def fail(self, digests: Iterable[str], error: BaseException) -> None:
        """Note why there is no answer. What is no failure of a provider is our bug: raised."""
        if isinstance(error, asyncio.CancelledError):
            error = APIError("the review was stopped because kibitz is shutting down", retryable=True)
        if not isinstance(error, OpenAIError):
            raise error
        self.errors.setdefault((type(error), error.message), error)
        for digest in digests:
            if digest in self.stale:
                self.known[digest] = self.stale[digest]
            else:
                self.failed.add(digest)

    def put_off(self, entries: Iterable[Entry]) -> None:
        """Some units are not asked about in this review."""
        digests = frozenset(entry.digest for entry in entries)
        self.failed |= digests
        self.waits |= frozenset(entry.digest for entry in self.entries if entry.waits) & digests

    def unchecked(self) -> list[Entry]:
        """What is found, and waits for nothing but to be verified; each text once."""
        open_ones = {entry.digest: entry for entry in self.entries if entry.digest in self.unverified}
        return [
            entry
            for digest, entry in open_ones.items()
            if digest not in self.known and digest not in self.failed
        ]

    def end(self) -> None:
        """Nothing more will come."""
        self.failed.update(entry.digest for entry in self.entries if entry.digest not in self.known)

    @property
    def is_hopeless(self) -> bool:
        """Whether asking further cannot help: a setting is wrong, or the budget used up."""
        return any(isinstance(e, ConfigError) or e.code == BUDGET for e in self.errors.values())

    def state(self, settings: ReviewSettings) -> Review:
        """The review as it is now."""
        known = {**self.early, **self.known}
        shown = assemble(self.entries, known, settings, dismissed=self.dismissed, cached=self.cached)
        open_entries = [entry for entry in self.entries if entry.digest not in self.known]
        stats = self._stats(shown.hidden)
        told = {(type(error), error.message): error for error in stats.verification.errors}
        return Review(
            findings=shown.findings,
            dismissed=shown.dismissed,
            waiting=sum(entry.digest in self.waits for entry in open_entries),
            pending=tuple(entry.unit.span for entry in open_entries if entry.digest not in self.failed),
            unreviewed=tuple(entry.unit.span for entry in open_entries if entry.digest in self.failed),
            errors=tuple({**self.errors, **told}.values()),
            stats=stats,
        )

    def _stats(self, hidden: int) -> Stats:
        dropped: Counter[str] = Counter()
        for digest in dict.fromkeys(entry.digest for entry in self.entries):
            if digest in self.known and (reasons := self.known[digest].dropped):
                dropped.update(reasons)
        return Stats(
            units=len(self.entries),
            cached_units=sum(entry.digest in self.cached for entry in self.entries),
            shared_units=sum(entry.digest in self.shared for entry in self.entries),
            usage=sum((batch.usage for batch in self.batches), start=Usage()),
            dropped=dropped,
            hidden=hidden,
            redactions=sum(batch.redactions for batch in self.batches),
            verification=sum((batch.verification for batch in self.batches), start=Verification()),
        )
