"""Pieces on their way, and where what was found in them comes in."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from kibitz.findings.fix import settle
from kibitz.provider.models import PieceAnalysis
from kibitz.provider.tokens import estimate
from kibitz.telemetry import security
from kibitz.telemetry.security import Event

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterable, Sequence

    from kibitz.findings.finding import Claim, Finding
    from kibitz.findings.guidance import Guidance
    from kibitz.provider.errors import OpenAIError
    from kibitz.provider.shield import Shielded

_HOSTILE = frozenset(
    {"fix-invisible-characters", "fix-foreign-script", "fix-new-address", "fix-touches-secret"}
)
"""Why a fix is dropped that no honest model would have proposed."""
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
    guidance: Guidance | None = None
    """What the project adds to the question, without secrets."""

    @property
    def text(self) -> str:
        """What the model sees."""
        return self.shielded.text

    @property
    def tokens(self) -> int:
        """Of what the model sees, by estimate: its weight among others that share a request."""
        return estimate(self.text) + estimate(self.context)

    def alone(self) -> Job:
        """The same without its context."""
        return replace(self, shielded=replace(self.shielded, context=""), reduced=_WITHOUT_CONTEXT)

    @property
    def context(self) -> str:
        """What the model sees, beside the text."""
        return self.shielded.context


def common_language(jobs: Sequence[Job]) -> str:
    """The language of all jobs; empty if they differ."""
    languages = {job.language for job in jobs}
    return languages.pop() if len(languages) == 1 else ""


@dataclass(slots=True)
class Landing:
    """Where answers come in: told on as they come, and kept for the end."""

    on_piece: Callable[[int, PieceAnalysis], None] | None = None
    on_finding: Callable[[int, Finding], None] | None = None
    on_failure: Callable[[int, OpenAIError], None] | None = None
    holds: bool = False
    """Whether findings wait here until they are verified."""
    held: dict[int, PieceAnalysis] = field(default_factory=dict)
    """The analyses that wait."""
    analyses: dict[int, PieceAnalysis] = field(default_factory=dict)
    errors: list[OpenAIError] = field(default_factory=list)

    def land(self, index: int, analysis: PieceAnalysis) -> None:
        """Take in what was found in one piece."""
        if self.holds and analysis.findings:
            self.held[index] = analysis
        else:
            self.pass_on(index, analysis)

    def fail(self, indices: Iterable[int], error: OpenAIError) -> None:
        """Some pieces get no answer, all for the same reason."""
        self.errors.append(error)
        if self.on_failure is not None:
            for index in indices:
                self.on_failure(index, error)

    def has(self, index: int) -> bool:
        """Whether one piece needs no review any more."""
        return index in self.analyses or index in self.held

    def pass_on(self, index: int, analysis: PieceAnalysis) -> None:
        """Nothing more is to be done about one piece."""
        self.analyses[index] = analysis
        if self.on_piece is not None:
            self.on_piece(index, analysis)


def settled(
    job: Job, claims: Sequence[Claim], dropped: Counter[str], answered_by: str = "", *, model: str = ""
) -> PieceAnalysis:
    """What stands in the code of what was claimed about it; adds to ``dropped``. Takes CPU: for a thread."""
    findings: list[Finding] = []
    for claim in claims:
        result = settle(claim, job.shielded.lines, job.language, eol=job.eol)
        dropped.update(result.dropped)
        if result.finding is None:
            continue
        finding, lost = job.shielded.reveal(result.finding)
        lost_fixes = [*result.dropped, *([] if lost is None else [lost])]
        for reason in _HOSTILE.intersection(lost_fixes):
            security.note(Event.EDIT_REJECTED, reason=reason, model=model or None)
        if lost is not None:
            dropped[lost] += 1
        findings.append(finding)
    findings.sort(key=lambda finding: finding.span)
    return PieceAnalysis(tuple(findings), dropped, answered_by or job.reduced, model=model, at=time.time())
