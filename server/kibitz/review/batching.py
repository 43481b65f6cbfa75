"""Reviews of whole folders through the provider's Batch API.

``Batching.run`` is written to be run again: it takes what earlier runs have sent and what is done by now,
asks for what is still unknown, and waits. So it does not matter when a run was interrupted, or which one
takes the results: what was paid for lands in the cache, once, and only what has changed since is asked again.
"""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kibitz.findings.request import split_lines
from kibitz.provider.batch_wire import Status, chunked, line_of
from kibitz.provider.errors import ConfigError, OpenAIError
from kibitz.provider.models import Usage
from kibitz.review.batch_result import Estimate, Outcome, Progress
from kibitz.review.batch_state import AskedUnit, Sent
from kibitz.review.entries import pack
from kibitz.review.reviewer import REQUEST_OVERHEAD, request_tokens

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator

    from kibitz.provider.batch import BatchClient
    from kibitz.provider.batch_wire import Batch, Result
    from kibitz.review.batch_result import Watcher
    from kibitz.review.batch_state import BatchStates
    from kibitz.review.entries import Entry
    from kibitz.review.result import Source
    from kibitz.review.reviewer import Reviewer

FIRST_LOOK_S, LONGEST_LOOK_S, LOOK_GROWTH = 5.0, 60.0, 1.5
"""Seconds between two looks at what is under way, and how they grow."""
_PATIENCE = 20
"""So many looks in a row may fail before waiting ends: a laptop that sleeps is no reason to give up."""
_TYPICAL_ANSWER = 400
"""Output tokens of a request, for the estimate: mostly thoughts, and an empty list."""


@dataclass(slots=True)
class _Run:
    """The state of one run."""

    scope: str
    watcher: Watcher
    wanted: dict[str, Entry] = field(default_factory=dict)
    """Units that are not known, by digest."""
    files: list[list[Entry]] = field(default_factory=list)
    """The same by file, each unit once."""
    live: list[tuple[Sent, Batch]] = field(default_factory=list)
    refused: bool = False
    """Whether a batch was not accepted as a whole."""
    outcome: Outcome = field(default_factory=Outcome)


