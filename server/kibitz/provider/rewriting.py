"""Rewrite mode: the model corrects one piece, and only a real difference is asked about."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from kibitz.findings import rewrite
from kibitz.findings.finding import Claim
from kibitz.provider.errors import OpenAIError
from kibitz.provider.landing import settled
from kibitz.provider.questions import turn_of
from kibitz.provider.wire import json_part

if TYPE_CHECKING:
    from kibitz.provider.call import Call
    from kibitz.provider.connection import Connection
    from kibitz.provider.landing import Job, Landing
    from kibitz.provider.wire import Answer

_RAMBLED = "answer-too-long"


async def ask_rewrite(connection: Connection, job: Job, call: Call, landing: Landing) -> None:
    """Review one piece. It lands, or its failure is noted, and does not stop others."""
    try:
        claims, dropped, instead = await _claims(connection, job, call)
    except OpenAIError as error:
        landing.errors.append(error)
        return
    # The gate parses: not on the event loop.
    landing.land(job.index, await connection.turns.in_thread(settled, job, claims, dropped, instead))


async def _claims(connection: Connection, job: Job, call: Call) -> tuple[list[Claim], Counter[str], str]:
    """The claims, what was dropped why, and who answered in place of the configured model."""
    asked = rewrite.rewrite_request(job.text, job.language, job.context)
    answer = await _ask(connection, asked, job.language, call)
    if answer is None:
        return [], Counter({_RAMBLED: 1}), ""
    block = rewrite.extract(answer.text)
    if block is None:
        return [], Counter({"no-code": 1}), answer.instead
    hunks = await connection.turns.in_thread(rewrite.compare, job.text, block, job.language)
    if isinstance(hunks, rewrite.Dropped):
        return [], Counter({hunks.reason: 1}), answer.instead
    confidence = rewrite.confidence_of(answer.text, hunks, answer.tokens)
    claims: list[Claim] = []
    dropped: Counter[str] = Counter()
    for hunk in hunks:
        said = await _ask(connection, rewrite.question_request(asked, answer.text, hunk), job.language, call)
        claim = (
            rewrite.read_answer(json_part(said.text), hunk, confidence) if said else rewrite.Dropped(_RAMBLED)
        )
        if isinstance(claim, Claim):
            claims.append(claim)
        else:
            dropped[claim.reason] += 1
    return claims, dropped, answer.instead


async def _ask(connection: Connection, asked: rewrite.Dialogue, language: str, call: Call) -> Answer | None:
    """The answer; None if it grew longer than any honest one: the model rambled, and would again."""
    try:
        return await connection.ask(turn_of(asked, language), lambda answer: answer, call)
    except OpenAIError as error:
        if error.code == "length" and asked.max_output_tokens < connection.config.max_tokens:
            return None
        raise
