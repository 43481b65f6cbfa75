"""List mode: several pieces in one request, claims per piece back.

Pieces are packed until a request is as long as allowed. Where an answer is cut off or does not come in time,
or the request was too long after all, the pack is halved and both halves are asked again; a single piece that
is too long is asked about once more without its context.
"""

from __future__ import annotations

import json
from collections import Counter, deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from kibitz.findings.prompt import INSTRUCTIONS, SCHEMA, list_review
from kibitz.provider.early import EarlyFindings
from kibitz.provider.errors import OpenAIError, Timeout
from kibitz.provider.fallback import TOO_LARGE, Kind, Step, why
from kibitz.provider.landing import common_language, settled
from kibitz.provider.lasting import REFUSALS, may_be_one_piece
from kibitz.provider.questions import decoded, question_of
from kibitz.provider.shares import shares
from kibitz.provider.tokens import estimate, guidance_tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kibitz.findings.prompt import PieceClaims
    from kibitz.provider.call import Call, Tally
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

_DEPTHS = 4
"""To find what a request was refused for, at most so many requests for each time that it can be halved:
enough for two pieces of a pack."""


def packs(jobs: Sequence[Job], max_tokens: int) -> list[list[Job]]:
    """The jobs in order, in as few requests of ``max_tokens`` estimated tokens as that order allows.

    Those of one request have the same guidance.

    A job that is longer by itself gets a request of its own. Pure CPU: for a thread.
    """
    result: list[list[Job]] = []
    room = 0
    for job in jobs:
        needed = estimate(list_review((job,)).request.input)
        if not result or needed > room or result[-1][-1].guidance != job.guidance:
            result.append([])
            room = max_tokens - _FIXED - guidance_tokens(job.guidance)
        result[-1].append(job)
        room -= needed
    return result


async def ask_list(connection: Connection, pack: Sequence[Job], call: Call, landing: Landing) -> None:
    """Review one pack. Its pieces land; what fails is noted, and does not stop the others."""
    division = _Division(connection, len(pack))
    parts: Sequence[Sequence[Job]] = [pack]
    while parts:
        for part in parts:
            division.requests += 1
            failure = await _ask(connection, part, call, landing)
            if failure is not None:
                division.failed.append(failure)
        parts = division.parts()
    missing = sum(len(failure.pack) for failure in division.lost)
    for failure in division.lost:
        failure.error.pieces = len(failure.pack)
        failure.error.singled_out = missing < len(pack)
        landing.fail([job.index for job in failure.pack], failure.error)


@dataclass(frozen=True, slots=True)
class _Failure:
    """A request that got no answer."""

    pack: Sequence[Job]
    error: OpenAIError
    shown: bool
    """Whether findings of it were shown before it failed."""


async def _ask(connection: Connection, pack: Sequence[Job], call: Call, landing: Landing) -> _Failure | None:
    review = list_review(pack, pack[0].guidance)
    read = decoded(review.parse)

    def parse(answer: Answer) -> tuple[Sequence[PieceClaims], str]:
        claimed = read(answer)
        one.dropped = sum(sum(piece.dropped.values()) for piece in claimed)
        return claimed, answer.instead

    question = question_of(review.request, common_language(pack))
    early = None
    if landing.on_finding is not None and not call.verify:
        early = EarlyFindings(pack, review, landing.on_finding, connection.turns)
    try:
        with call.question() as one:
            one.redactions = sum(job.shielded.secrets for job in pack)
            claimed, instead = await connection.ask(question, parse, one, early)
    except OpenAIError as error:
        return _Failure(pack, error, shown=early is not None and early.shown)
    # The gate parses: not on the event loop.
    said = one.tally
    for index, analysis in await connection.turns.in_thread(_settled, pack, claimed, instead, said):
        landing.land(index, analysis)
    return None


@dataclass(slots=True)
class _Division:
    """A pack that is asked about in ever smaller parts, as far as that can help."""

    connection: Connection
    size: int
    """Pieces in all."""
    requests: int = 0
    """Questions asked so far."""
    failed: deque[_Failure] = field(default_factory=deque)
    lost: list[_Failure] = field(default_factory=list)
    """What failed for good."""

    def parts(self) -> Sequence[Sequence[Job]]:
        """What to ask in place of something that failed; nothing once all of that is lost."""
        while self.failed:
            failure = self.failed.popleft()
            if smaller := self._smaller(failure):
                name = self.connection.targets[0].name
                kind = Kind.FEWER_UNITS if len(failure.pack) > 1 else Kind.NO_CONTEXT
                self.connection.note(Step(kind, why(failure.error), name, name))
                return smaller
            self.lost.append(failure)
        return ()

    def _smaller(self, failure: _Failure) -> Sequence[Sequence[Job]]:
        pack, error = failure.pack, failure.error
        if len(pack) > 1 and (self._was_too_much(failure) or self._searches(failure)):
            half = len(pack) // 2
            return [pack[:half], pack[half:]]
        if error.code in _TOO_LONG and pack[0].context:
            return [[job.alone() for job in pack]]
        return []

    @staticmethod
    def _was_too_much(failure: _Failure) -> bool:
        if isinstance(failure.error, Timeout):
            # What was shown is not asked again.
            return not failure.shown
        return failure.error.code in TOO_MUCH

    def _searches(self, failure: _Failure) -> bool:
        """Whether the piece that a request was refused for is worth looking for."""
        if not may_be_one_piece(failure.error) or self.requests > _DEPTHS * self.size.bit_length():
            return False
        open_pieces = sum(len(each.pack) for each in (failure, *self.failed, *self.lost))
        # If both halves fail alike, and nobody says why, then it is hardly for a piece.
        return failure.error.code in REFUSALS or self.requests == 1 or open_pieces < self.size


def _settled(
    pack: Sequence[Job], claimed: Sequence[PieceClaims], instead: str, said: Tally
) -> list[tuple[int, PieceAnalysis]]:
    parts = shares(said.answer, [job.tokens for job in pack])
    return [
        (
            job.index,
            replace(settled(job, piece.claims, Counter(piece.dropped), instead, model=said.model), paid=part),
        )
        for job, piece, part in zip(pack, claimed, parts, strict=True)
    ]
