"""What is known of units: in the memory of this process, and in the tiers below it.

Looking something up waits for nothing. What only the tiers know is fetched before.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kibitz.provider.models import PieceAnalysis
from kibitz.review.counting import counted
from kibitz.review.known import FAILURE_S, Failure, Known
from kibitz.telemetry.cachecounts import CacheCounts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from kibitz.cache.memory import CacheStats, MemoryCache
    from kibitz.provider.models import Piece, Usage
    from kibitz.review.kept import KeptAnswers, Lives
    from kibitz.review.known import Answer

MEMORY, DISK = "memory", "disk"
SUBSTITUTE_S = 900.0
"""So long an answer counts that something else gave in place of the configured model."""


@dataclass(frozen=True, slots=True)
class Held:
    """An answer in memory."""

    answer: Answer
    fresh_until: float
    """By the timer."""
    gone_at: float


def size_of(held: Held) -> int:
    """About how many bytes an answer takes in memory; what the cache counts."""
    answer = held.answer
    if isinstance(answer, Failure):
        return 0
    size = 64 * len(answer.dropped)
    for finding in answer.findings:
        size += 512 + 2 * (len(finding.title) + len(finding.trigger) + len(finding.quote))
        if finding.fix is not None:
            size += 256 + 2 * (len(finding.fix.old_text) + len(finding.fix.new_text))
    return size


class Answers:
    """See the module. Belongs to one event loop."""

    def __init__(
        self,
        memory: MemoryCache[Held],
        lives: Lives,
        *,
        kept: KeptAnswers | None = None,
        count: Callable[[str, CacheCounts], None] = lambda _tier, _counts: None,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        """Does no I/O.

        Args:
            memory: holds what was looked up or answered lately; by the same ``timer``.
            lives: for how long answers are good.
            kept: the tiers below.
            count: is told what each tier was asked and knew.
            timer: seconds that only go forward.
        """
        self.kept = kept
        self._memory = memory
        self._lives = lives
        self._count = count
        self._timer = timer

    async def fetch(self, pieces: Mapping[str, Piece]) -> dict[str, Known]:
        """What is known, by digest; what memory lacks is brought there."""
        found: dict[str, Known] = {}
        for digest in pieces:
            if (known := self.recall(digest)) is not None:
                found[digest] = known
        if self.kept is not None:
            missing = {digest: piece for digest, piece in pieces.items() if digest not in found}
            for digest, known in (await self.kept.find(missing)).items():
                self._hold(digest, known.answer, known.fresh_s, known.left_s)
                found[digest] = known
        return found

    def recall(self, digest: str) -> Known | None:
        """What memory knows."""
        held = self._memory.get(digest)
        if held is None:
            return None
        now = self._timer()
        return Known(held.answer, held.fresh_until - now, held.gone_at - now, MEMORY)

    def remember(self, digest: str, answer: Answer) -> None:
        """Keep an answer for as long as it deserves."""
        fresh_s, left_s = self._lives.of(digest, answer)
        is_substitute = isinstance(answer, PieceAnalysis) and bool(answer.answered_by)
        if is_substitute:
            fresh_s = left_s = min(SUBSTITUTE_S, fresh_s)
        self._hold(digest, answer, fresh_s, left_s)
        if self.kept is not None and not is_substitute:
            self.kept.keep(digest, answer)

    def put_off(self, digest: str) -> None:
        """A stale answer could not be had anew: it has to do for another while."""
        known = self.recall(digest)
        if known is not None and known.fresh_s <= 0:
            self._hold(digest, known.answer, FAILURE_S, known.left_s)

    def note(self, looked_up: Iterable[Known | None]) -> None:
        """Count what became of looking up units: what was found where, or (None) nowhere."""
        tiers = (MEMORY, *(self.kept.tiers if self.kept is not None else ()))
        for tier, counts in counted(looked_up, tiers).items():
            self._count(tier, counts)

    def note_whole(self, units: int, paid: Usage) -> None:
        """Count units that were known without being looked up, since their file was."""
        if units:
            self._count(
                DISK, CacheCounts(units, units, 0, 0, paid.input_tokens, paid.output_tokens, paid.cost_usd)
            )

    @property
    def least(self) -> tuple[float, float]:
        """For how many seconds any new answer is fresh, and in how many the first of them is gone."""
        return self._lives.least

    def digests(self) -> frozenset[str]:
        """Under which answers are in memory now."""
        return self._memory.digests()

    def stats(self) -> CacheStats:
        """How the memory has done since the start."""
        return self._memory.stats()

    async def forget(self) -> None:
        """Drop all, on disk too: what is reviewed next is asked for again."""
        self._memory.clear()
        if self.kept is not None:
            await self.kept.clear()

    async def save(self) -> bool:
        """Write what is remembered, now; False where nothing is kept on disk, or it cannot be written."""
        return self.kept is not None and await self.kept.flush()

    async def aclose(self) -> None:
        """Write what waits."""
        if self.kept is not None:
            await self.kept.aclose()

    def _hold(self, digest: str, answer: Answer, fresh_s: float, left_s: float) -> None:
        now = self._timer()
        self._memory.put(digest, Held(answer, now + fresh_s, now + left_s), lives_s=left_s)
