"""Splits documents into entries, ahead of time where a review is about to come. Belongs to one event loop.

It is the longest that a review does before it knows what to ask, and goes by the text alone: so it can be
done while the pause in the typing is still being waited out.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from kibitz.review.entries import entries_of

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from kibitz.findings.guidance import Guidance
    from kibitz.review.entries import Entry
    from kibitz.review.result import Source
    from kibitz.review.whole import Whose
    from kibitz.text.spans import Span


@dataclass(frozen=True, slots=True)
class _Wanted:
    """All that entries depend on."""

    text: str
    language: str
    edited: tuple[Span, ...]
    whose: Whose
    guidance: Guidance | None


class Splits:
    """See the module."""

    def __init__(self, digests: Callable[[], Container[str]]) -> None:
        """``digests`` are those that will hardly be asked about."""
        self._digests = digests
        self._ahead: tuple[_Wanted, asyncio.Task[tuple[Entry, ...]]] | None = None

    def prepare(self, source: Source, whose: Whose, guidance: Guidance | None) -> None:
        """Begin. Of all that is prepared, the last is kept, until it is taken."""
        wanted = _wanted(source, whose, guidance)
        if self._ahead is None or self._ahead[0] != wanted:
            self.drop()
            self._ahead = wanted, asyncio.get_running_loop().create_task(self._split(wanted))

    async def of(self, source: Source, whose: Whose, guidance: Guidance | None) -> tuple[Entry, ...]:
        """The entries of a document; waits for what is prepared."""
        wanted = _wanted(source, whose, guidance)
        if self._ahead is None or self._ahead[0] != wanted:
            return await self._split(wanted)
        task, self._ahead = self._ahead[1], None
        # Not shielded: nobody else waits for it.
        return await task

    def drop(self) -> None:
        """Keep nothing of what is prepared."""
        if self._ahead is not None:
            self._ahead[1].cancel()
        self._ahead = None

    async def _split(self, wanted: _Wanted) -> tuple[Entry, ...]:
        whose = wanted.whose
        read = partial(entries_of, known=self._digests(), edited=wanted.edited, guidance=wanted.guidance)
        return await asyncio.to_thread(read, wanted.text, wanted.language, whose.identity, whose.accepted)


def _wanted(source: Source, whose: Whose, guidance: Guidance | None) -> _Wanted:
    # Whoever is asked to rewrite a piece is asked by no rules.
    asked = guidance if whose.identity.mode == "list" else None
    return _Wanted(source.text, source.language, source.edited, whose, asked)
