"""Has units answered, each once: by a flight that others board, and by one process of all that share a cache.

A flight that carries what another process is asking about waits until that one has written its answer, and
asks itself if none comes.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from kibitz.cache.flight import SingleFlight
from kibitz.provider.errors import OpenAIError
from kibitz.provider.lasting import lasting
from kibitz.provider.limits.priority import Priority, Urgency
from kibitz.provider.models import PieceAnalysis, Usage, Verification
from kibitz.review.known import Failure

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine, Mapping, Sequence

    from kibitz.cache.tier import Claims
    from kibitz.findings.finding import Finding
    from kibitz.review.answers import Answers
    from kibitz.review.entries import Entry
    from kibitz.review.reviewer import Client
    from kibitz.review.run import Batch, UnitFlight

RENEW_S = 3.0
"""Well within the life of a claim."""
FIRST_LOOK_S, LONGEST_LOOK_S = 0.1, 1.0
"""Seconds between two looks at what another process is asking about; they double."""


class Flights:
    """The flights of one reviewer. Belongs to one event loop."""

    def __init__(
        self,
        client: Client,
        answers: Answers,
        claims: Claims | None = None,
        *,
        landed: Callable[[PieceAnalysis], None] = lambda _: None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Does no I/O.

        Args:
            client: who is asked.
            answers: what is known already.
            claims: who asks for what, over all processes; None: nobody else does.
            landed: is told of each answer that was asked for here.
            sleep: waits.
        """
        self._client = client
        self._answers = answers
        self._claims = claims
        self._landed = landed
        self._sleep = sleep
        self._single: SingleFlight[PieceAnalysis, Urgency] = SingleFlight()
        self._errands: set[asyncio.Task[None]] = set()

    def find(self, key: str) -> UnitFlight | None:
        """The flight that carries ``key`` now. Board it before the next await."""
        return self._single.find(key)

    def launch(self, batch: Batch, priority: Priority, *, early: bool) -> UnitFlight:
        """Have a batch answered; ``early``: with what is found while the answer is written."""
        entries = {entry.digest: entry for entry in batch.entries}
        # Its own: whoever boards later may be in more of a hurry than whoever asked first.
        return self._single.launch(
            tuple(entries),
            Urgency(priority),
            lambda flight: self._ask(_Trip(batch, flight, early=early), entries),
        )

    async def aclose(self) -> None:
        """Stop all requests, and give up all claims."""
        await self._single.aclose()
        while self._errands:
            await asyncio.wait(self._errands)

    async def _ask(self, trip: _Trip, entries: Mapping[str, Entry]) -> None:
        """Have ``entries`` answered, by ourselves or by those who are asking already."""
        if self._claims is None:
            await self._ask_provider(trip, entries.values())
            return
        mine = await self._claims.take(entries, trip.flight.urgency.priority)
        try:
            # Between our look and our claim somebody may have written the answer.
            known = await self._land_known(trip, entries)
        except BaseException:
            self._let_go(self._claims, mine)
            raise
        self._let_go(self._claims, mine & known)
        own = [entry for key, entry in entries.items() if key in mine - known]
        others = {key: entry for key, entry in entries.items() if key not in mine | known}
        await _all(
            self._ask_claimed(trip, own, self._claims) if own else None,
            self._wait(trip, others) if others else None,
        )

    async def _ask_claimed(self, trip: _Trip, entries: Sequence[Entry], claims: Claims) -> None:
        keys = [entry.digest for entry in entries]
        try:
            async with self._holding(claims, keys, trip.flight.urgency):
                await self._ask_provider(trip, entries)
        finally:
            self._let_go(claims, keys)

    async def _wait(self, trip: _Trip, entries: Mapping[str, Entry]) -> None:
        """Wait for what others are asking about; what they give up is asked for here."""
        pause = FIRST_LOOK_S
        waiting = dict(entries)
        while waiting:
            await self._sleep(pause)
            pause = min(2 * pause, LONGEST_LOOK_S)
            before = len(waiting)
            for key in await self._land_known(trip, waiting):
                del waiting[key]
            if waiting and len(waiting) == before and self._claims is not None:
                mine = await self._claims.take(waiting, trip.flight.urgency.priority)
                if mine:
                    # As at the start: it may have been written just before it was given up.
                    await self._ask(trip, waiting)
                    return

    async def _land_known(self, trip: _Trip, entries: Mapping[str, Entry]) -> set[str]:
        """Land what others have answered by now; returns its keys."""
        found = await self._answers.fetch({key: entry.piece for key, entry in entries.items()})
        landed = set()
        for key, known in found.items():
            if known.fresh_s <= 0 or (trip.batch.retry and isinstance(known.answer, Failure)):
                continue
            landed.add(key)
            if isinstance(known.answer, Failure):
                trip.flight.fail(key, known.answer.error())
            else:
                trip.flight.land(key, known.answer)
        return landed

    @asynccontextmanager
    async def _holding(self, claims: Claims, keys: Collection[str], urgency: Urgency) -> AsyncIterator[None]:
        """Hold on to claims, and hurry if those who wait for them do."""

        async def hold() -> None:
            while True:
                await self._sleep(RENEW_S)
                wanted = await claims.renew(keys)
                if wanted is not None:
                    urgency.rise_to(Priority(wanted))

        task = asyncio.create_task(hold())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def _let_go(self, claims: Claims, keys: Collection[str]) -> None:
        """Give claims up, once what was answered is written; nobody waits for that."""
        if not keys:
            return

        async def release() -> None:
            await self._answers.save()
            await claims.release(keys)

        task = asyncio.create_task(release())
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    async def _ask_provider(self, trip: _Trip, entries: Collection[Entry]) -> None:
        """Ask; each answer is remembered and landed as it comes."""
        asked = tuple(entries)
        batch, flight = trip.batch, trip.flight

        def land(index: int, analysis: PieceAnalysis) -> None:
            entry = asked[index]
            if entry.digest not in flight.landed:
                # What could not be verified is known all the same: next time only the verifier is asked.
                key = entry.keys[-1] if analysis.unverified else entry.digest
                self._answers.remember(key, replace(analysis, unverified=False))
                flight.land(entry.digest, analysis)
                self._landed(analysis)

        def fail(index: int, error: OpenAIError) -> None:
            entry = asked[index]
            if lasting(error):
                self._answers.remember(entry.digest, Failure.of(error))
            flight.fail(entry.digest, error)

        try:
            answer = await self._client.process_pieces(
                [entry.piece for entry in asked],
                on_piece=land,
                on_failure=fail,
                on_finding=trip.show(asked) if trip.early else None,
                urgency=flight.urgency,
                verify=batch.verify,
                known={
                    at: batch.found[entry.digest]
                    for at, entry in enumerate(asked)
                    if entry.digest in batch.found
                },
            )
        except OpenAIError as error:
            batch.usage += error.usage or Usage()
            batch.verification += error.verification or Verification()
            raise
        batch.usage += answer.usage
        batch.verification += answer.verification
        batch.redactions += answer.redactions
        for index, analysis in enumerate(answer.pieces):
            land(index, analysis)


class _Trip:
    """One flight under way."""

    def __init__(self, batch: Batch, flight: UnitFlight, *, early: bool) -> None:
        self.batch = batch
        self.flight = flight
        self.early = early and not batch.verify

    def show(self, asked: Sequence[Entry]) -> Callable[[int, Finding], None]:
        """What to call with each finding that may be shown early."""

        def show(index: int, finding: Finding) -> None:
            digest = asked[index].digest
            before = self.flight.previews.get(digest, PieceAnalysis())
            self.flight.preview(digest, PieceAnalysis((*before.findings, finding)))

        return show


async def _all(*works: Coroutine[object, object, None] | None) -> None:
    """Do all side by side, to the end; the first failure is raised then."""
    outcomes = await asyncio.gather(*(work for work in works if work is not None), return_exceptions=True)
    for outcome in outcomes:
        if outcome is not None:
            raise outcome
