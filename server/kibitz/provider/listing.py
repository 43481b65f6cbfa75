"""List mode: several pieces in one request, claims per piece back.

Pieces are packed until a request is as long as allowed. Where an answer is cut off, or the request was too
long after all, the pack is halved and both halves are asked again.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kibitz.findings.fix import settle
from kibitz.findings.prompt import INSTRUCTIONS, SCHEMA, list_review
from kibitz.provider.errors import OpenAIError
from kibitz.provider.models import PieceAnalysis
from kibitz.provider.questions import decoded, question_of
from kibitz.provider.tokens import estimate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kibitz.findings.finding import Claim, Finding
    from kibitz.findings.prompt import PieceClaims
    from kibitz.provider.connection import Connection, Tally
    from kibitz.provider.shield import Shielded

_FIXED = estimate(INSTRUCTIONS) + estimate(json.dumps(SCHEMA))
"""Tokens of a request without any piece. The reviewer packs by the same sum."""
_TOO_MUCH = frozenset({"length", "context_length_exceeded"})
"""Codes of errors that half the pieces may not have."""


@dataclass(frozen=True, slots=True)
class Job:
    """A piece on its way: its place among the pieces asked for, and what of it may be sent."""

    index: int
    shielded: Shielded
    language: str
    eol: str | None

    @property
    def text(self) -> str:
        """What the model sees."""
        return self.shielded.text

    @property
    def context(self) -> str:
        """What the model sees, beside the text."""
        return self.shielded.context


def packs(jobs: Sequence[Job], max_tokens: int) -> list[list[Job]]:
    """The jobs in order, in as few requests of ``max_tokens`` estimated tokens as that order allows.

    A job that is longer by itself gets a request of its own. Pure CPU: for a thread.
    """
    result: list[list[Job]] = []
    room = 0
    for job in jobs:
        needed = estimate(list_review((job,)).request.input)
        if not result or needed > room:
            result.append([])
            room = max_tokens - _FIXED
        result[-1].append(job)
        room -= needed
    return result


@dataclass(slots=True)
class Landing:
    """Where answers come in: told on as they come, and kept for the end."""

    on_piece: Callable[[int, PieceAnalysis], None] | None = None
    analyses: dict[int, PieceAnalysis] = field(default_factory=dict)
    errors: list[OpenAIError] = field(default_factory=list)

    def land(self, index: int, analysis: PieceAnalysis) -> None:
        """Take in what was found in one piece."""
        self.analyses[index] = analysis
        if self.on_piece is not None:
            self.on_piece(index, analysis)


async def ask_list(connection: Connection, pack: Sequence[Job], tally: Tally, landing: Landing) -> None:
    """Review one pack. Its pieces land; what fails is noted, and does not stop the others."""
    review = list_review(pack)
    try:
        claimed = await connection.ask(question_of(review.request), decoded(review.parse), tally)
    except OpenAIError as error:
        if error.code in _TOO_MUCH and len(pack) > 1:
            half = len(pack) // 2
            for part in (pack[:half], pack[half:]):
                await ask_list(connection, part, tally, landing)
            return
        landing.errors.append(error)
        return
    # The gate parses: not on the event loop.
    for index, analysis in await asyncio.to_thread(_settled, pack, claimed):
        landing.land(index, analysis)


def _settled(pack: Sequence[Job], claimed: Sequence[PieceClaims]) -> list[tuple[int, PieceAnalysis]]:
    return [
        (job.index, settled(job, piece.claims, Counter(piece.dropped)))
        for job, piece in zip(pack, claimed, strict=True)
    ]


def settled(job: Job, claims: Sequence[Claim], dropped: Counter[str]) -> PieceAnalysis:
    """What stands in the code of what was claimed about it; adds to ``dropped``. Takes CPU: for a thread."""
    findings: list[Finding] = []
    for claim in claims:
        result = settle(claim, job.shielded.lines, job.language, eol=job.eol)
        dropped.update(result.dropped)
        if result.finding is None:
            continue
        finding, lost = job.shielded.reveal(result.finding)
        if lost is not None:
            dropped[lost] += 1
        findings.append(finding)
    findings.sort(key=lambda finding: finding.span)
    return PieceAnalysis(tuple(findings), dropped)
