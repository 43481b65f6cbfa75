"""What a request of a batch says, and what its answer says: hours later, perhaps in another process.

What was asked is not kept anywhere, so an answer is read against the pieces as they are now: those that have
changed since leave a hole of as many lines as they had.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from kibitz.findings.prompt import list_review
from kibitz.findings.request import split_lines
from kibitz.guard.redact import Refused
from kibitz.provider import pricing, wire
from kibitz.provider.errors import InvalidResponse
from kibitz.provider.landing import Job, settled
from kibitz.provider.models import Usage
from kibitz.provider.questions import decoded, question_of
from kibitz.provider.shares import shares
from kibitz.provider.shield import shield, shielded

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kibitz.findings.prompt import PieceClaims
    from kibitz.provider.batch_wire import Result
    from kibitz.provider.config import OpenAIConfig
    from kibitz.provider.models import Piece, PieceAnalysis

_OK = 200
_TOKENS_PER_LINE = 10
"""Of source code, on the mean."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request of a batch before it is one."""

    body: dict[str, Any]
    """As the API would get it at once."""
    pieces: tuple[int, ...]
    """Which of the pieces are in it; the others hold secrets that must not be sent."""
    input_tokens: int
    """Estimated."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of one request."""

    analyses: tuple[PieceAnalysis | None, ...] = ()
    """By piece; None for one that was not looked for. Empty if nothing came of it at all."""
    usage: Usage = field(default_factory=Usage)
    problem: str = ""
    """Why nothing came of it, in a word such as ``batch_expired``."""


@dataclass(frozen=True, slots=True)
class BatchRequests:
    """Writes requests, and reads their answers. Takes CPU: for a thread. Belongs to no thread."""

    config: OpenAIConfig
    dialect: wire.Dialect
    secrets: tuple[str, ...]
    """Hidden wherever they stand in the code."""

    def prepare(self, pieces: Sequence[Piece]) -> Prepared | None:
        """One request about ``pieces`` with the same guidance; None if none of them may be sent."""
        jobs = [job for index, piece in enumerate(pieces) if (job := self._job(index, piece)) is not None]
        if not jobs:
            return None
        question = question_of(list_review(jobs, jobs[0].guidance).request)
        body = wire.body_of(question, self.config, self.dialect)
        return Prepared(body, tuple(job.index for job in jobs), question.input_tokens)

    def read(self, result: Result, pieces: Sequence[Piece | int]) -> Answered:
        """What a result says about the pieces of its request, in the order in which they were asked about.

        A number stands for a piece that is not wanted any more: so many lines of it were sent.
        """
        if result.status != _OK:
            return Answered(problem=result.code or f"status {result.status}")
        answer = wire.read(self.dialect, result.body)
        usage = self._priced(answer)
        if answer.problem is not None:
            return Answered(usage=usage, problem=answer.problem.code or answer.problem.kind)
        try:
            return Answered(self._analyses(answer, usage, pieces), usage)
        except InvalidResponse as error:
            return Answered(usage=usage, problem=error.code or error.kind)

    def _job(self, index: int, piece: Piece) -> Job | None:
        try:
            text = shield(piece.text, piece.context, keys=self.secrets)
            guidance = shielded(piece.guidance, self.secrets)
        except Refused:
            return None
        return Job(index, text, piece.language, piece.eol, guidance=guidance)

    def _analyses(
        self, answer: wire.Answer, paid: Usage, pieces: Sequence[Piece | int]
    ) -> tuple[PieceAnalysis | None, ...]:
        jobs = [None if isinstance(piece, int) else self._job(i, piece) for i, piece in enumerate(pieces)]
        asked = [job or _Hole.like(piece) for job, piece in zip(jobs, pieces, strict=True)]
        guidance = next((job.guidance for job in jobs if job is not None), None)
        review = list_review(asked, guidance)
        holes = _lines_of_holes(asked)
        read: Callable[[wire.Answer], tuple[PieceClaims, ...]] = decoded(
            lambda said: review.parse(_without(said, holes))
        )
        parts = shares(paid, [each.tokens for each in asked])
        return tuple(
            None if job is None else replace(settled(job, piece.claims, Counter(piece.dropped)), paid=part)
            for job, piece, part in zip(jobs, read(answer), parts, strict=True)
        )

    def _priced(self, answer: wire.Answer) -> Usage:
        if answer.usage is None:
            return Usage(requests=1)
        # Servers call models by other names than the price list; the configured one may be known.
        for model in filter(None, (answer.model, self.config.model)):
            price = pricing.cost(model, answer.usage, self.config.endpoint, batch=True)
            if price is not None:
                return replace(answer.usage, cost_usd=price)
        return answer.usage


@dataclass(frozen=True, slots=True)
class _Hole:
    """Stands for a piece that is not wanted any more, so that the numbers of all other lines are right."""

    text: str
    language: str = ""
    context: str = ""

    @property
    def tokens(self) -> int:
        """What its lines took, for want of the lines themselves."""
        return len(self.text) * _TOKENS_PER_LINE

    @classmethod
    def like(cls, piece: Piece | int) -> _Hole:
        return cls("\n" * (piece if isinstance(piece, int) else len(split_lines(piece.text))))


def _lines_of_holes(asked: Sequence[Job | _Hole]) -> list[range]:
    holes, first = [], 1
    for piece in asked:
        count = len(split_lines(piece.text))
        if isinstance(piece, _Hole):
            holes.append(range(first, first + count))
        first += count
    return holes


def _without(said: object, holes: Sequence[range]) -> object:
    """An answer without what it says about holes: a look-alike line elsewhere must not take the blame."""
    findings = said.get("findings") if isinstance(said, dict) else None
    if not isinstance(said, dict) or not isinstance(findings, list):
        return said
    kept = [
        item
        for item in findings
        if not isinstance(item, dict) or not any(item.get("start_line") in hole for hole in holes)
    ]
    return {**said, "findings": kept}
