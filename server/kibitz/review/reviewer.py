"""The trip of a document to its findings: split, look up, ask for what nobody has seen, assemble.

A review owns nothing but its place on the flights that it boarded. So two windows that need the same unit
share one question, and a review that is cancelled stops exactly what nobody else waits for.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeAlias

from kibitz.cache.flight import Flight, SingleFlight
from kibitz.findings.prompt import INSTRUCTIONS, SCHEMA
from kibitz.provider.errors import APIError, ConfigError, OpenAIError
from kibitz.provider.limits.priority import Urgency
from kibitz.provider.models import PieceAnalysis, Usage
from kibitz.provider.tokens import estimate
from kibitz.review.assemble import assemble
from kibitz.review.entries import entries_of, pack
from kibitz.review.result import Review, ReviewSettings, Source, Stats

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from kibitz.cache.key import Identity
    from kibitz.cache.memory import CacheStats, MemoryCache
    from kibitz.provider.limits.priority import Priority
    from kibitz.provider.models import BatchAnalysis, Piece
    from kibitz.review.entries import Entry
    from kibitz.review.kept import KeptAnswers

__all__ = ["Client", "Review", "ReviewSettings", "Reviewer", "Source", "Stats", "size_of"]

_Flight: TypeAlias = "Flight[PieceAnalysis, Urgency]"
REQUEST_OVERHEAD = estimate(INSTRUCTIONS) + estimate(json.dumps(SCHEMA))
"""Tokens that every list review costs before its first piece."""
_SUBSTITUTE_S = 900.0
"""So long an answer counts that something else gave in place of the configured model."""


class Client(Protocol):
    """The part of ``OpenAIClient`` that a review needs."""

    async def process_pieces(
        self,
        pieces: Sequence[Piece],
        *,
        on_piece: Callable[[int, PieceAnalysis], None] | None = None,
        urgency: Urgency | None = None,
    ) -> BatchAnalysis:
        """Review pieces together; ``on_piece`` gets each one's index and analysis as soon as it is known.

        It may be called any number of times side by side: who is asked first goes by ``urgency``.
        """
        ...


def size_of(analysis: PieceAnalysis) -> int:
    """About how many bytes an analysis takes in memory; what the cache counts."""
    size = 64 * len(analysis.dropped)
    for finding in analysis.findings:
        size += 512 + 2 * (len(finding.title) + len(finding.trigger) + len(finding.quote))
        if finding.fix is not None:
            size += 256 + 2 * (len(finding.fix.old_text) + len(finding.fix.new_text))
    return size


@dataclass(slots=True)
class _Batch:
    """What one request asks, and what it took."""

    entries: tuple[Entry, ...]
    usage: Usage = field(default_factory=Usage)
    redactions: int = 0


@dataclass(slots=True)
class _Run:
    """The state of one review."""

    entries: tuple[Entry, ...]
    known: dict[str, PieceAnalysis] = field(default_factory=dict)
    cached: frozenset[str] = frozenset()
    shared: frozenset[str] = frozenset()
    failed: set[str] = field(default_factory=set)
    errors: dict[tuple[type[OpenAIError], str], OpenAIError] = field(default_factory=dict)
    waiting: list[_Flight] = field(default_factory=list)
    batches: list[_Batch] = field(default_factory=list)

    def collect(self) -> None:
        """Take what has landed, and part with the flights that are done."""
        wanted = {entry.digest for entry in self.entries}
        for flight in self.waiting:
            self.known.update((key, value) for key, value in flight.landed.items() if key in wanted)
            lost = wanted.intersection(flight.keys).difference(flight.landed)
            if flight.error is not None and lost:
                self.fail(lost, flight.error)
        self.waiting = [flight for flight in self.waiting if not flight.done]

    def fail(self, keys: Iterable[str], error: BaseException) -> None:
        """Note why there is no answer for ``keys``. What is no failure of a provider is our bug: raised."""
        if isinstance(error, asyncio.CancelledError):
            error = APIError("the review was stopped because kibitz is shutting down", retryable=True)
        if not isinstance(error, OpenAIError):
            raise error
        self.errors.setdefault((type(error), error.message), error)
        self.failed.update(keys)

    @property
    def is_hopeless(self) -> bool:
        """Whether asking further cannot help: the key, the model or a setting is wrong."""
        return any(isinstance(error, ConfigError) for error in self.errors.values())


class Reviewer:
    """Reviews documents, one unit at a time and never the same one twice. Lives on one event loop."""

    def __init__(
        self,
        client: Client,
        cache: MemoryCache[PieceAnalysis],
        identity: Identity,
        settings: ReviewSettings | None = None,
        *,
        kept: KeptAnswers | None = None,
    ) -> None:
        self.settings = settings or ReviewSettings()
        """May be replaced at any time; reviews that run show their next state by it."""
        self.identity = identity
        """Who is asked. Part of every cache entry, so it must say truly what ``client`` does."""
        self._client = client
        self._cache = cache
        self._kept = kept
        self._flights: SingleFlight[PieceAnalysis, Urgency] = SingleFlight()

    async def review(
        self,
        source: Source,
        *,
        urgency: Urgency | None = None,
        on_progress: Callable[[Review], None] | None = None,
    ) -> Review:
        """Review a document. Failures of the provider are in the result, not raised.

        What it asks for is as urgent as ``urgency`` says, also when that rises on the way.
        ``on_progress`` gets the state so far once all that is missing is being asked for (even if nothing is
        known yet: whoever replaces an older review may end that one now), and whenever an answer has come.
        Cancelling stops the requests that no other review waits for; what has come by then is remembered.
        """
        entries = await asyncio.to_thread(entries_of, source.text, source.language, self.identity)
        run = _Run(entries, known=await self._fetch(entries))
        urgency = urgency or Urgency()
        woken = asyncio.Event()
        # From the look into the cache to boarding there is no await: nothing is asked for twice.
        missing = self._look_up(run)
        with ExitStack() as boarded:
            for flight in self._flights_for(missing, run, urgency):
                flight.board(woken.set)
                boarded.callback(flight.leave, woken.set)
                boarded.callback(flight.urgency.follow(urgency))
                run.waiting.append(flight)
            while run.waiting and not run.is_hopeless:
                # When the last answer has landed, only the flight's end (and its bill) is waited for.
                if on_progress is not None and (state := self._state(run)).pending:
                    on_progress(state)
                await woken.wait()
                woken.clear()
                run.collect()
        run.failed.update(entry.digest for entry in entries if entry.digest not in run.known)
        return self._state(run)

    async def missing(self, source: Source) -> tuple[list[Entry], int]:
        """What a review of ``source`` would have to ask for, each text once, and out of how many units.

        Asks for nothing.
        """
        entries = await asyncio.to_thread(entries_of, source.text, source.language, self.identity)
        missing = self._look_up(_Run(entries, known=await self._fetch(entries)))
        return missing, len({entry.digest for entry in entries})

    def cache_stats(self) -> CacheStats:
        """How the cache has done since the start."""
        return self._cache.stats()

    async def forget(self) -> None:
        """Drop all kept answers, those on disk too: what is reviewed next is asked for again."""
        self._cache.clear()
        if self._kept is not None:
            await self._kept.clear()

    def remember(self, digest: str, analysis: PieceAnalysis) -> None:
        """Keep an answer for as long as it deserves."""
        if analysis.answered_by:
            self._cache.put(digest, analysis, lives_s=_SUBSTITUTE_S)
            return
        self._cache.put(digest, analysis)
        if self._kept is not None:
            self._kept.keep(digest, analysis)

    async def save(self) -> bool:
        """Write what is remembered, now; False where nothing is kept on disk, or it cannot be written."""
        return self._kept is not None and await self._kept.flush()

    async def aclose(self) -> None:
        """Stop all requests; reviews that wait for them end with what they have."""
        await self._flights.aclose()
        if self._kept is not None:
            await self._kept.aclose()

    async def _fetch(self, entries: Sequence[Entry]) -> dict[str, PieceAnalysis]:
        """What only the disk knows; brought into memory, so that the look-up itself waits for nothing."""
        if self._kept is None:
            return {}
        known: dict[str, PieceAnalysis] = {}
        unknown = [entry for entry in entries if entry.digest not in self._cache]
        for digest, found in (await self._kept.find(unknown)).items():
            self._cache.put(digest, found.analysis, lives_s=found.left_s)
            known[digest] = found.analysis
        return known

    def _look_up(self, run: _Run) -> list[Entry]:
        """Fill in what the cache knows; return the others, each text once."""
        missing: dict[str, Entry] = {}
        for entry in run.entries:
            if entry.digest in run.known or entry.digest in missing:
                continue
            analysis = self._cache.get(entry.digest)
            if analysis is None:
                missing[entry.digest] = entry
            else:
                run.known[entry.digest] = analysis
        run.cached = frozenset(run.known)
        return list(missing.values())

    def _flights_for(self, missing: Sequence[Entry], run: _Run, urgency: Urgency) -> list[_Flight]:
        """The flights in the air that carry what is missing, and new ones for the rest."""
        flights: list[_Flight] = []
        rest: list[Entry] = []
        shared: set[str] = set()
        for entry in missing:
            flight = self._flights.find(entry.digest)
            if flight is None:
                rest.append(entry)
                continue
            shared.add(entry.digest)
            if flight not in flights:
                flights.append(flight)
        run.shared = frozenset(shared)
        batches = pack(rest, overhead=REQUEST_OVERHEAD, max_tokens=self.settings.max_request_tokens)
        return [*flights, *(self._launch(_Batch(batch), run, urgency.priority) for batch in batches)]

    def _launch(self, batch: _Batch, run: _Run, priority: Priority) -> _Flight:
        run.batches.append(batch)
        keys = [entry.digest for entry in batch.entries]
        # Its own: whoever boards later may be in more of a hurry than whoever asked first.
        return self._flights.launch(keys, Urgency(priority), lambda flight: self._ask(batch, flight))

    async def _ask(self, batch: _Batch, flight: _Flight) -> None:
        """Ask for one batch; each answer is remembered and landed as it comes."""

        def land(index: int, analysis: PieceAnalysis) -> None:
            digest = batch.entries[index].digest
            if digest not in flight.landed:
                self.remember(digest, analysis)
                flight.land(digest, analysis)

        pieces = [entry.piece for entry in batch.entries]
        try:
            answer = await self._client.process_pieces(pieces, on_piece=land, urgency=flight.urgency)
        except OpenAIError as error:
            batch.usage = error.usage or Usage()
            raise
        batch.usage = answer.usage
        batch.redactions = answer.redactions
        for index, (_, analysis) in enumerate(zip(batch.entries, answer.pieces, strict=True)):
            land(index, analysis)

    def _state(self, run: _Run) -> Review:
        findings, hidden = assemble(run.entries, run.known, self.settings)
        dropped: Counter[str] = Counter()
        for digest in dict.fromkeys(entry.digest for entry in run.entries):
            if digest in run.known:
                dropped.update(run.known[digest].dropped)
        open_entries = [entry for entry in run.entries if entry.digest not in run.known]
        stats = Stats(
            units=len(run.entries),
            cached_units=sum(entry.digest in run.cached for entry in run.entries),
            shared_units=sum(entry.digest in run.shared for entry in run.entries),
            usage=sum((batch.usage for batch in run.batches), start=Usage()),
            dropped=dropped,
            hidden=hidden,
            redactions=sum(batch.redactions for batch in run.batches),
        )
        return Review(
            findings=findings,
            pending=tuple(entry.unit.span for entry in open_entries if entry.digest not in run.failed),
            unreviewed=tuple(entry.unit.span for entry in open_entries if entry.digest in run.failed),
            errors=tuple(run.errors.values()),
            stats=stats,
        )
