"""Prepares for files that nobody has opened yet, so that their reviews cost nothing and are there at once.

First what the tiers know of them is brought into memory, which sends nothing. Then, if there is a budget, the
rest is asked for: one file after the other, the most urgent first, after everything that somebody waits for.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from kibitz.provider.errors import ConfigError
from kibitz.provider.fallback import BUDGET
from kibitz.review.entries import pack
from kibitz.review.reviewer import REQUEST_OVERHEAD, request_tokens

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
    from pathlib import Path

    from kibitz.provider.limits.priority import Urgency
    from kibitz.review.entries import Entry
    from kibitz.review.result import Review, ReviewSettings, Source

T = TypeVar("T")


class Asked(Protocol):
    """The part of a ``Reviewer`` that warming needs."""

    settings: ReviewSettings

    async def missing(self, source: Source) -> tuple[list[Entry], int]:
        """What a review would have to ask for, and out of how many units."""

    async def review(self, source: Source, *, urgency: Urgency | None = None, stale: bool = True) -> Review:
        """Review a document."""


class Pace(Protocol):
    """When there is time for what nobody waits for."""

    @property
    def urgency(self) -> Urgency:
        """Of all that is asked; held while there is no time, so that nothing more is sent."""

    async def wait(self) -> None:
        """Until there is time."""


class Budget(Protocol):
    """How much may be asked."""

    async def take(self, tokens: int) -> bool:
        """Take so many input tokens, if there are as many left."""

    async def settle(self, taken: int, used: int) -> None:
        """What was taken is used by now, and was so much in truth."""


@dataclass(slots=True)
class Warmed:
    """What came of it."""

    files: int = 0
    """That could be read."""
    units: int = 0
    known: int = 0
    """Units that were known, to this process or to a tier."""
    asked: int = 0
    """Units that were asked for and answered."""
    left: int = 0
    """Files of which something is still missing."""
    stopped: str = ""
    """Why nothing more was asked, for people; empty if nothing kept it from that."""

    def __str__(self) -> str:
        told = f"{self.files} files: {self.known} of {self.units} units known, {self.asked} asked for"
        if self.left:
            told += f", {self.left} files left"
        return f"{told}; stopped, because {self.stopped}" if self.stopped else told


class Warmer:
    """One run. Belongs to one event loop."""

    def __init__(
        self,
        reviewer: Asked,
        read: Callable[[Path], Awaitable[Source | None]],
        *,
        pace: Pace,
        limited: asyncio.Event,
        budget: Budget | None = None,
        on_step: Callable[[int, int], None] = lambda _done, _of: None,
    ) -> None:
        """Prepare.

        Args:
            reviewer: who reviews.
            read: what there is to review in a file, if anything now.
            pace: when there is time.
            limited: set as soon as the provider wants fewer requests.
            budget: how much may be asked; None: nothing.
            on_step: gets how many files are done, and out of how many.
        """
        self.warmed = Warmed()
        """What has come of it so far."""
        self._reviewer = reviewer
        self._read = read
        self._pace = pace
        self._limited = limited
        self._budget = budget
        self._on_step = on_step

    async def run(self, paths: Iterable[Path]) -> Warmed:
        """Prepare for ``paths``, the most urgent first. Cancel it to end it; what has come by then stays."""
        paths = list(paths)
        cold: list[Path] = []
        for done, path in enumerate(paths):
            if await self._restore(path):
                cold.append(path)
                self.warmed.left += 1
            self._on_step(done + 1, len(paths))
        if self._budget is not None:
            await self._ask_all(cold, self._budget)
        return self.warmed

    async def _restore(self, path: Path) -> bool:
        """Bring into memory what is known about a file; whether something is missing."""
        await self._pace.wait()
        source = await self._read(path)
        if source is None:
            return False
        missing, units = await self._reviewer.missing(source)
        self.warmed.files += 1
        self.warmed.units += units
        self.warmed.known += units - len(missing)
        return bool(missing)

    async def _ask_all(self, paths: Sequence[Path], budget: Budget) -> None:
        for done, path in enumerate(paths):
            await self._pace.wait()
            if self._limited.is_set():
                self.warmed.stopped = "the provider wants fewer requests"
            else:
                await self._ask(path, budget)
            if self.warmed.stopped:
                return
            self.warmed.left -= 1
            self._on_step(done + 1, len(paths))

    async def _ask(self, path: Path, budget: Budget) -> None:
        """Ask for what is missing in a file, as it is by now."""
        source = await self._read(path)
        if source is None:
            return
        missing, _ = await self._reviewer.missing(source)
        tokens = tokens_of(missing, self._reviewer.settings.max_request_tokens)
        if not missing:
            return
        if not await budget.take(tokens):
            self.warmed.stopped = "the day's tokens for it are used up"
            return
        review = await unless(
            self._limited, self._reviewer.review(source, urgency=self._pace.urgency, stale=False)
        )
        if review is None:
            # What was under way may have been read there: the estimate stands.
            self.warmed.stopped = "the provider wants fewer requests"
            return
        await budget.settle(tokens, review.stats.usage.input_tokens)
        self.warmed.asked += len(missing) - len(review.unreviewed)
        if any(e.retryable or isinstance(e, ConfigError) or e.code == BUDGET for e in review.errors):
            # It would meet the next file as well, and nobody waits for an answer.
            self.warmed.stopped = f"the provider cannot be asked: {review.errors[0]}"


def tokens_of(missing: Sequence[Entry], max_request_tokens: int) -> int:
    """About how many input tokens it takes to ask for ``missing``."""
    requests = pack(missing, overhead=REQUEST_OVERHEAD, max_tokens=max_request_tokens)
    return sum(map(request_tokens, requests))


async def unless(event: asyncio.Event, work: Coroutine[object, object, T]) -> T | None:
    """What comes of ``work``; None if ``event`` came first: then it is cancelled."""
    task, waiting = asyncio.ensure_future(work), asyncio.ensure_future(event.wait())
    try:
        await asyncio.wait((task, waiting), return_when=asyncio.FIRST_COMPLETED)
        return await task if task.done() else None
    finally:
        for each in (task, waiting):
            each.cancel()
        await asyncio.gather(task, waiting, return_exceptions=True)
