"""Rewrite mode: the model corrects one piece, and only a real difference is asked about."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

from kibitz.findings import rewrite
from kibitz.findings.finding import Claim
from kibitz.provider.errors import OpenAIError
from kibitz.provider.listing import settled
from kibitz.provider.questions import turn_of
from kibitz.provider.wire import json_part

if TYPE_CHECKING:
    from kibitz.provider.connection import Connection, Tally
    from kibitz.provider.listing import Job, Landing
    from kibitz.provider.wire import Answer

_RAMBLED = "answer-too-long"


async def ask_rewrite(connection: Connection, job: Job, tally: Tally, landing: Landing) -> None:
    """Review one piece. It lands, or its failure is noted, and does not stop others."""
    try:
        claims, dropped = await _claims(connection, job, tally)
    except OpenAIError as error:
        landing.errors.append(error)
        return
    # The gate parses: not on the event loop.
    landing.land(job.index, await asyncio.to_thread(settled, job, claims, dropped))


async def _claims(connection: Connection, job: Job, tally: Tally) -> tuple[list[Claim], Counter[str]]:
    asked = rewrite.rewrite_request(job.text, job.language, job.context)
    answer = await _ask(connection, asked, tally)
    if answer is None:
        return [], Counter({_RAMBLED: 1})
    block = rewrite.extract(answer.text)
    if block is None:
        return [], Counter({"no-code": 1})
    hunks = await asyncio.to_thread(rewrite.compare, job.text, block, job.language)
    if isinstance(hunks, rewrite.Dropped):
        return [], Counter({hunks.reason: 1})
    confidence = rewrite.confidence_of(answer.text, hunks, answer.tokens)
    claims: list[Claim] = []
    dropped: Counter[str] = Counter()
    for hunk in hunks:
        said = await _ask(connection, rewrite.question_request(asked, answer.text, hunk), tally)
        claim = (
            rewrite.read_answer(json_part(said.text), hunk, confidence) if said else rewrite.Dropped(_RAMBLED)
        )
        if isinstance(claim, Claim):
            claims.append(claim)
        else:
            dropped[claim.reason] += 1
    return claims, dropped


async def _ask(connection: Connection, asked: rewrite.Dialogue, tally: Tally) -> Answer | None:
    """The answer; None if it grew longer than any honest one: the model rambled, and would again."""
    try:
        return await connection.weighed(turn_of(asked), tally)
    except OpenAIError as error:
        if error.code == "length" and asked.max_output_tokens < connection.config.max_tokens:
            return None
        raise