class Batching:
    """See the module. Belongs to one event loop."""

    def __init__(
        self,
        client: BatchClient,
        reviewer: Reviewer,
        states: BatchStates,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._client = client
        self._reviewer = reviewer
        self._states = states
        self._sleep = sleep
        endpoint = reviewer.identity.endpoint
        self._endpoint = hashlib.sha256(endpoint.encode()).hexdigest()[:16]

    async def run(
        self, sources: Iterable[Source], scope: str, watcher: Watcher, *, wait: bool = True
    ) -> Outcome:
        """Have all units of ``sources`` answered that are not known yet.

        Args:
            sources: what to review; taken one at a time.
            scope: names what was asked for, so that the same run can be told from others.
            watcher: is told how it goes.
            wait: until all is answered, which can take a day; otherwise only what is done by now is taken.

        Raises:
            OpenAIError: something could not be sent or taken. What was sent runs on; the next run takes it.
            StateUnavailable: nothing can be remembered, so nothing is sent.
        """
        self._client.check()
        await self._save()
        run = _Run(scope, watcher)
        # Two that take stock at once would send the same.
        async with self._states.alone():
            await self._take_up(run, sources)
            # What was not accepted as a whole would not be now: first somebody has to see why.
            if not run.refused:
                await self._submit(run)
        if wait:
            await self._wait(run)
        carried = {digest for sent, _ in run.live for digest in sent.digests}
        run.outcome.waiting = len(carried.intersection(run.wanted))
        run.outcome.batches = len(run.live)
        return run.outcome

    async def cancel(self, sources: Iterable[Source], scope: str, watcher: Watcher) -> int:
        """Stop what is under way for ``sources``; returns how many batches. What is answered stays paid."""
        run = _Run(scope, watcher)
        async with self._states.alone():
            await self._take_up(run, sources)
        for _, batch in run.live:
            await self._client.cancel(batch.id)
        return len(run.live)

    async def _take_up(self, run: _Run, sources: Iterable[Source]) -> None:
        """Find out what is unknown, and what became of all that was sent for it before."""
        for source in sources:
            missing, count = await self._reviewer.missing(source)
            run.outcome.known += count - len(missing)
            fresh = [entry for entry in missing if entry.digest not in run.wanted]
            run.wanted.update((entry.digest, entry) for entry in fresh)
            run.files.append(fresh)
        for sent in await self._states.all(self._endpoint):
            if sent.landed:
                batch = await self._client.get(sent.batch)
                await self._tidy_up(sent, [sent.file] if batch is None else batch.files)
            elif sent.scope == run.scope or not sent.digests.isdisjoint(run.wanted):
                batch = await self._recovered(sent, run)
                if batch is not None:
                    run.live.append((sent, batch))
        await self._land_finished(run)

    async def _recovered(self, sent: Sent, run: _Run) -> Batch | None:
        """The batch that was sent, if there is one: a crash may have come before its id was noted."""
        if sent.batch:
            batch = await self._client.get(sent.batch)
            if batch is None and sent.scope == run.scope:
                run.outcome.problems.append(
                    f"{sent.batch} is not known at the provider any more, or belongs to another key; what it "
                    "asked about has to be asked again"
                )
                await self._states.remove(sent)
            return batch
        batch = await self._client.find(sent.tag)
        if batch is None:
            # Its file is of no use any more: what it asks about may have changed, and goes into another one.
            file = sent.file or await self._client.find_file(sent.tag)
            await self._tidy_up(sent, [file] if file else [])
            return None
        sent.batch, sent.file = batch.id, batch.input_file
        await self._states.update(sent)
        return batch

    async def _submit(self, run: _Run) -> None:
        carried = {digest for sent, _ in run.live for digest in sent.digests}
        packs = [
            entries
            for file in run.files
            for entries in pack(
                (entry for entry in file if entry.digest in run.wanted and entry.digest not in carried),
                overhead=REQUEST_OVERHEAD,
                max_tokens=self._reviewer.settings.max_request_tokens,
            )
        ]
        if not packs:
            return
        run.watcher.planned(self._estimate(packs))
        requests: dict[str, tuple[AskedUnit, ...]] = {}
        chunks = chunked(self._lines(packs, requests, run.outcome))
        # Hiding secrets takes CPU, and a batch of lines may be 50 MB: one at a time, in a thread.
        while chunk := await asyncio.to_thread(next, chunks, None):
            sent = Sent(
                uuid.uuid4().hex, self._endpoint, run.scope, {name: requests[name] for name, _ in chunk}
            )
            await self._client.hold(sent.tag, self._most(packs, [int(name[1:]) for name, _ in chunk]))
            run.live.append((sent, await self._send(sent, b"".join(line for _, line in chunk))))

    def _lines(
        self,
        packs: Iterable[tuple[Entry, ...]],
        requests: dict[str, tuple[AskedUnit, ...]],
        outcome: Outcome,
    ) -> Iterator[tuple[str, bytes]]:
        """The packs as requests (id and line). Notes what each asks about. Takes CPU: for a thread."""
        writer = self._client.requests()
        for number, entries in enumerate(packs):
            prepared = writer.prepare([entry.piece for entry in entries])
            asked = [] if prepared is None else [entries[index] for index in prepared.pieces]
            if refused := len(entries) - len(asked):
                outcome.failed["too-many-secrets"] += refused
            if prepared is not None:
                name = f"r{number}"
                requests[name] = tuple(
                    AskedUnit(entry.digest, len(split_lines(entry.piece.text))) for entry in asked
                )
                yield name, line_of(name, self._client.api, prepared.body)

    async def _send(self, sent: Sent, content: bytes) -> Batch:
        await self._states.add(sent)
        try:
            sent.file = await self._client.upload(sent.tag, content)
            await self._states.update(sent)
            batch = await self._client.create(sent.tag, sent.file)
        except OpenAIError as error:
            if not error.retryable:
                self._client.let_go(sent.tag)
                # Refused for sure. In doubt, the next run looks what is there.
                await self._tidy_up(sent, [sent.file] if sent.file else [])
            raise
        sent.batch = batch.id
        await self._states.update(sent)
        return batch

    async def _wait(self, run: _Run) -> None:
        pause, failures = FIRST_LOOK_S, 0
        while run.live:
            run.watcher.waiting(_progress(run.live))
            asked = max((batch.retry_after or 0.0 for _, batch in run.live), default=0.0)
            await self._sleep(max(pause, asked))
            pause = min(pause * LOOK_GROWTH, LONGEST_LOOK_S)
            try:
                run.live = [
                    (sent, found) for sent, _ in run.live if (found := await self._recovered(sent, run))
                ]
                failures = 0
            except OpenAIError as error:
                failures += 1
                if not error.retryable or failures >= _PATIENCE:
                    raise
                await self._sleep(error.retry_after or 0.0)
                continue
            await self._land_finished(run)

    async def _land_finished(self, run: _Run) -> None:
        finished = [(sent, batch) for sent, batch in run.live if batch.status.is_over]
        run.live = [(sent, batch) for sent, batch in run.live if not batch.status.is_over]
        for sent, batch in finished:
            await self._land(sent, batch, run)

    async def _land(self, sent: Sent, batch: Batch, run: _Run) -> None:
        """Take the results of a batch that is over. Done twice, it takes the same once more."""
        if batch.status is Status.FAILED:
            run.refused = True
            run.outcome.problems.append(_why_failed(batch))
        open_requests = dict(sent.requests)
        for file in filter(None, (batch.output_file, batch.error_file)):
            async with aclosing(self._client.results(file)) as results:
                async for result in results:
                    units = open_requests.pop(result.custom_id, None)
                    if units is not None:
                        await self._take(result, units, run)
        for units in open_requests.values():
            self._miss(units, batch.status.value, run)
        self._client.let_go(sent.tag)
        await self._save()
        # Another command's batch may hold more than was wanted now: that one is to take it.
        if sent.scope == run.scope:
            sent.landed, sent.file = True, batch.input_file
            await self._states.update(sent)
            await self._tidy_up(sent, batch.files)

    async def _save(self) -> None:
        """Whatever was taken must be safe before it is deleted at the provider."""
        if not await self._reviewer.save():
            raise ConfigError(
                "answers cannot be kept on disk, so none are asked for in a batch, or taken from one; set "
                "disk_cache to true, and check the state folder's free space and permissions"
            )

    async def _take(self, result: Result, units: tuple[AskedUnit, ...], run: _Run) -> None:
        entries = [run.wanted.get(unit.digest) for unit in units]
        pieces = [
            unit.lines if entry is None else entry.piece for unit, entry in zip(units, entries, strict=True)
        ]
        answered = await asyncio.to_thread(self._client.requests().read, result, pieces)
        if answered.usage.requests:
            run.outcome.usage += answered.usage
            self._client.book(answered.usage)
            run.watcher.taken(answered.usage)
        if not answered.analyses:
            self._miss(units, answered.problem, run)
            return
        for unit, analysis in zip(units, answered.analyses, strict=True):
            if analysis is not None:
                self._reviewer.remember(unit.digest, analysis)
                del run.wanted[unit.digest]
                run.outcome.landed += 1

    def _miss(self, units: Iterable[AskedUnit], why: str, run: _Run) -> None:
        lost = sum(unit.digest in run.wanted for unit in units)
        if lost:
            run.outcome.failed[why] += lost

    async def _tidy_up(self, sent: Sent, files: Collection[str]) -> None:
        """Delete what lies at the provider; what cannot be deleted now is tried again by the next run."""
        if await self._client.discard(files):
            await self._states.remove(sent)

    def _estimate(self, packs: list[tuple[Entry, ...]]) -> Estimate:
        units = sum(len(entries) for entries in packs)
        return Estimate(units, len(packs), self._usage(packs))

    def _most(self, packs: list[tuple[Entry, ...]], numbers: Iterable[int]) -> Usage:
        """What the requests of one batch take, by estimate."""
        return self._usage([packs[number] for number in numbers])

    def _usage(self, packs: list[tuple[Entry, ...]]) -> Usage:
        # By request: a price may rise with the length of one.
        parts = (
            self._client.cost(Usage(1, request_tokens(entries), output_tokens=_TYPICAL_ANSWER))
            for entries in packs
        )
        return sum(parts, start=Usage())


def _progress(live: list[tuple[Sent, Batch]]) -> Progress:
    slowest = min((batch for _, batch in live), key=lambda batch: list(Status).index(batch.status))
    totals = [batch.total for _, batch in live]
    return Progress(
        batches=len(live),
        status=slowest.status.value.replace("_", " "),
        done=sum(batch.completed + batch.failed for _, batch in live),
        total=sum(totals) if all(totals) else 0,
    )


def _why_failed(batch: Batch) -> str:
    codes = ", ".join(batch.errors) or "no reason given"
    advice = "check the provider's page of batches"
    if "token_limit_exceeded" in batch.errors:
        advice = "more is waiting there than the account may have: let other batches end, or name fewer files"
    return f"{batch.id} was not accepted ({codes}); {advice}"
