"""Answers in memory, bounded in bytes and in age.

Not thread-safe, and on purpose without a lock: all use is on one event loop.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from cachetools import TLRUCache

if TYPE_CHECKING:
    from collections.abc import Callable

V = TypeVar("V")

ENTRY_OVERHEAD = 1_024
"""Bytes that any entry counts at least. It also bounds their number: expiring 100,000 at once stalls a
loop for 100 ms, the 16,000 of a full default cache do not."""
_JITTER = 0.1


@dataclass(frozen=True, slots=True)
class CacheStats:
    """Counts since the start, and what is there now."""

    hits: int
    misses: int
    evictions: int
    """Entries that made room for others."""
    expirations: int
    rejected: int
    """Values too large to keep."""
    entries: int
    size_bytes: int


@dataclass(slots=True)
class _Counts:
    hits: int = 0
    misses: int = 0
    evictions: int = 0
    expirations: int = 0
    rejected: int = 0


class MemoryCache(Generic[V]):
    """A cache of values by digest: the least recently used go first, none outlives its time.

    Times to live differ by up to ten per cent either way, fixed by the digest, so that what was learnt
    together is not forgotten together.
    """

    def __init__(
        self,
        *,
        max_bytes: int,
        ttl_s: float,
        size_of: Callable[[V], int],
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ttl_s = ttl_s
        self._size_of = size_of
        self._counts = _Counts()
        self._lives_s: float | None = None
        self._entries: _Entries[V] = _Entries(max_bytes, self._expiry, timer, self._weigh)
        self._entries.counts = self._counts

    def get(self, digest: str) -> V | None:
        """The value, or None. A hit does not prolong its life."""
        try:
            value = self._entries[digest]
        except KeyError:
            self._counts.misses += 1
            return None
        self._counts.hits += 1
        return value

    def __contains__(self, digest: str) -> bool:
        """Whether ``get`` would find it now; counts as neither hit nor miss."""
        return digest in self._entries

    def digests(self) -> frozenset[str]:
        """All that is there, or was until its time was over."""
        return frozenset(self._entries)

    def put(self, digest: str, value: V, *, lives_s: float | None = None) -> bool:
        """Keep a value; False if it is larger than the whole cache and was not kept.

        ``lives_s``: the most that is left of its life, in seconds; it never lives longer than others.
        """
        self._lives_s = lives_s
        try:
            self._entries[digest] = value
        except ValueError:  # cachetools' way to say "too large"
            self._counts.rejected += 1
            return False
        return True

    def clear(self) -> None:
        """Forget every value. The counts go on."""
        self._entries.clear()

    def stats(self) -> CacheStats:
        """The counts now."""
        entries, size = len(self._entries), int(self._entries.currsize)
        counts = self._counts
        return CacheStats(
            hits=counts.hits,
            misses=counts.misses,
            evictions=counts.evictions,
            expirations=counts.expirations,
            rejected=counts.rejected,
            entries=entries,
            size_bytes=size,
        )

    def _expiry(self, digest: str, _value: V, now: float) -> float:
        share = int(digest[:8], 16) / 0xFFFF_FFFF
        lives_s = self._ttl_s * (1 - _JITTER + 2 * _JITTER * share)
        return now + (lives_s if self._lives_s is None else min(lives_s, self._lives_s))

    def _weigh(self, value: V) -> int:
        return ENTRY_OVERHEAD + self._size_of(value)


class _Entries(TLRUCache[str, V, float], Generic[V]):
    """cachetools' cache, with counts of what it drops by itself."""

    counts: _Counts

    def popitem(self) -> tuple[str, V]:
        item = super().popitem()
        self.counts.evictions += 1
        return item

    def expire(self, time: float | None = None) -> list[tuple[str, V]]:
        gone = super().expire(time)
        self.counts.expirations += len(gone)
        return gone
