"""All reports of a check together. Light to import."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from kibitz.findings.finding import Severity
from kibitz.provider.usage import Usage, Verification

if TYPE_CHECKING:
    from kibitz.cli.report import FileReport

_WORST_FIRST = tuple(Severity)


@dataclass(frozen=True, slots=True)
class Totals:
    """All files together."""

    files: int = 0
    """Files that were reviewed."""
    units: int = 0
    cached_units: int = 0
    hidden: int = 0
    dismissed: int = 0
    known: int = 0
    gone: int = 0
    """What the baseline knows, and nobody found any more."""
    unchanged: int = 0
    dropped: int = 0
    usage: Usage = field(default_factory=Usage)
    verification: Verification = field(default_factory=Verification)
    """Its usage is part of ``usage``."""
    seconds: float = 0.0
    counts: tuple[tuple[Severity, int], ...] = ()
    """Findings by severity, worst first; those that were fixed included."""
    remaining: tuple[tuple[Severity, int], ...] = ()
    """The same without those that were fixed."""
    fixed: int = 0
    failed: int = 0
    """Files with at least one error."""

    def at_least(self, severity: Severity) -> int:
        """How many findings that were not fixed are of this severity or worse."""
        rank = _WORST_FIRST.index(severity)
        return sum(count for kind, count in self.remaining if _WORST_FIRST.index(kind) <= rank)


class Tally:
    """Sums reports up as they come, and keeps none of them."""

    def __init__(self) -> None:
        self._sum = Totals()
        self._found = Counter[Severity]()
        self._remaining = Counter[Severity]()

    def add(self, report: FileReport) -> None:
        """Count one file."""
        before = self._sum
        self._sum = Totals(
            files=before.files + report.reviewed,
            units=before.units + report.units,
            cached_units=before.cached_units + report.cached_units,
            hidden=before.hidden + report.hidden,
            dismissed=before.dismissed + report.dismissed,
            known=before.known + report.known,
            unchanged=before.unchanged + report.unchanged,
            dropped=before.dropped + report.dropped,
            usage=before.usage + report.usage,
            verification=before.verification + report.verification,
            fixed=before.fixed + len(report.fixed),
            failed=before.failed + bool(report.errors),
        )
        self._found.update(finding.severity for finding in report.findings)
        self._remaining.update(finding.severity for finding in report.findings if finding not in report.fixed)

    def add_clean(self, files: int, units: int, dropped: int) -> None:
        """Count files in which nothing is found, as is known."""
        before = self._sum
        self._sum = replace(
            before,
            files=before.files + files,
            units=before.units + units,
            cached_units=before.cached_units + units,
            dropped=before.dropped + dropped,
        )

    def totals(self, seconds: float, *, free: bool = False) -> Totals:
        """The sum, which took ``seconds`` by the clock. ``free``: requests cost no money."""
        usage, verification = self._sum.usage, self._sum.verification
        if free:
            from decimal import Decimal  # noqa: PLC0415 - few need it

            usage = replace(usage, cost_usd=Decimal(0))
            verification = replace(verification, usage=replace(verification.usage, cost_usd=Decimal(0)))
        return replace(
            self._sum,
            usage=usage,
            verification=verification,
            seconds=seconds,
            counts=_worst_first(self._found),
            remaining=_worst_first(self._remaining),
        )


def _worst_first(counts: Counter[Severity]) -> tuple[tuple[Severity, int], ...]:
    return tuple((severity, counts[severity]) for severity in _WORST_FIRST)
