"""Reviews one version of a pair, as ``kibitz check`` would a file that nobody has seen before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kibitz.app.identities import identity, verifier
from kibitz.cache.memory import MemoryCache
from kibitz.evaluation.recording import watching
from kibitz.evaluation.reviewed import Reviewed, reviewed
from kibitz.provider.errors import ConfigError, OpenAIError
from kibitz.provider.fallback import BUDGET
from kibitz.provider.limits.priority import Priority, Urgency
from kibitz.provider.models import Piece
from kibitz.provider.usage import Usage, Verification
from kibitz.review.answers import Answers, Held, size_of
from kibitz.review.assemble import assemble
from kibitz.review.entries import Entry
from kibitz.review.kept import Lives
from kibitz.review.result import Review, Source, Stats
from kibitz.review.reviewer import Reviewer
from kibitz.review.units import Unit
from kibitz.text.spans import Span

if TYPE_CHECKING:
    from kibitz.cache.key import Identity
    from kibitz.evaluation.pairs import Pair, Side
    from kibitz.provider.client import OpenAIClient
    from kibitz.review.result import ReviewSettings

_MEMORY = 1 << 24
_SECONDS = 86_400.0
_WHOLE = "whole"


@dataclass(frozen=True, slots=True)
class Asker:
    """Whoever reviews, and how."""

    client: OpenAIClient
    settings: ReviewSettings
    identity: Identity
    whole: bool = False
    """Whether a file is one question, instead of one for each of its definitions."""

    async def review(self, pair: Pair, side: Side) -> tuple[Reviewed, bool]:
        """Review one version; and whether it failed for a reason that all others would fail for, too."""
        text = pair.text(side)
        with watching() as seconds:
            if self.whole:
                review = await self._whole(text, pair.language)
            else:
                review = await self._by_units(text, pair.language)
        hopeless = any(isinstance(error, ConfigError) or error.code == BUDGET for error in review.errors)
        return reviewed(pair.id, side, text, review, sum(seconds)), hopeless

    async def missing(self, pair: Pair, side: Side) -> list[list[Piece]]:
        """What would be asked about one version, by request."""
        text = pair.text(side)
        if self.whole:
            return [[Piece(text, pair.language)]]
        reviewer = self._reviewer()
        entries, _ = await reviewer.missing(Source(text, pair.language))
        await reviewer.aclose()
        return [[entry.piece for entry in batch] for batch in reviewer.packed(entries)]

    async def _by_units(self, text: str, language: str) -> Review:
        reviewer = self._reviewer()
        try:
            urgency = Urgency(Priority.EXPLICIT)
            return await reviewer.review(Source(text, language), urgency=urgency, verify=True, stale=False)
        finally:
            await reviewer.aclose()

    def _reviewer(self) -> Reviewer:
        """One that knows nothing: else what is asked would depend on what was reviewed before."""
        lives = Lives(_SECONDS, 0.0)
        memory: MemoryCache[Held] = MemoryCache(max_bytes=_MEMORY, ttl_s=_SECONDS, size_of=size_of)
        return Reviewer(
            self.client,
            Answers(memory, lives),
            self.identity,
            self.settings,
            verifier=verifier(self.client.config),
        )

    async def _whole(self, text: str, language: str) -> Review:
        span, piece = Span(0, len(text)), Piece(text, language)
        try:
            batch = await self.client.process_pieces([piece], verify=True)
        except OpenAIError as error:
            stats = Stats(usage=error.usage or Usage(), verification=error.verification or Verification())
            return Review(unreviewed=(span,), errors=(error,), stats=stats)
        (analysis,) = batch.pieces
        entry = Entry(Unit(span, "", "code", text), piece, _WHOLE)
        shown = assemble((entry,), {_WHOLE: analysis}, self.settings)
        stats = Stats(
            units=1,
            usage=batch.usage,
            dropped=analysis.dropped,
            hidden=shown.hidden,
            verification=batch.verification,
        )
        return Review(shown.findings, stats=stats)


def asker(
    client: OpenAIClient, settings: ReviewSettings, *, embedded: bool = False, whole: bool = False
) -> Asker:
    """Ask by way of a client. Blocks for some milliseconds; ``embedded``: it is this machine's own model."""
    return Asker(client, settings, identity(client.config, "embedded" if embedded else ""), whole)
