"""Answers of earlier runs and other windows: read before a review looks them up, written behind its back.

The disk is never waited for but to read, and its failure costs nothing but money: then only this process's
memory knows what was answered.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kibitz.review.stored import Unreadable, decode, encode
from kibitz.state.database import StateUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kibitz.cache.disk import DiskCache, Kept
    from kibitz.provider.models import PieceAnalysis
    from kibitz.review.entries import Entry

_PAUSE_S = 0.2
"""Seconds for which answers are collected before they are written."""


@dataclass(frozen=True, slots=True)
class Found:
    """An answer that was kept, and for how many seconds it still holds."""

    analysis: PieceAnalysis
    left_s: float


class KeptAnswers:
    """Answers by digest on disk. Belongs to one event loop."""

    def __init__(self, disk: DiskCache, *, pause_s: float = _PAUSE_S) -> None:
        self._disk = disk
        self._pause_s = pause_s
        self._pending: dict[str, PieceAnalysis] = {}
        self._bad: set[str] = set()
        self._must_clear = False
        self._writing = asyncio.Lock()
        self._writer: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    async def find(self, entries: Iterable[Entry]) -> dict[str, Found]:
        """What is known about ``entries``, by digest; each answer was checked against its entry's text."""
        wanted = {entry.digest: entry for entry in entries}
        try:
            await self._clear()
            rows = await self._disk.get(wanted)
        except StateUnavailable:
            return {}
        if not rows:
            return {}
        found, bad = await asyncio.to_thread(_checked, rows, wanted)
        self._bad |= bad
        if bad or self._disk.has_news:
            self._write_soon()
        return found

    def keep(self, digest: str, analysis: PieceAnalysis) -> None:
        """Remember an answer; it is written soon."""
        self._pending[digest] = analysis
        self._write_soon()

    async def flush(self) -> bool:
        """Write now what waits; False if it could not be."""
        async with self._writing:
            pending, self._pending = self._pending, {}
            bad, self._bad = self._bad, set()
            if not pending and not bad and not self._disk.has_news:
                return True
            rows = await asyncio.to_thread(_encoded, pending)
            try:
                await self._clear()
                await self._disk.put(rows, discard=bad.difference(rows))
            except StateUnavailable:
                return False
            return True

    async def clear(self) -> None:
        """Forget all, on disk too. If that cannot be written now, nothing is read until it can."""
        self._must_clear = True
        async with self._writing:
            self._pending.clear()
            with suppress(StateUnavailable):
                await self._clear()

    async def aclose(self) -> None:
        """Write what waits."""
        self._closing.set()
        if self._writer is not None:
            await self._writer
        await self.flush()

    def _write_soon(self) -> None:
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())

    async def _write(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._pause_s):
                await self._closing.wait()
        await self.flush()
        # What came meanwhile found this task still busy, and started no other.
        while self._pending or self._bad:
            await self.flush()

    async def _clear(self) -> None:
        if self._must_clear:
            await self._disk.clear()
            self._must_clear = False


def _checked(rows: Mapping[str, Kept], wanted: Mapping[str, Entry]) -> tuple[dict[str, Found], set[str]]:
    """Those of the rows that hold, and the digests of the others."""
    found: dict[str, Found] = {}
    bad: set[str] = set()
    for digest, kept in rows.items():
        piece = wanted[digest].piece
        try:
            found[digest] = Found(decode(kept.value, piece.text, piece.language), kept.left_s)
        except Unreadable:
            bad.add(digest)
    return found, bad


def _encoded(analyses: Mapping[str, PieceAnalysis]) -> dict[str, str]:
    return {digest: encode(analysis) for digest, analysis in analyses.items()}
