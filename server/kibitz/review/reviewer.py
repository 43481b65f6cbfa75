"""The trip of a document to its findings: split, look up, ask for what nobody has seen, assemble.

A review owns nothing but its place on the flights that it boarded. So two windows that need the same unit
share one question, and a review that is cancelled stops exactly what nobody else waits for.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from kibitz.cache.flight import Flight, SingleFlight
from kibitz.findings.prompt import INSTRUCTIONS, SCHEMA
from kibitz.provider.errors import APIError, ConfigError, OpenAIError
from kibitz.provider.models import PieceAnalysis, Usage
from kibitz.provider.tokens import estimate
from kibitz.review.assemble import assemble
from kibitz.review.entries import entries_of, pack
from kibitz.review.result import Review, ReviewSettings, Source, Stats

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from kibitz.cache.key import Identity
    from kibitz.cache.memory import CacheStats, MemoryCache
    from kibitz.provider.models import BatchAnalysis, Piece
    from kibitz.review.entries import Entry

__all__ = ["Client", "Review", "ReviewSettings", "Reviewer", "Source", "Stats", "size_of"]

_OVERHEAD = estimate(INSTRUCTIONS) + estimate(json.dumps(SCHEMA))
"""Tokens that every list review costs before its first piece."""


class Client(Protocol):
    """The part of ``OpenAIClient`` that a review needs."""

    async def process_pieces(
        self, pieces: Sequence[Piece], *, on_piece: Callable[[int, PieceAnalysis], None] | None = None
    ) -> BatchAnalysis:
        """Review pieces together; ``on_piece`` gets each one's index and analysis as soon as it is known."""
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
    waiting: list[Flight[PieceAnalysis]] = field(default_factory=list)
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
    ) -> None:
        self.settings = settings or ReviewSettings()
        """May be replaced at any time; reviews that run show their next state by it."""
        self.identity = identity
        """Who is asked. Part of every cache entry, so it must say truly what ``client`` does."""
        self._client = client
        self._cache = cache
        self._flights: SingleFlight[PieceAnalysis] = SingleFlight()
        self._slots = asyncio.Semaphore(self.settings.max_concurrency)

    async def review(self, source: Source, *, on_progress: Callable[[Review], None] | None = None) -> Review:
        """Review a document. Failures of the provider are in the result, not raised.

        ``on_progress`` gets the state so far once all that is missing is being asked for (even if nothing is
        known yet: whoever replaces an older review may end that one now), and whenever an answer has come.
        Cancelling stops the requests that no other review waits for; what has come by then is remembered.
        """
        entries = await asyncio.to_thread(entries_of, source.text, source.language, self.identity)
        run = _Run(entries)
        woken = asyncio.Event()
        boarded: list[Flight[PieceAnalysis]] = []
        # From the look into the cache to boarding there is no await: nothing is asked for twice.
        missing = self._look_up(run)
        try:
            for flight in self._flights_for(missing, run):
                flight.board(woken.set)
                boarded.append(flight)
            run.waiting = [*boarded]
            while run.waiting and not run.is_hopeless:
                # When the last answer has landed, only the flight's end (and its bill) is waited for.
                if on_progress is not None and (state := self._state(run)).pending:
                    on_progress(state)
                await woken.wait()
                woken.clear()
                run.collect()
        finally:
            for flight in boarded:
                flight.leave(woken.set)
        run.failed.update(entry.digest for entry in entries if entry.digest not in run.known)
        return self._state(run)

    def clear_cache(self) -> None:
        """Forget every answer: the next review asks again."""
        self._cache.clear()

    def cache_stats(self) -> CacheStats:
        """How the cache has done since the start."""
        return self._cache.stats()

    def forget(self) -> None:
        """Drop all kept answers: what is reviewed next is asked for again."""
        self._cache.clear()

    async def aclose(self) -> None:
        """Stop all requests; reviews that wait for them end with what they have."""
        await self._flights.aclose()

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

    def _flights_for(self, missing: Sequence[Entry], run: _Run) -> list[Flight[PieceAnalysis]]:
        """The flights in the air that carry what is missing, and new ones for the rest."""
        flights: list[Flight[PieceAnalysis]] = []
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
        batches = pack(rest, overhead=_OVERHEAD, max_tokens=self.settings.max_request_tokens)
        return [*flights, *(self._launch(_Batch(batch), run) for batch in batches)]

    def _launch(self, batch: _Batch, run: _Run) -> Flight[PieceAnalysis]:
        run.batches.append(batch)
        keys = [entry.digest for entry in batch.entries]
        return self._flights.launch(keys, lambda flight: self._ask(batch, flight))

    async def _ask(self, batch: _Batch, flight: Flight[PieceAnalysis]) -> None:
        """Ask for one batch; each answer is remembered and landed as it comes."""

        def land(index: int, analysis: PieceAnalysis) -> None:
            digest = batch.entries[index].digest
            if digest not in flight.landed:
                self._cache.put(digest, analysis)
                flight.land(digest, analysis)

        pieces = [entry.piece for entry in batch.entries]
        try:
            async with self._slots:
                answer = await self._client.process_pieces(pieces, on_piece=land)
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
