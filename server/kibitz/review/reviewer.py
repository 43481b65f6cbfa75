"""The trip of a document to its findings: split, look up, ask for what nobody has seen, assemble.

A review owns nothing but its place on the flights that it boarded. So two windows that need the same unit
share one question, and a review that is cancelled stops exactly what nobody else waits for.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Protocol

from kibitz.findings.prompt import INSTRUCTIONS, SCHEMA
from kibitz.guard.budget import check_units
from kibitz.guard.secrets import Refused
from kibitz.provider.errors import APIError
from kibitz.provider.limits.priority import Priority, Urgency
from kibitz.provider.tokens import estimate, guidance_tokens
from kibitz.provider.turns import give_way
from kibitz.review.entries import pack
from kibitz.review.flights import Flights
from kibitz.review.lookup import LookUp
from kibitz.review.recognition import Recogniser, dismissed_of
from kibitz.review.result import Review, ReviewSettings, Source, Stats
from kibitz.review.run import Batch, Run
from kibitz.review.splits import Splits
from kibitz.review.whole import Whose, whose
from kibitz.telemetry.access import about
from kibitz.text.spans import Span

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from kibitz.cache.key import Identity
    from kibitz.cache.memory import CacheStats
    from kibitz.cache.tier import Claims
    from kibitz.findings.finding import Finding
    from kibitz.findings.guidance import Guidance
    from kibitz.provider.errors import OpenAIError
    from kibitz.provider.models import BatchAnalysis, Piece, PieceAnalysis
    from kibitz.review.answers import Answers
    from kibitz.review.entries import Entry
    from kibitz.review.known import Known
    from kibitz.review.result import Guiding
    from kibitz.review.run import UnitFlight

__all__ = ["Client", "Review", "ReviewSettings", "Reviewer", "Source", "Stats", "request_tokens"]

REQUEST_OVERHEAD = estimate(INSTRUCTIONS) + estimate(json.dumps(SCHEMA))
"""Tokens that every list review costs before its first piece, and before what a project adds to it."""


def request_tokens(entries: Sequence[Entry]) -> int:
    """Input tokens of one request about all ``entries``, by estimate."""
    added = guidance_tokens(entries[0].piece.guidance)
    return REQUEST_OVERHEAD + added + sum(entry.tokens for entry in entries)


class Client(Protocol):
    """The part of ``OpenAIClient`` that a review needs."""

    async def process_pieces(
        self,
        pieces: Sequence[Piece],
        *,
        on_piece: Callable[[int, PieceAnalysis], None] | None = None,
        on_failure: Callable[[int, OpenAIError], None] | None = None,
        on_finding: Callable[[int, Finding], None] | None = None,
        urgency: Urgency | None = None,
        verify: bool = False,
        known: Mapping[int, PieceAnalysis] | None = None,
    ) -> BatchAnalysis:
        """Review pieces together; ``on_piece`` gets each one's index and analysis as soon as it is known.

        ``on_failure`` gets the index of each that fails, and why; ``on_finding`` single findings, early. With
        ``verify`` they are verified, and of the pieces that are ``known`` nothing else is asked. It may be
        called any number of times side by side: who is asked first goes by ``urgency``.
        """
        ...


class Reviewer:
    """Reviews documents, one unit at a time and never the same one twice. Lives on one event loop."""

    def __init__(
        self,
        client: Client,
        answers: Answers,
        identity: Identity,
        settings: ReviewSettings | None = None,
        *,
        verifier: str = "",
        claims: Claims | None = None,
        guiding: Guiding | None = None,
        landed: Callable[[PieceAnalysis], None] = lambda _: None,
    ) -> None:
        """Does no I/O.

        Args:
            client: who is asked.
            answers: what is known already.
            identity: whom ``client`` asks, and how. Part of every cache entry, so it must tell the truth.
            settings: what is shown, and how much is asked at a time.
            verifier: who verifies findings, for cache entries; empty: nobody.
            claims: who asks for what, over all processes that share the answers; None: nobody else does.
            guiding: what projects add to the questions about their code; None: nothing.
            landed: is told of each answer that was asked for here.
        """
        self.settings = settings or ReviewSettings()
        """May be replaced at any time; reviews that run show their next state by it."""
        self.identity = identity
        self.on_renewed: Callable[[], None] | None = None
        """Is told when a stale answer that a review showed was asked for again, and is another one now."""
        self._answers = answers
        self._verifier = verifier
        self._flights = Flights(client, answers, claims, landed=landed)
        self._recogniser = Recogniser(answers)
        self._splits = Splits(answers.digests)
        self._guiding = guiding

    async def review(
        self,
        source: Source,
        *,
        urgency: Urgency | None = None,
        verify: bool = False,
        stale: bool = True,
        retry: bool = False,
        ask: bool = True,
        settings: ReviewSettings | None = None,
        on_progress: Callable[[Review], None] | None = None,
    ) -> Review:
        """Review a document. Failures of the provider are in the result, not raised.

        What it asks for is as urgent as ``urgency`` says, also when that rises on the way. With ``verify``
        findings are verified if the settings leave that to the review. With ``stale`` an answer that is too
        old will do, and is asked for again in the background; without, only if nothing newer can be had.
        With ``retry`` what failed for good a short while ago is asked again. Without ``ask`` what is known
        has to do: nothing is sent. What is shown goes by ``settings`` if there are any, and else by the
        reviewer's own.
        ``on_progress`` gets the state so far once all that is missing is being asked for (even if nothing is
        known yet: whoever replaces an older review may end that one now), and whenever an answer has come.
        Cancelling stops the requests that no other review waits for; what has come by then is remembered.
        """
        mine = self._whose(asked=verify)
        settings = settings or self.settings
        guidance = await self._guidance(source)
        recognition = await self._recogniser.look(source, mine, settings, guidance)
        if recognition is not None and recognition.review is not None:
            return recognition.review
        entries = await self._entries(source, mine, guidance)
        try:
            check_units(len(entries))
        except Refused as why:
            return _not_sent(source, why)
        run, urgency = Run(entries, bool(mine.identity.verifier), retry), urgency or Urgency()
        run.dismissed = await dismissed_of(source, settings)
        fetched = await self._fetch(entries)
        woken = asyncio.Event()
        # From the look into the cache to boarding there is no await: nothing is asked for twice.
        looked_up = LookUp(run, fetched, stale=stale)
        missing = looked_up.all(self._answers, counts=ask)
        if put_off := [entry for entry in missing if entry.waits or not ask]:
            run.put_off(put_off)
            missing = [entry for entry in missing if entry.digest not in run.failed]
        with ExitStack() as boarded:
            boarded.enter_context(about(source.path))
            while missing and not run.is_hopeless:
                for flight in self._flights_for(missing, run, urgency, early=settings.early):
                    flight.board(woken.set)
                    boarded.callback(flight.leave, woken.set)
                    boarded.callback(flight.urgency.follow(urgency))
                    run.waiting.append(flight)
                await _landed(run, woken, settings, on_progress)
                # What another review had asked about already still has to be verified.
                missing = run.unchecked()
        run.end()
        if ask:
            self._renew(looked_up.stale, run)
        if recognition is not None and source.parts is None:
            self._recogniser.keep(recognition, run, looked_up)
        await give_way()
        state = run.state(settings)
        await give_way()
        return state

    async def prepare(self, source: Source, *, verify: bool = False) -> None:
        """A review of ``source`` is about to come: begin what it does before it knows what to ask.

        Takes CPU in a thread, sends nothing, and counts for nothing. It is of use to a review of just that.
        """
        mine = self._whose(asked=verify)
        guidance = await self._guidance(source)
        if not await self._recogniser.knows(source, mine, guidance):
            self._splits.prepare(source, mine, guidance)

    async def missing(self, source: Source) -> tuple[list[Entry], int]:
        """What a review of ``source`` would have to ask for, each text once, and out of how many units.

        Asks for nothing and counts for nothing; what the tiers know is in memory afterwards.
        """
        mine = self._whose(asked=False)
        guidance = await self._guidance(source)
        recognition = await self._recogniser.look(source, mine, self.settings, guidance)
        if recognition is not None and recognition.review is not None:
            return [], recognition.review.stats.units
        # What is asked for and not verified must not be kept as if it were.
        entries = await self._entries(source, replace(mine, identity=self.identity), guidance)
        looked_up = LookUp(Run(entries), await self._fetch(entries), stale=False)
        return looked_up.all(self._answers, counts=False), len({entry.digest for entry in entries})

    def packed(self, entries: Sequence[Entry]) -> list[tuple[Entry, ...]]:
        """The entries as they go to the client, one call for each batch."""
        return pack(entries, overhead=REQUEST_OVERHEAD, max_tokens=self.settings.max_request_tokens)

    def cache_stats(self) -> CacheStats:
        """How the memory has done since the start."""
        return self._answers.stats()

    async def forget(self) -> None:
        """Drop all kept answers, those on disk too: what is reviewed next is asked for again."""
        await self._answers.forget()

    def remember(self, digest: str, analysis: PieceAnalysis) -> None:
        """Keep an answer for as long as it deserves."""
        self._answers.remember(digest, analysis)

    async def save(self) -> bool:
        """Write what is remembered, now; False where nothing is kept on disk, or it cannot be written."""
        return await self._answers.save()

    async def aclose(self) -> None:
        """Stop all requests; reviews that wait for them end with what they have."""
        self._splits.drop()
        await self._flights.aclose()
        await self._answers.aclose()

    def _whose(self, *, asked: bool) -> Whose:
        return whose(self.identity, self._verifier, self.settings.verify, asked=asked)

    async def _guidance(self, source: Source) -> Guidance | None:
        return None if self._guiding is None else await asyncio.to_thread(self._guiding.of, source)

    async def _entries(self, source: Source, mine: Whose, guidance: Guidance | None) -> tuple[Entry, ...]:
        entries = await self._splits.of(source, mine, guidance)
        if (parts := source.parts) is None:
            return entries
        return tuple(entry for entry in entries if any(map(entry.unit.span.overlaps, parts)))

    async def _fetch(self, entries: Sequence[Entry]) -> Mapping[str, Known]:
        """What is known; brought into memory, so that the look-up itself waits for nothing."""
        return await self._answers.fetch({key: entry.piece for entry in entries for key in entry.keys})

    def _flights_for(
        self, missing: Sequence[Entry], run: Run, urgency: Urgency, *, early: bool
    ) -> list[UnitFlight]:
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
        batches = self.packed(rest)
        return [*flights, *(self._launch(each, run, urgency.priority, early=early) for each in batches)]

    def _launch(self, entries: tuple[Entry, ...], run: Run, priority: Priority, *, early: bool) -> UnitFlight:
        found = {
            entry.digest: run.unverified[entry.digest] for entry in entries if entry.digest in run.unverified
        }
        batch = Batch(entries, run.verify, found, run.retry)
        run.batches.append(batch)
        return self._flights.launch(batch, priority, early=early)

    def _renew(self, stale: Sequence[Entry], run: Run) -> None:
        """Ask again for what was too old, when nobody asks for anything else."""
        rest = [entry for entry in stale if self._flights.find(entry.digest) is None]
        for entries in self.packed(rest):
            batch = Batch(entries, run.verify)
            flight = self._flights.launch(batch, Priority.WARMING, early=False)
            before = {entry.digest: run.known[entry.digest] for entry in entries}
            flight.board(partial(self._renewed, flight, before))

    def _renewed(self, flight: UnitFlight, before: Mapping[str, PieceAnalysis]) -> None:
        if not flight.done:
            return
        for digest in before.keys() - flight.landed.keys():
            self._answers.put_off(digest)
        news = (analysis.findings != before[digest].findings for digest, analysis in flight.landed.items())
        if self.on_renewed is not None and any(news):
            self.on_renewed()


async def _landed(
    run: Run,
    woken: asyncio.Event,
    settings: ReviewSettings,
    on_progress: Callable[[Review], None] | None,
) -> None:
    """Wait until the flights that ``run`` boarded are over, or nothing can come of them."""
    news = True
    while run.waiting and not run.is_hopeless:
        # When the last answer has landed, only the flight's end (and its bill) is waited for.
        if on_progress is not None and news:
            await give_way()
            if (state := run.state(settings)).pending:
                await give_way()
                on_progress(state)
        await woken.wait()
        woken.clear()
        news = run.collect()


def _not_sent(source: Source, why: Refused) -> Review:
    return Review(unreviewed=(Span(0, len(source.text)),), errors=(APIError(str(why), code=why.reason),))
