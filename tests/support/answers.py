"""What a reviewer knows, for tests: a memory, and tiers below it if a test has any."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from kibitz.cache.memory import MemoryCache
from kibitz.cache.tiers import Tiers
from kibitz.review.answers import Answers, Held, size_of
from kibitz.review.kept import KeptAnswers, Lives

if TYPE_CHECKING:
    from collections.abc import Callable

    from kibitz.cache.tier import Tier

LIVES = Lives(fresh_s=1_000, stale_s=1_000)


def kept_in(disk: Tier | None, team: Tier | None = None, *, pause_s: float = 0.0) -> KeptAnswers:
    """Answers in these tiers."""
    return KeptAnswers(Tiers(disk, team), LIVES, pause_s=pause_s)


def answers(
    kept: KeptAnswers | None = None,
    *,
    memory: int = 1 << 20,
    timer: Callable[[], float] = time.monotonic,
) -> Answers:
    """Answers in memory, of so many bytes at most, and in the tiers of ``kept``."""
    cache: MemoryCache[Held] = MemoryCache(max_bytes=memory, ttl_s=3_000, size_of=size_of, timer=timer)
    return Answers(cache, LIVES, kept=kept, timer=timer)
