"""From what is known about units to what is shown for the document. Pure.

Everything here is applied to cached answers, too: other settings show other findings at no cost.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kibitz.findings.finding import Confidence, Origin, Severity
from kibitz.review.result import Dismissed

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator, Mapping

    from kibitz.findings.finding import Finding
    from kibitz.provider.models import PieceAnalysis
    from kibitz.review.entries import Entry
    from kibitz.review.result import ReviewSettings
    from kibitz.text.spans import Span

_SEVERITY = {severity: rank for rank, severity in enumerate(Severity)}
_CONFIDENCE = {confidence: rank for rank, confidence in enumerate(Confidence)}


@dataclass(frozen=True, slots=True)
class Assembled:
    """What is shown of what is known, each in the order of the text."""

    findings: tuple[Finding, ...]
    dismissed: tuple[Dismissed, ...]
    hidden: int
    """How many the settings keep back."""


def assemble(
    entries: Iterable[Entry],
    known: Mapping[str, PieceAnalysis],
    settings: ReviewSettings,
    *,
    dismissed: Callable[[Finding], str | None] | None = None,
    cached: Container[str] = (),
) -> Assembled:
    """The findings to show, relative to the document.

    Args:
        entries: the document's units.
        known: what is known of them, by digest.
        settings: what is shown.
        dismissed: why the user does not want to see a finding; None: nothing was dismissed.
        cached: digests of what was known before.
    """
    found = [
        finding
        for entry in entries
        if entry.digest in known
        for finding in _placed(entry, known[entry.digest], cached=entry.digest in cached)
    ]
    distinct = _without_repetition(sorted(found, key=_worst_first))
    wanted = [finding for finding in distinct if _is_wanted(finding, settings)]
    refused: list[Dismissed] = []
    if dismissed is not None:
        refused = [Dismissed(each, why) for each in wanted if (why := dismissed(each)) is not None]
        gone = {id(each.finding) for each in refused}
        wanted = [finding for finding in wanted if id(finding) not in gone]
    shown = worst(wanted, settings.max_findings)
    return Assembled(
        shown,
        tuple(sorted(refused, key=lambda each: _by_place(each.finding))),
        len(distinct) - len(shown) - len(refused),
    )


def worst(findings: Iterable[Finding], most: int) -> tuple[Finding, ...]:
    """The worst and surest of ``findings``, so many at most, in the order of the text."""
    return tuple(sorted(sorted(findings, key=_worst_first)[:most], key=_by_place))


def _placed(entry: Entry, analysis: PieceAnalysis, *, cached: bool) -> Iterator[Finding]:
    """The findings of a unit, relative to the document, with where they come from."""
    if analysis.findings:
        unit = entry.unit.identity
        origin = Origin(analysis.model, analysis.at, analysis.paid.cost_usd, cached=cached)
        for finding in analysis.findings:
            yield finding.placed(entry.unit.span.start, unit, origin)


def _by_place(finding: Finding) -> tuple[Span, tuple[int, int, bool, int, str]]:
    return finding.span, _worst_first(finding)


def _worst_first(finding: Finding) -> tuple[int, int, bool, int, str]:
    """Sort key: worst, then surest, then mendable, then first."""
    return (
        _SEVERITY[finding.severity],
        _CONFIDENCE[finding.confidence],
        finding.fix is None,
        finding.span.start,
        finding.rule,
    )


def _without_repetition(findings: Iterable[Finding]) -> list[Finding]:
    """Drop what repeats an earlier finding: the same rule at the same place, as where windows overlap."""
    kept: list[Finding] = []
    for finding in findings:
        if not any(other.rule == finding.rule and _same_place(other, finding) for other in kept):
            kept.append(finding)
    return kept


def _same_place(one: Finding, other: Finding) -> bool:
    return one.span == other.span or one.span.overlaps(other.span)


def _is_wanted(finding: Finding, settings: ReviewSettings) -> bool:
    return (
        finding.rule not in settings.rules_off
        and _SEVERITY[finding.severity] <= _SEVERITY[settings.min_severity]
        and _CONFIDENCE[finding.confidence] <= _CONFIDENCE[settings.min_confidence]
    )
