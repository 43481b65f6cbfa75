"""The second stage: findings that wait in the landing are put to a verifier, and what it refutes is dropped.

Only what a verifier clearly refutes is dropped. Where it says nothing, or cannot be asked, the finding stays:
a broken verifier must not look like clean code. The pieces go out as they did before, with their secrets
replaced.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kibitz.findings import verify
from kibitz.findings.verify import ANSWER_TOKENS, Claimed, Suspect, Verdict
from kibitz.provider.call import Call
from kibitz.provider.errors import APIError, OpenAIError
from kibitz.provider.landing import common_language
from kibitz.provider.listing import TOO_MUCH
from kibitz.provider.models import Verification
from kibitz.provider.questions import decoded, question_of
from kibitz.provider.shares import shares
from kibitz.provider.together import side_by_side
from kibitz.provider.tokens import estimate, guidance_tokens
from kibitz.text.lines import LineIndex

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kibitz.findings.finding import Finding
    from kibitz.provider.connection import Connection
    from kibitz.provider.landing import Job, Landing
    from kibitz.provider.models import PieceAnalysis, Usage
    from kibitz.provider.wire import Answer

REFUTED = "refuted"
"""Why a finding was dropped: the verifier traced it, and it does not hold."""
_FIXED = estimate(verify.INSTRUCTIONS) + estimate(json.dumps(verify.SCHEMA))


@dataclass(frozen=True, slots=True)
class _Held:
    """A piece with findings, and the question about them."""

    job: Job
    analysis: PieceAnalysis
    suspect: Suspect
    tokens: int


async def verify_held(
    connection: Connection, jobs: Iterable[Job], landing: Landing, call: Call
) -> Verification:
    """Have all findings that are held verified; the pieces land. What it takes is added to the tally."""
    if not landing.held:
        return Verification()
    held = await connection.turns.in_thread(
        _held, [job for job in jobs if job.index in landing.held], landing
    )
    second = Call(urgency=call.urgency)
    packs = _packs(held, connection.config.max_request_tokens, connection.config.max_tokens)
    outcomes = await side_by_side([_ask(connection, pack, landing, second) for pack in packs])
    # Not its model: the call was answered by whoever found what is verified here.
    call.tally.usage += second.tally.usage
    return sum(outcomes, start=Verification(usage=second.tally.usage))


def _held(jobs: Sequence[Job], landing: Landing) -> list[_Held]:
    result = []
    for job in jobs:
        analysis = landing.held[job.index]
        lines = LineIndex(job.shielded.original)
        suspect = Suspect(job, tuple(_claimed(finding, lines) for finding in analysis.findings))
        tokens = estimate(verify.verification([suspect]).request.input)
        result.append(_Held(job, analysis, suspect, tokens))
    return result


def _claimed(finding: Finding, lines: LineIndex) -> Claimed:
    return Claimed(
        first_line=lines.line_of(finding.span.start) + 1,
        last_line=lines.line_of(max(finding.span.start, finding.span.end - 1)) + 1,
        rule=finding.rule,
        title=finding.title,
        trigger=finding.trigger,
    )


def _packs(held: Sequence[_Held], max_input: int, max_output: int) -> list[list[_Held]]:
    """In order, in as few requests as keep to both limits; what is too much by itself goes alone."""
    packs: list[list[_Held]] = []
    room = answers = 0
    for each in held:
        claims = len(each.suspect.claims)
        guidance = each.job.guidance
        is_full = each.tokens > room or claims * ANSWER_TOKENS > answers
        if not packs or is_full or packs[-1][-1].job.guidance != guidance:
            packs.append([])
            room, answers = max_input - _FIXED - guidance_tokens(guidance), max_output
        packs[-1].append(each)
        room -= each.tokens
        answers -= claims * ANSWER_TOKENS
    return packs


async def _ask(connection: Connection, pack: Sequence[_Held], landing: Landing, call: Call) -> Verification:
    asked = verify.verification([each.suspect for each in pack], pack[0].job.guidance)
    read = decoded(asked.parse)

    def parse(answer: Answer) -> tuple[tuple[Verdict | None, ...], str]:
        return read(answer), answer.instead

    question = question_of(asked.request, common_language([each.job for each in pack]))
    try:
        with call.question() as one:
            verdicts, instead = await connection.ask(question, parse, one)
    except OpenAIError as error:
        if error.code in TOO_MUCH and len(pack) > 1:
            half = len(pack) // 2
            halves = [await _ask(connection, part, landing, call) for part in (pack[:half], pack[half:])]
            return sum(halves, start=Verification())
        return _unverified(pack, error, landing)
    _judge(pack, verdicts, instead, one.tally.answer, landing)
    return Verification(
        confirmed=verdicts.count(Verdict.CONFIRMED),
        refuted=verdicts.count(Verdict.REFUTED),
        unanswered=verdicts.count(None),
    )


def _judge(
    pack: Sequence[_Held],
    verdicts: Sequence[Verdict | None],
    instead: str,
    paid: Usage,
    landing: Landing,
) -> None:
    """Let the pieces land without what was refuted. ``instead`` of the verifier somebody else answered."""
    rest = iter(verdicts)
    for each, part in zip(pack, shares(paid, [each.tokens for each in pack]), strict=True):
        analysis = each.analysis
        kept = tuple(finding for finding in analysis.findings if next(rest) is not Verdict.REFUTED)
        dropped = Counter(analysis.dropped)
        if lost := len(analysis.findings) - len(kept):
            dropped[REFUTED] += lost
        judged = replace(
            analysis,
            findings=kept,
            dropped=dropped,
            answered_by=analysis.answered_by or instead,
            paid=analysis.paid + part,
        )
        landing.pass_on(each.job.index, judged)


def _unverified(pack: Sequence[_Held], error: OpenAIError, landing: Landing) -> Verification:
    for each in pack:
        landing.pass_on(each.job.index, replace(each.analysis, unverified=True))
    # Never a ConfigError, whatever it was: the review itself can go on.
    told = APIError(
        f"findings could not be verified, and are shown all the same: {error.message}",
        retryable=error.retryable,
        status=error.status,
        code=error.code,
        request_id=error.request_id,
    )
    told.__cause__ = error
    return Verification(unanswered=sum(len(each.suspect.claims) for each in pack), errors=(told,))
