"""The tiers below the memory as one: read from the nearest that knows, written to all.

What is found at the team's server is written to the disk on the way, so that the next window, and a day
without a network, find it there. Values are checked before they count as found: what fails the check is
looked for further down, and overwritten or deleted where it was.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping

    from kibitz.cache.tier import Kept, Tier

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Hit(Generic[V]):
    """What a tier knew, and how good that still is; see ``Kept``."""

    value: V
    fresh_s: float
    left_s: float
    tier: str


class Tiers:
    """See the module. Belongs to one event loop."""

    def __init__(self, disk: Tier | None, team: Tier | None = None) -> None:
        self._disk = disk
        self._team = team
        self._must_clear = False
        self._reads_team = True
        self._errands: set[asyncio.Task[object]] = set()

    @property
    def names(self) -> tuple[str, ...]:
        """The tiers that there are, nearest first."""
        return tuple(tier.name for tier in (self._disk, self._team) if tier is not None)

    async def get(
        self,
        digests: Collection[str],
        check: Callable[[Mapping[str, Kept]], Awaitable[Mapping[str, V]]],
    ) -> dict[str, Hit[V]]:
        """Those of ``digests`` that are known, as ``check`` makes them of what is kept, if that holds."""
        found: dict[str, Hit[V]] = {}
        if self._disk is not None and await self._cleared():
            rows = await self._disk.get(digests)
            found = await _checked(rows, check, self._disk.name)
            if bad := rows.keys() - found.keys():
                self._send(self._disk.put({}, discard=bad))
        missing = [digest for digest in digests if digest not in found]
        if self._team is not None and self._reads_team and missing:
            rows = await self._team.get(missing)
            news = await _checked(rows, check, self._team.name)
            if self._disk is not None and news and not self._must_clear:
                self._send(self._disk.put({digest: rows[digest] for digest in news}))
            found |= news
        return found

    async def look(self, digest: str) -> Kept | None:
        """What is on disk under ``digest``, unchecked; the team is not asked."""
        if self._disk is None or not await self._cleared():
            return None
        return (await self._disk.get((digest,))).get(digest)

    async def put(self, values: Mapping[str, Kept], *, local: Mapping[str, Kept] | None = None) -> bool:
        """Keep ``values`` everywhere, and ``local`` on disk alone. False if they are not on disk."""
        if self._team is not None and values:
            self._send(self._team.put(values))
        if self._disk is None or not await self._cleared():
            return False
        written = {**values, **(local or {})}
        return await self._disk.put(written) if written else True

    async def clear(self) -> None:
        """Forget what this user has kept. If that cannot be written now, nothing is read until it can.

        The team's answers stay, but are not read here any more: what somebody threw away must not come back.
        """
        self._reads_team, self._must_clear = False, True
        await self._settled()
        await self._cleared()

    async def aclose(self) -> None:
        """Finish writing."""
        await self._settled()
        for tier in (self._disk, self._team):
            if tier is not None:
                await tier.aclose()

    async def _cleared(self) -> bool:
        """Whether nothing is on disk that should be gone."""
        if self._must_clear and (self._disk is None or await self._disk.clear()):
            self._must_clear = False
        return not self._must_clear

    async def _settled(self) -> None:
        while self._errands:
            await asyncio.wait(self._errands)

    def _send(self, errand: Coroutine[object, object, object]) -> None:
        task = asyncio.get_running_loop().create_task(errand)
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)


async def _checked(
    rows: Mapping[str, Kept],
    check: Callable[[Mapping[str, Kept]], Awaitable[Mapping[str, V]]],
    tier: str,
) -> dict[str, Hit[V]]:
    if not rows:
        return {}
    return {
        digest: Hit(value, rows[digest].fresh_s, rows[digest].left_s, tier)
        for digest, value in (await check(rows)).items()
    }
