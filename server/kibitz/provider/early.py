"""Findings of an answer that is still being written, landed once each is complete and found in the code.

What is landed early is a promise, not an answer: the whole answer lands again with all its findings.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from kibitz.findings.partial import PartialList
from kibitz.findings.prompt import MAX_FINDINGS
from kibitz.provider.landing import settled
from kibitz.provider.tokens import estimate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kibitz.findings.finding import Finding
    from kibitz.findings.prompt import ListReview
    from kibitz.provider.landing import Job
    from kibitz.provider.turns import Turns


class EarlyFindings:
    """Hears the answer to one list review; a ``call.Listener``."""

    def __init__(
        self,
        pack: Sequence[Job],
        review: ListReview,
        on_finding: Callable[[int, Finding], None],
        turns: Turns,
    ) -> None:
        self._pack = pack
        self._review = review
        self._on_finding = on_finding
        self._turns = turns
        self.shown = False
        self._texts: list[str] = []
        self._list = PartialList("findings", MAX_FINDINGS)

    @property
    def heard(self) -> int:
        """See ``Listener``."""
        return estimate("".join(self._texts))

    def begin(self) -> None:
        """See ``Listener``."""
        self._texts.clear()
        self._list = PartialList("findings", MAX_FINDINGS)

    async def text(self, delta: str) -> None:
        """See ``Listener``."""
        self._texts.append(delta)
        for item in self._list.feed(delta):
            # The gate parses: not on the event loop.
            for index, finding in await self._turns.in_thread(self._settled, item):
                self.shown = True
                self._on_finding(index, finding)

    def _settled(self, item: object) -> list[tuple[int, Finding]]:
        placed = self._review.place(item)
        if placed.claim is None:
            return []
        job = self._pack[placed.piece]
        return [(job.index, finding) for finding in settled(job, [placed.claim], Counter()).findings]
