"""Rewrite mode: the model corrects one piece, and only a real difference is asked about.

Where the model can fill gaps, what it changed is weighed again (``infill``), and what it nearly changed is
looked at (``forks``).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from kibitz.findings import forks, infill, rewrite
from kibitz.findings.finding import Claim, Confidence
from kibitz.findings.repair import repair
from kibitz.provider.errors import OpenAIError
from kibitz.provider.landing import settled
from kibitz.provider.models import Usage
from kibitz.provider.questions import turn_of
from kibitz.provider.wire import json_part

if TYPE_CHECKING:
    from kibitz.findings.dialogue import Dialogue
    from kibitz.provider.call import Call
    from kibitz.provider.connection import Connection
    from kibitz.provider.landing import Job, Landing
    from kibitz.provider.wire import Answer

_TOKENS_IN_COMMON = 2
"""A word of two versions may begin with so many tokens that are the same."""
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


@dataclass(frozen=True, slots=True)
class _Change:
    """A rewrite that says something else than the piece."""

    answer: str
    hunks: tuple[rewrite.Hunk, ...]
    confidence: Confidence = Confidence.LIKELY


@dataclass(slots=True)
class _Dialogue:
    """The questions about one piece, and what their answers took."""

    connection: Connection
    job: Job
    call: Call
    paid: Usage = field(default_factory=Usage)

    async def claims(self) -> tuple[list[Claim], Counter[str], str]:
        """The claims, what was dropped why, and who answered in place of the configured model."""
        job = self.job
        asked = rewrite.rewrite_request(job.text, job.language, job.context)
        answer = await self._ask(asked)
        if answer is None:
            return [], Counter({_RAMBLED: 1}), ""
        change = await self._compared(answer.text)
        if change == rewrite.UNCHANGED:
            change = await self._at_a_fork(asked, answer) or change
        elif isinstance(change, _Change):
            change = await self._weighed(change, answer)
        if isinstance(change, rewrite.Dropped):
            return [], Counter({change.reason: 1}), answer.instead
        if change.confidence is Confidence.UNSURE:
            return [rewrite.unsaid(hunk) for hunk in change.hunks], Counter(), answer.instead
        claims, dropped = await self._described(asked, change)
        return claims, dropped, answer.instead

    async def _compared(self, answer: str) -> _Change | rewrite.Dropped:
        block = rewrite.extract(answer)
        if block is None:
            return rewrite.Dropped("no-code")
        job = self.job
        hunks = await self.connection.turns.in_thread(repair, job.text, block, job.language, job.context)
        return hunks if isinstance(hunks, rewrite.Dropped) else _Change(answer, hunks)

    async def _weighed(self, change: _Change, answer: Answer) -> _Change:
        """With how sure it is: by what the model would fill its place with, else by the rewrite alone."""
        confidence = rewrite.confidence_of(change.answer, change.hunks, answer.tokens)
        if self.connection.config.infill is None:
            return replace(change, confidence=confidence)
        odds = [await self._odds(infill.parted(self.job.text, hunk)) for hunk in change.hunks]
        known = [each for each in odds if each is not None]
        least = min(known) if len(known) == len(odds) else None
        return replace(change, confidence=infill.confidence_of(least, confidence))

    async def _at_a_fork(self, asked: Dialogue, answer: Answer) -> _Change | None:
        """The change that the model nearly made, where its gap confirms it."""
        if self.connection.config.infill is None:
            return None
        job, in_thread = self.job, self.connection.turns.in_thread
        found = await in_thread(forks.forks, job.text, answer.text, answer.tokens, job.language)
        evidence = [forks.evidence(fork, await self._odds(fork.gap) or 0.0) for fork in found]
        best = max(evidence, default=0.0)
        if best < forks.EVIDENCE:
            return None
        fork = found[evidence.index(best)]
        said = await self._ask(forks.continuation(asked, fork))
        change = await self._compared(forks.resumed(fork, said.text)) if said else None
        return change if isinstance(change, _Change) else None

    async def _odds(self, gap: infill.Gap | None) -> float | None:
        """How much more probable the new version is; None where that cannot be asked."""
        marks = self.connection.config.infill
        for _ in range(_TOKENS_IN_COMMON + 1):
            question = infill.question(gap, marks) if gap and marks else None
            answer = await self._ask(question) if question else None
            if gap is None or answer is None:
                return None
            if (odds := infill.odds(gap, answer.tokens)) is not None:
                return odds
            gap = infill.further(gap, answer.tokens)
        return None

    async def _described(self, asked: Dialogue, change: _Change) -> tuple[list[Claim], Counter[str]]:
        """The changes as the model describes them."""
        claims: list[Claim] = []
        dropped: Counter[str] = Counter()
        for hunk in change.hunks:
            said = await self._ask(rewrite.question_request(asked, change.answer, hunk))
            claim = (
                rewrite.read_answer(json_part(said.text), hunk, change.confidence)
                if said
                else rewrite.Dropped(_RAMBLED)
            )
            if isinstance(claim, Claim):
                claims.append(claim)
            else:
                dropped[claim.reason] += 1
        return claims, dropped

    async def _ask(self, asked: Dialogue) -> Answer | None:
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
