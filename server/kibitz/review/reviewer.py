"""The trip of a document to its findings: split, look up, ask for what nobody has seen, assemble.

A review owns nothing but its place on the flights that it boarded. So two windows that need the same unit
share one question, and a review that is cancelled stops exactly what nobody else waits for.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from kibitz.cache.flight import SingleFlight
from kibitz.findings.prompt import INSTRUCTIONS, SCHEMA
from kibitz.provider.errors import OpenAIError
from kibitz.provider.limits.priority import Urgency
from kibitz.provider.models import PieceAnalysis, Usage, Verification
from kibitz.provider.tokens import estimate
from kibitz.review.entries import entries_of, pack
from kibitz.review.result import Review, ReviewSettings, Source, Stats
from kibitz.review.run import Batch, Run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from kibitz.cache.key import Identity
    from kibitz.cache.memory import CacheStats, MemoryCache
    from kibitz.findings.finding import Finding
    from kibitz.provider.limits.priority import Priority
    from kibitz.provider.models import BatchAnalysis, Piece
    from kibitz.review.entries import Entry
    from kibitz.review.kept import KeptAnswers
    from kibitz.review.run import UnitFlight

__all__ = ["Client", "Review", "ReviewSettings", "Reviewer", "Source", "Stats", "size_of"]

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
        on_finding: Callable[[int, Finding], None] | None = None,
        urgency: Urgency | None = None,
        verify: bool = False,
        known: Mapping[int, PieceAnalysis] | None = None,
    ) -> BatchAnalysis:
        """Review pieces together; ``on_piece`` gets each one's index and analysis as soon as it is known.

        ``on_finding`` gets single findings before that. With ``verify`` they are verified, and of the pieces
        that are ``known`` nothing else is asked. It may be called any number of times side by side: who is
        asked first goes by ``urgency``.
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
        verifier: str = "",
    ) -> None:
        self.settings = settings or ReviewSettings()
        """May be replaced at any time; reviews that run show their next state by it."""
        self.identity = identity
        """Who is asked. Part of every cache entry, so it must say truly what ``client`` does."""
        self._client = client
        self._cache = cache
        self._kept = kept
        self._verifier = verifier
        """Who verifies findings, for cache entries; empty: nobody."""
        self._flights: SingleFlight[PieceAnalysis, Urgency] = SingleFlight()

    async def review(
        self,
        source: Source,
        *,
        urgency: Urgency | None = None,
        verify: bool = False,
        on_progress: Callable[[Review], None] | None = None,
    ) -> Review:
        """Review a document. Failures of the provider are in the result, not raised.

        What it asks for is as urgent as ``urgency`` says, also when that rises on the way. With ``verify``
        findings are verified if the settings leave that to the review.
        ``on_progress`` gets the state so far once all that is missing is being asked for (even if nothing is
        known yet: whoever replaces an older review may end that one now), and whenever an answer has come.
        Cancelling stops the requests that no other review waits for; what has come by then is remembered.
        """
        verify = self._verifies(asked=verify)
        entries = await self._entries(source, verify=verify)
        run, urgency = Run(entries, verify), urgency or Urgency()
        fetched = await self._fetch(entries)
        woken = asyncio.Event()
        # From the look into the cache to boarding there is no await: nothing is asked for twice.
        missing = self._look_up(run, fetched)
        with ExitStack() as boarded:
            while missing and not run.is_hopeless:
                for flight in self._flights_for(missing, run, urgency):
                    flight.board(woken.set)
                    boarded.callback(flight.leave, woken.set)
                    boarded.callback(flight.urgency.follow(urgency))
                    run.waiting.append(flight)
                while run.waiting and not run.is_hopeless:
                    # When the last answer has landed, only the flight's end (and its bill) is waited for.
                    if on_progress is not None and (state := run.state(self.settings)).pending:
                        on_progress(state)
                    await woken.wait()
                    woken.clear()
                    run.collect()
                # What another review had asked about already still has to be verified.
                missing = run.unchecked()
        run.end()
        return run.state(self.settings)

    async def missing(self, source: Source) -> tuple[list[Entry], int]:
        """What a review of ``source`` would have to ask for, each text once, and out of how many units.

        Asks for nothing.
        """
        entries = await self._entries(source, verify=False)
        missing = self._look_up(Run(entries), await self._fetch(entries))
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

    def _verifies(self, *, asked: bool) -> bool:
        mode = self.settings.verify if self._verifier else "off"
        return mode == "on" or (asked and mode == "on-demand")

    async def _entries(self, source: Source, *, verify: bool) -> tuple[Entry, ...]:
        plain, verified = self.identity, replace(self.identity, verifier=self._verifier)
        accepted: tuple[Identity, ...] = ()
        if self._verifier and self.settings.verify != "off":
            # What was refuted once does not come back with the next review that does not verify.
            accepted = (verified, plain)
        identity = verified if verify else plain
        return await asyncio.to_thread(entries_of, source.text, source.language, identity, accepted)

    async def _fetch(self, entries: Sequence[Entry]) -> dict[str, PieceAnalysis]:
        """What only the disk knows; brought into memory, so that the look-up itself waits for nothing."""
        if self._kept is None:
            return {}
        known: dict[str, PieceAnalysis] = {}
        unknown = [
            replace(entry, digest=key) for entry in entries for key in entry.keys if key not in self._cache
        ]
        for digest, found in (await self._kept.find(unknown)).items():
            self._cache.put(digest, found.analysis, lives_s=found.left_s)
            known[digest] = found.analysis
        return known

    def _look_up(self, run: Run, fetched: Mapping[str, PieceAnalysis]) -> list[Entry]:
        """Fill in what the cache knows; return the others, each text once."""
        missing: dict[str, Entry] = {}
        for entry in run.entries:
            if entry.digest in run.known or entry.digest in missing:
                continue
            if not any(self._recall(run, entry, key, fetched) for key in entry.keys):
                missing[entry.digest] = entry
        run.cached = frozenset(run.known)
        return list(missing.values())

    def _recall(self, run: Run, entry: Entry, key: str, fetched: Mapping[str, PieceAnalysis]) -> bool:
        """Whether the cache knows an answer under ``key`` that does as it is."""
        analysis = fetched.get(key)
        # Each unit is counted once, as a hit or a miss.
        if analysis is None and (key == entry.digest or key in self._cache):
            analysis = self._cache.get(key)
        return analysis is not None and run.accept(key, analysis)

    def _flights_for(self, missing: Sequence[Entry], run: Run, urgency: Urgency) -> list[UnitFlight]:
        """The flights in the air that carry what is missing, and new ones for the rest."""
        flights: list[UnitFlight] = []
        rest: list[Entry] = []
        shared: set[str] = set()
        for entry in missing:
            # What is found already would only be found once more.
            keys = entry.keys if entry.digest not in run.unverified else (entry.digest,)
            flight = next((flight for key in keys if (flight := self._flights.find(key))), None)
            if flight is None:
                rest.append(entry)
                continue
            shared.add(entry.digest)
            if flight not in flights:
                flights.append(flight)
        run.shared |= shared
        batches = pack(rest, overhead=REQUEST_OVERHEAD, max_tokens=self.settings.max_request_tokens)
        return [*flights, *(self._launch(batch, run, urgency.priority) for batch in batches)]

    def _launch(self, entries: tuple[Entry, ...], run: Run, priority: Priority) -> UnitFlight:
        keys = [entry.digest for entry in entries]
        found = {at: run.unverified[key] for at, key in enumerate(keys) if key in run.unverified}
        batch = Batch(entries, run.verify, found)
        run.batches.append(batch)
        # Its own: whoever boards later may be in more of a hurry than whoever asked first.
        return self._flights.launch(keys, Urgency(priority), lambda flight: self._ask(batch, flight))

    async def _ask(self, batch: Batch, flight: UnitFlight) -> None:
        """Ask for one batch; each answer is remembered and landed as it comes."""

        def land(index: int, analysis: PieceAnalysis) -> None:
            entry = batch.entries[index]
            if entry.digest not in flight.landed:
                # What could not be verified is known all the same: next time only the verifier is asked.
                key = entry.keys[-1] if analysis.unverified else entry.digest
                self.remember(key, replace(analysis, unverified=False))
                flight.land(entry.digest, analysis)

        def show(index: int, finding: Finding) -> None:
            digest = batch.entries[index].digest
            before = flight.previews.get(digest, PieceAnalysis())
            flight.preview(digest, PieceAnalysis((*before.findings, finding)))

        try:
            answer = await self._client.process_pieces(
                [entry.piece for entry in batch.entries],
                on_piece=land,
                on_finding=show if self.settings.early and not batch.verify else None,
                urgency=flight.urgency,
                verify=batch.verify,
                known=batch.found,
            )
        except OpenAIError as error:
            batch.usage = error.usage or Usage()
            batch.verification = error.verification or Verification()
            raise
        batch.usage, batch.verification = answer.usage, answer.verification
        batch.redactions = answer.redactions
        for index, (_, analysis) in enumerate(zip(batch.entries, answer.pieces, strict=True)):
            land(index, analysis)
