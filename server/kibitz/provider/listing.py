"""List mode: several pieces in one request, claims per piece back.

Pieces are packed until a request is as long as allowed. Where an answer is cut off or does not come in time,
or the request was too long after all, the pack is halved and both halves are asked again; a single piece that
is too long is asked about once more without its context.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

from kibitz.findings.prompt import INSTRUCTIONS, SCHEMA, list_review
from kibitz.provider.early import EarlyFindings
from kibitz.provider.errors import OpenAIError, Timeout
from kibitz.provider.fallback import TOO_LARGE, Kind, Step, why
from kibitz.provider.landing import common_language, settled
from kibitz.provider.questions import decoded, question_of
from kibitz.provider.tokens import estimate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kibitz.findings.prompt import PieceClaims
    from kibitz.provider.call import Call
    from kibitz.provider.connection import Connection
    from kibitz.provider.landing import Job, Landing
    from kibitz.provider.models import PieceAnalysis
    from kibitz.provider.wire import Answer

_FIXED = estimate(INSTRUCTIONS) + estimate(json.dumps(SCHEMA))
"""Tokens of a request without any piece. The reviewer packs by the same sum."""
TOO_MUCH = frozenset({"length", "context_length_exceeded", TOO_LARGE})
"""Codes of errors that half the pieces may not have."""
_TOO_LONG = TOO_MUCH - {"length"}
"""Codes of errors that the same piece without its context may not have."""


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


async def ask_list(connection: Connection, pack: Sequence[Job], call: Call, landing: Landing) -> None:
    """Review one pack. Its pieces land; what fails is noted, and does not stop the others."""
    review = list_review(pack)
    read = decoded(review.parse)

    def parse(answer: Answer) -> tuple[Sequence[PieceClaims], str]:
        return read(answer), answer.instead

    question = question_of(review.request, common_language(pack))
    early = None
    if landing.on_finding is not None and not call.verify:
        early = EarlyFindings(pack, review, landing.on_finding, connection.turns)
    try:
        claimed, instead = await connection.ask(question, parse, call, early)
    except OpenAIError as error:
        smaller = _smaller(pack, error, shown=early is not None and early.shown)
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
    for index, analysis in await connection.turns.in_thread(_settled, pack, claimed, instead):
        landing.land(index, analysis)


def _smaller(pack: Sequence[Job], error: OpenAIError, *, shown: bool) -> list[Sequence[Job]]:
    """What to ask in place of a pack that was too much; nothing, if it was not, or is small already.

    Of a pack that timed out after a finding was ``shown``, nothing: that is not asked again.
    """
    if len(pack) > 1 and (error.code in TOO_MUCH or (isinstance(error, Timeout) and not shown)):
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
