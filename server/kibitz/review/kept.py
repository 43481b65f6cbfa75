"""Answers of earlier runs, other windows and the team.

They are read before a review looks them up, and written behind its back. Nothing is waited for but reading,
and the failure of a place costs nothing but money: then only the memory of this process knows what was
answered.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kibitz.cache.tier import Kept
from kibitz.review.known import FAILURE_S, Failure, Known
from kibitz.review.stored import Unreadable, decode, encode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kibitz.cache.tiers import Tiers
    from kibitz.provider.models import Piece
    from kibitz.review.known import Answer

_PAUSE_S = 0.2
"""Seconds for which answers are collected before they are written."""
_JITTER = 0.1


@dataclass(frozen=True, slots=True)
class Lives:
    """For how long answers are kept, in seconds."""

    fresh_s: float
    stale_s: float
    """So much longer they are shown while they are asked for again."""

    def of(self, digest: str, answer: Answer) -> tuple[float, float]:
        """For how long an answer is fresh, and in how many seconds it is gone.

        Times differ by up to ten per cent either way, fixed by the digest, so that what was learnt together
        is not asked for again together.
        """
        if isinstance(answer, Failure):
            lives = min(FAILURE_S, self.fresh_s)
            return lives, lives
        share = int(digest[:8], 16) / 0xFFFF_FFFF
        return self._after(self.fresh_s * (1 - _JITTER + 2 * _JITTER * share))

    @property
    def least(self) -> tuple[float, float]:
        """The same of any answer about code: it is for as long at least."""
        return self._after(self.fresh_s * (1 - _JITTER))

    def _after(self, fresh_s: float) -> tuple[float, float]:
        return fresh_s, fresh_s + self.stale_s if fresh_s else 0.0


class KeptAnswers:
    """Answers by digest, in the tiers below the memory. Belongs to one event loop."""

    def __init__(self, tiers: Tiers, lives: Lives, *, pause_s: float = _PAUSE_S) -> None:
        self._tiers = tiers
        self._lives = lives
        self._pause_s = pause_s
        self._pending: dict[str, Answer] = {}
        self._records: dict[str, Callable[[], Kept | None]] = {}
        self._writing = asyncio.Lock()
        self._writer: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    @property
    def tiers(self) -> tuple[str, ...]:
        """The names of the places, nearest first."""
        return self._tiers.names

    async def find(self, pieces: Mapping[str, Piece]) -> dict[str, Known]:
        """What is known, by digest; each answer was checked against the piece that it is about."""
        if not pieces:
            return {}

        async def check(rows: Mapping[str, Kept]) -> dict[str, Answer]:
            return await asyncio.to_thread(_decoded, rows, pieces)

        hits = await self._tiers.get(pieces, check)
        return {
            digest: Known(hit.value, hit.fresh_s, hit.left_s, hit.tier)
            for digest, hit in hits.items()
            if not (isinstance(hit.value, Failure) and hit.fresh_s <= 0)
        }

    async def find_record(self, digest: str) -> Kept | None:
        """What was kept with ``keep_record``, unchecked."""
        return await self._tiers.look(digest)

    def keep(self, digest: str, answer: Answer) -> None:
        """Remember an answer; it is written soon."""
        self._pending[digest] = answer
        self._write_soon()

    def keep_record(self, digest: str, record: Callable[[], Kept | None]) -> None:
        """Remember something that can be found out again without asking anybody: on disk alone.

        ``record`` makes it, or decides against it; it is called in a thread.
        """
        self._records[digest] = record
        self._write_soon()

    async def flush(self) -> bool:
        """Write now what waits; False if it could not be."""
        async with self._writing:
            pending, self._pending = self._pending, {}
            records, self._records = self._records, {}
            if not pending and not records:
                return await self._tiers.put({})
            values, local = await asyncio.to_thread(_encoded, pending, records, self._lives)
            return await self._tiers.put(values, local=local)

    async def clear(self) -> None:
        """Forget all, on disk too. If that cannot be written now, nothing is read until it can."""
        async with self._writing:
            self._pending.clear()
            self._records.clear()
            await self._tiers.clear()

    async def aclose(self) -> None:
        """Write what waits."""
        self._closing.set()
        if self._writer is not None:
            await self._writer
        await self.flush()
        await self._tiers.aclose()

    def _write_soon(self) -> None:
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())

    async def _write(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._pause_s):
                await self._closing.wait()
        await self.flush()
        # What came meanwhile found this task still busy, and started no other.
        while self._pending or self._records:
            await self.flush()


def _decoded(rows: Mapping[str, Kept], pieces: Mapping[str, Piece]) -> dict[str, Answer]:
    """Those of the rows that hold."""
    found: dict[str, Answer] = {}
    for digest, kept in rows.items():
        piece = pieces[digest]
        with suppress(Unreadable):
            codes = piece.guidance.codes if piece.guidance is not None else ()
            found[digest] = decode(kept.value, piece.text, piece.language, codes)
    return found


def _encoded(
    answers: Mapping[str, Answer], records: Mapping[str, Callable[[], Kept | None]], lives: Lives
) -> tuple[dict[str, Kept], dict[str, Kept]]:
    values = {digest: Kept(encode(answer), *lives.of(digest, answer)) for digest, answer in answers.items()}
    made = {digest: make() for digest, make in records.items()}
    return values, {digest: record for digest, record in made.items() if record is not None}
