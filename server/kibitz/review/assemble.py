"""From what is known about units to what is shown for the document. Pure.

Everything here is applied to cached answers, too: other settings show other findings at no cost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kibitz.findings.finding import Confidence, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kibitz.findings.finding import Finding
    from kibitz.provider.models import PieceAnalysis
    from kibitz.review.entries import Entry
    from kibitz.review.result import ReviewSettings

_SEVERITY = {severity: rank for rank, severity in enumerate(Severity)}
_CONFIDENCE = {confidence: rank for rank, confidence in enumerate(Confidence)}


def assemble(
    entries: Iterable[Entry], known: Mapping[str, PieceAnalysis], settings: ReviewSettings
) -> tuple[tuple[Finding, ...], int]:
    """The findings to show, relative to the document, in the order of the text; and how many are hidden."""
    found = [
        finding.shift(entry.unit.span.start)
        for entry in entries
        if entry.digest in known
        for finding in known[entry.digest].findings
    ]
    distinct = _without_repetition(sorted(found, key=_worst_first))
    shown = [finding for finding in distinct if _is_wanted(finding, settings)]
    shown = shown[: settings.max_findings]
    return tuple(sorted(shown, key=lambda f: (f.span, _worst_first(f)))), len(distinct) - len(shown)


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
