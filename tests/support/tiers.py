"""Tiers and claims in memory: what several processes would share, a test shares between objects."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from kibitz.cache.tier import Kept


@dataclass
class MemoryTier:
    """A ``Tier``; what it holds does not age."""

    name: str = "disk"
    rows: dict[str, Kept] = field(default_factory=dict)
    problem: str = ""
    asked: list[set[str]] = field(default_factory=list)
    closed: bool = False

    async def get(self, digests: Collection[str]) -> dict[str, Kept]:
        self.asked.append(set(digests))
        return {} if self.problem else {d: self.rows[d] for d in digests if d in self.rows}

    async def put(self, values: Mapping[str, Kept], *, discard: Collection[str] = ()) -> bool:
        if self.problem:
            return False
        for digest in discard:
            self.rows.pop(digest, None)
        self.rows.update(values)
        return True

    async def clear(self) -> bool:
        if self.problem:
            return False
        self.rows.clear()
        return True

    async def aclose(self) -> None:
        self.closed = True


@dataclass
class Registry:
    """Who has claimed what, and how urgently others want it."""

    owners: dict[str, str] = field(default_factory=dict)
    wanted: dict[str, int] = field(default_factory=dict)
    releases: list[str] = field(default_factory=list)


@dataclass
class MemoryClaims:
    """The ``Claims`` of one process."""

    registry: Registry
    owner: str

    async def take(self, digests: Collection[str], priority: int) -> frozenset[str]:
        owners, wanted = self.registry.owners, self.registry.wanted
        for digest in digests:
            if owners.setdefault(digest, self.owner) != self.owner:
                wanted[digest] = min(priority, wanted.get(digest, priority))
        return frozenset(digest for digest in digests if owners[digest] == self.owner)

    async def renew(self, digests: Collection[str]) -> int | None:
        return min((self.registry.wanted[d] for d in digests if d in self.registry.wanted), default=None)

    async def release(self, digests: Collection[str]) -> None:
        for digest in digests:
            if self.registry.owners.get(digest) == self.owner:
                del self.registry.owners[digest]
                self.registry.wanted.pop(digest, None)
                self.registry.releases.append(digest)
