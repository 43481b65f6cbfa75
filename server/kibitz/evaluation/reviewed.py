"""What a review of one version of a pair came to, as it is kept."""

from __future__ import annotations

from decimal import Decimal  # noqa: TC003 - pydantic reads it
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field

from kibitz.evaluation.pairs import Side  # noqa: TC001 - pydantic reads it
from kibitz.findings.finding import Confidence, Severity
from kibitz.provider.usage import Usage
from kibitz.text.lines import LineIndex

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kibitz.findings.finding import Finding, Fix
    from kibitz.review.result import Review

_SEVERITY = {severity: rank for rank, severity in enumerate(Severity)}
_CONFIDENCE = {confidence: rank for rank, confidence in enumerate(Confidence)}
Count = Annotated[int, Field(ge=0)]


class _Kept(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FoundFix(_Kept):
    """An edit that was offered; places count code points of the version."""

    start: Count
    end: Count
    old: str
    new: str
    needs_review: bool = False

    def applied(self, text: str) -> str | None:
        """The text after it; None if it does not fit there."""
        if text[self.start : self.end] != self.old:
            return None
        return text[: self.start] + self.new + text[self.end :]


class Found(_Kept):
    """A finding as it was shown; lines count from 1, both included."""

    rule: str
    severity: Severity
    confidence: Confidence
    title: str
    trigger: str
    first: Count
    last: Count
    quote: str
    fix: FoundFix | None = None

    def is_near(self, lines: Iterable[int]) -> bool:
        """Whether it is about one of these lines, or the line beside one."""
        return any(self.first - 1 <= line <= self.last + 1 for line in lines)

    @property
    def words(self) -> str:
        """All that it says, for a search."""
        return "\n".join((self.rule, self.title, self.trigger, self.fix.new if self.fix else "")).casefold()


class Spent(_Kept):
    """What the requests of a review used."""

    requests: Count = 0
    input_tokens: Count = 0
    cached_tokens: Count = 0
    cache_write_tokens: Count = 0
    output_tokens: Count = 0
    reasoning_tokens: Count = 0
    cost_usd: Decimal | None = None

    @classmethod
    def of(cls, usage: Usage) -> Spent:
        """The same, to be kept."""
        return cls(**{name: getattr(usage, name) for name in cls.model_fields})

    def usage(self) -> Usage:
        """The same, to be added up."""
        return Usage(**{name: getattr(self, name) for name in type(self).model_fields})


class Reviewed(_Kept):
    """One version of a pair, reviewed."""

    pair: str
    side: Side
    findings: tuple[Found, ...] = ()
    """The worst and surest first."""
    dropped: dict[str, int] = {}
    """Claims and fixes that did not hold, by reason."""
    hidden: Count = 0
    """Findings that the settings keep back."""
    confirmed: Count = 0
    refuted: Count = 0
    unanswered: Count = 0
    """Findings whose verifier could not be asked."""
    spent: Spent = Spent()
    seconds: float = 0.0
    """How long its requests took, added up."""
    errors: tuple[str, ...] = ()
    """Why it is not to be counted; empty if it is."""

    @property
    def is_whole(self) -> bool:
        """Whether all of it was answered."""
        return not self.errors


def reviewed(pair: str, side: Side, text: str, review: Review, seconds: float) -> Reviewed:
    """What is kept of a review."""
    lines, stats = LineIndex(text), review.stats
    checked = stats.verification
    errors = [f"{error.kind}: {error.message}" for error in (*review.errors, *checked.errors)]
    if review.unreviewed and not errors:
        errors = ["a part of it was not answered"]
    return Reviewed(
        pair=pair,
        side=side,
        findings=tuple(_found(each, lines) for each in sorted(review.findings, key=_rank)),
        dropped=dict(sorted(stats.dropped.items())),
        hidden=stats.hidden,
        confirmed=checked.confirmed,
        refuted=checked.refuted,
        unanswered=checked.unanswered,
        spent=Spent.of(stats.usage),
        seconds=round(seconds, 3),
        errors=tuple(dict.fromkeys(errors)),
    )


def _rank(finding: Finding) -> tuple[int, int, int, str]:
    return _SEVERITY[finding.severity], _CONFIDENCE[finding.confidence], finding.span.start, finding.rule


def _found(finding: Finding, lines: LineIndex) -> Found:
    return Found(
        rule=finding.rule,
        severity=finding.severity,
        confidence=finding.confidence,
        title=finding.title,
        trigger=finding.trigger,
        first=lines.line_of(finding.span.start) + 1,
        last=lines.line_of(finding.span.end) + 1,
        quote=finding.quote,
        fix=None if finding.fix is None else _fix(finding.fix),
    )


def _fix(fix: Fix) -> FoundFix:
    return FoundFix(
        start=fix.span.start,
        end=fix.span.end,
        old=fix.old_text,
        new=fix.new_text,
        needs_review=fix.needs_review,
    )
