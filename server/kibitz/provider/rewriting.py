"""Rewrite mode: the model corrects one piece, and only a real difference is asked about."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from kibitz.findings import rewrite
from kibitz.findings.finding import Claim, Confidence
from kibitz.provider.errors import OpenAIError
from kibitz.provider.landing import settled
from kibitz.provider.models import Usage
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
    dialogue = _Dialogue(connection, job, call)
    try:
        claims, dropped, instead = await dialogue.claims()
    except OpenAIError as error:
        landing.fail([job.index], error)
        return
    # The gate parses: not on the event loop.
    analysis = await connection.turns.in_thread(settled, job, claims, dropped, instead)
    landing.land(job.index, replace(analysis, model=call.tally.model, paid=dialogue.paid))


@dataclass(slots=True)
class _Dialogue:
    """The questions about one piece, and what their answers took."""

    connection: Connection
    job: Job
    call: Call
    paid: Usage = field(default_factory=Usage)

    async def claims(self) -> tuple[list[Claim], Counter[str], str]:
        """The claims, what was dropped why, and who answered in place of the configured model."""
        job, in_thread = self.job, self.connection.turns.in_thread
        asked = rewrite.rewrite_request(job.text, job.language, job.context)
        answer = await self._ask(asked)
        if answer is None:
            return [], Counter({_RAMBLED: 1}), ""
        block = rewrite.extract(answer.text)
        if block is None:
            return [], Counter({"no-code": 1}), answer.instead
        hunks = await in_thread(rewrite.compare, job.text, block, job.language)
        if isinstance(hunks, rewrite.Dropped):
            return [], Counter({hunks.reason: 1}), answer.instead
        confidence = rewrite.confidence_of(answer.text, hunks, answer.tokens)
        if confidence is Confidence.UNSURE:
            return [rewrite.unsaid(hunk) for hunk in hunks], Counter(), answer.instead
        claims: list[Claim] = []
        dropped: Counter[str] = Counter()
        for hunk in hunks:
            said = await self._ask(rewrite.question_request(asked, answer.text, hunk))
            claim = (
                rewrite.read_answer(json_part(said.text), hunk, confidence)
                if said
                else rewrite.Dropped(_RAMBLED)
            )
            if isinstance(claim, Claim):
                claims.append(claim)
            else:
                dropped[claim.reason] += 1
        return claims, dropped, answer.instead

    async def _ask(self, asked: rewrite.Dialogue) -> Answer | None:
        """The answer; None if it grew longer than any honest one: the model rambled, and would again."""
        with self.call.question() as one:
            one.redactions = self.job.shielded.secrets
            try:
                return await self.connection.ask(
                    turn_of(asked, self.job.language), lambda answer: answer, one
                )
            except OpenAIError as error:
                if error.code == "length" and asked.max_output_tokens < self.connection.config.max_tokens:
                    return None
                raise
            finally:
                self.paid += one.tally.answer
