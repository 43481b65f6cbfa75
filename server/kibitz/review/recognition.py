"""Recognises documents that were reviewed as they are: then they need not be parsed to be looked up."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from kibitz.cache.tier import Kept
from kibitz.provider.models import PieceAnalysis
from kibitz.review import whole
from kibitz.review.run import Run

if TYPE_CHECKING:
    from collections.abc import Callable

    from kibitz.findings.finding import Finding
    from kibitz.findings.guidance import Guidance
    from kibitz.review.answers import Answers
    from kibitz.review.lookup import LookUp
    from kibitz.review.result import Review, ReviewSettings, Source
    from kibitz.review.whole import Whose

_LONGEST_RECORD = 65_536


@dataclass(frozen=True, slots=True)
class Recognition:
    """A document, and what is known of it as a whole."""

    digest: str
    review: Review | None = None
    """None: it has to be looked up unit by unit."""


class Recogniser:
    """Belongs to one event loop."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._keys: dict[Whose, whole.FileKeys] = {}

    async def look(
        self, source: Source, whose: Whose, settings: ReviewSettings, guidance: Guidance | None
    ) -> Recognition | None:
        """What is known of a document; None where nothing is kept of documents."""
        kept = self._answers.kept
        if kept is None:
            return None
        digest = await asyncio.to_thread(self._digest, source, whose, guidance)
        row = await kept.find_record(digest)
        record = whole.decode(row.value) if row is not None and row.fresh_s > 0 else None
        if record is None:
            return Recognition(digest)
        return Recognition(digest, await self._restored(record, source, settings, guidance))

    async def knows(self, source: Source, whose: Whose, guidance: Guidance | None) -> bool:
        """Whether a document is known as a whole, so that a review of it will hardly read it."""
        kept = self._answers.kept
        if kept is None:
            return False
        row = await kept.find_record(await asyncio.to_thread(self._digest, source, whose, guidance))
        return row is not None and row.fresh_s > 0

    def keep(self, recognition: Recognition, run: Run, looked_up: LookUp) -> None:
        """Remember what a review came to, if there is an answer about every unit that will be found again."""
        kept = self._answers.kept
        digests = {entry.digest for entry in run.entries}
        if kept is None or not digests <= run.known.keys() or run.failed or run.errors or looked_up.stale:
            return
        if any(run.known[digest].answered_by or run.known[digest].unverified for digest in digests):
            return
        fresh_s, left_s = self._answers.least
        fresh_s, left_s = min(fresh_s, looked_up.fresh_s), min(left_s, looked_up.left_s)
        if fresh_s > 0:
            # For a long document this takes milliseconds, which the next keystroke need not wait for.
            kept.keep_record(recognition.digest, partial(_record, run, fresh_s, left_s))

    def _digest(self, source: Source, whose: Whose, guidance: Guidance | None) -> str:
        if whose not in self._keys:
            self._keys[whose] = whole.FileKeys(whose)
        return self._keys[whose].of_text(source.language, source.text, guidance)

    async def _restored(
        self,
        record: whole.WholeFile,
        source: Source,
        settings: ReviewSettings,
        guidance: Guidance | None,
    ) -> Review | None:
        """The review, if the answers that it needs are all there and as good as new."""
        entries = whole.entries_found(record, source.text, source.language, guidance)
        if entries is None:
            return None
        fetched = await self._answers.fetch({key: entry.piece for entry in entries for key in entry.keys})
        run = Run(entries)
        run.dismissed = await dismissed_of(source, settings)
        run.cached = frozenset(entry.digest for entry in entries)
        looked_up = []
        for entry in entries:
            known = next((fetched[key] for key in entry.keys if key in fetched), None)
            if known is None or known.fresh_s <= 0 or not isinstance(known.answer, PieceAnalysis):
                return None
            run.known[entry.digest] = known.answer
            looked_up.append(known)
        self._answers.note(looked_up)
        self._answers.note_whole(record.units - len(entries), record.paid)
        review = run.state(settings)
        dropped = Counter(review.stats.dropped) + Counter(record.dropped)
        stats = replace(review.stats, units=record.units, cached_units=record.units, dropped=dropped)
        return replace(review, stats=stats)


async def dismissed_of(source: Source, settings: ReviewSettings) -> Callable[[Finding], str | None] | None:
    """Why the user does not want to see findings of a document; None: there is nothing to go by."""
    if settings.dismissing is None:
        return None
    return await asyncio.to_thread(settings.dismissing.of, source)


def _record(run: Run, fresh_s: float, left_s: float) -> Kept | None:
    """What is known of the document as a whole; None if that is more than is worth keeping. Takes CPU."""
    value = whole.encode(whole.record_of(run.entries, run.known))
    return Kept(value, fresh_s, left_s) if len(value) <= _LONGEST_RECORD else None
