"""List mode: several pieces in one request, claims per piece back.

Pieces are packed until a request is as long as allowed. Where an answer is cut off or does not come in time,
or the request was too long after all, the pack is halved and both halves are asked again; a single piece that
is too long is asked about once more without its context.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from kibitz.findings.fix import settle
from kibitz.findings.prompt import INSTRUCTIONS, SCHEMA, list_review
from kibitz.provider.errors import OpenAIError, Timeout
from kibitz.provider.fallback import TOO_LARGE, Kind, Step, why
from kibitz.provider.models import PieceAnalysis
from kibitz.provider.questions import decoded, question_of
from kibitz.provider.tokens import estimate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kibitz.findings.finding import Claim, Finding
    from kibitz.findings.prompt import PieceClaims
    from kibitz.provider.call import Call
    from kibitz.provider.connection import Connection
    from kibitz.provider.shield import Shielded
    from kibitz.provider.wire import Answer

_FIXED = estimate(INSTRUCTIONS) + estimate(json.dumps(SCHEMA))
"""Tokens of a request without any piece. The reviewer packs by the same sum."""
_TOO_MUCH = frozenset({"length", "context_length_exceeded", TOO_LARGE})
"""Codes of errors that half the pieces may not have."""
_TOO_LONG = _TOO_MUCH - {"length"}
"""Codes of errors that the same piece without its context may not have."""
_WITHOUT_CONTEXT = "the same model without the context"
"""What ``PieceAnalysis.answered_by`` says of a piece that was too long with its context."""


@dataclass(frozen=True, slots=True)
class Job:
    """A piece on its way: its place among the pieces asked for, and what of it may be sent."""

    index: int
    shielded: Shielded
    language: str
    eol: str | None
    reduced: str = ""
    """What is missing of what should be sent along; mostly nothing."""

    @property
    def text(self) -> str:
        """What the model sees."""
        return self.shielded.text

    def alone(self) -> Job:
        """The same without its context."""
        return replace(self, shielded=replace(self.shielded, context=""), reduced=_WITHOUT_CONTEXT)

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
    on_finding: Callable[[int, Finding], None] | None = None
    analyses: dict[int, PieceAnalysis] = field(default_factory=dict)
    errors: list[OpenAIError] = field(default_factory=list)

    def land(self, index: int, analysis: PieceAnalysis) -> None:
        """Take in what was found in one piece."""
        self.analyses[index] = analysis
        if self.on_piece is not None:
            self.on_piece(index, analysis)


async def ask_list(connection: Connection, pack: Sequence[Job], call: Call, landing: Landing) -> None:
    """Review one pack. Its pieces land; what fails is noted, and does not stop the others."""
    review = list_review(pack)
    read = decoded(review.parse)

    def parse(answer: Answer) -> tuple[Sequence[PieceClaims], str]:
        return read(answer), answer.instead

    try:
        claimed, instead = await connection.ask(question_of(review.request, _language(pack)), parse, call)
    except OpenAIError as error:
        smaller = _smaller(pack, error)
        if not smaller:
            landing.errors.append(error)
            return
        name = connection.targets[0].name
        kind = Kind.FEWER_UNITS if len(pack) > 1 else Kind.NO_CONTEXT
        connection.note(Step(kind, why(error), name, name))
        for part in smaller:
            await ask_list(connection, part, call, landing)
        return
    # The gate parses: not on the event loop.
    for index, analysis in await asyncio.to_thread(_settled, pack, claimed, instead):
        landing.land(index, analysis)


def _language(pack: Sequence[Job]) -> str:
    languages = {job.language for job in pack}
    return languages.pop() if len(languages) == 1 else ""


def _smaller(pack: Sequence[Job], error: OpenAIError) -> list[Sequence[Job]]:
    """What to ask in place of a pack that was too much; nothing, if it was not, or is small already."""
    if len(pack) > 1 and (error.code in _TOO_MUCH or isinstance(error, Timeout)):
        half = len(pack) // 2
        return [pack[:half], pack[half:]]
    if error.code in _TOO_LONG and pack[0].context:
        return [[job.alone() for job in pack]]
    return []


def _settled(
    pack: Sequence[Job], claimed: Sequence[PieceClaims], instead: str
) -> list[tuple[int, PieceAnalysis]]:
    return [
        (job.index, settled(job, piece.claims, Counter(piece.dropped), instead))
        for job, piece in zip(pack, claimed, strict=True)
    ]


def settled(job: Job, claims: Sequence[Claim], dropped: Counter[str], answered_by: str = "") -> PieceAnalysis:
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
    return PieceAnalysis(tuple(findings), dropped, answered_by or job.reduced)
