"""What a check found, ready to be printed: positions from 1, columns in Unicode code points."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from kibitz.findings.finding import Severity
from kibitz.provider.models import Usage, Verification
from kibitz.text.lines import Encoding, LineIndex

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kibitz.findings.finding import Finding, Fix
    from kibitz.text.spans import Span

_WORST_FIRST = tuple(Severity)


@dataclass(frozen=True, slots=True)
class Point:
    """A place in a file, both counted from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Located:
    """A finding with its place. ``end`` is the first column after it."""

    finding: Finding
    start: Point
    end: Point
    fix: LocatedFix | None


@dataclass(frozen=True, slots=True)
class LocatedFix:
    """A fix with the place that it replaces."""

    fix: Fix
    start: Point
    end: Point


@dataclass(frozen=True, slots=True)
class FileReport:
    """One file's outcome. A file with ``errors`` may still have findings: its other units were reviewed."""

    path: str
    """As printed: relative to the working folder where it lies inside, with ``/``."""
    text: str = ""
    findings: tuple[Finding, ...] = ()
    errors: tuple[str, ...] = ()
    reviewed: bool = False
    """False where nothing was asked about it: it could not be read, or must not be sent."""
    units: int = 0
    cached_units: int = 0
    hidden: int = 0
    """Findings that the settings keep back."""
    dropped: int = 0
    """Claims that could not be found in the code or were not safe to show."""
    usage: Usage = field(default_factory=Usage)
    verification: Verification = field(default_factory=Verification)
    fixed: tuple[Finding, ...] = ()
    """Those of the findings whose fix was applied (``--fix``)."""
    left: tuple[tuple[Finding, str], ...] = ()
    """Those whose fix was not, and why."""

    def located(self) -> tuple[Located, ...]:
        """The findings with their places, in order."""
        lines = LineIndex(self.text)
        return tuple(_locate(finding, lines) for finding in self.findings)


@dataclass(frozen=True, slots=True)
class Totals:
    """All files together."""

    files: int = 0
    """Files that were reviewed."""
    units: int = 0
    cached_units: int = 0
    hidden: int = 0
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


def total(reports: Iterable[FileReport], seconds: float, *, free: bool = False) -> Totals:
    """The sum of all reports; see ``Tally``."""
    tally = Tally()
    for report in reports:
        tally.add(report)
    return tally.totals(seconds, free=free)


def _worst_first(counts: Counter[Severity]) -> tuple[tuple[Severity, int], ...]:
    return tuple((severity, counts[severity]) for severity in _WORST_FIRST)


def _locate(finding: Finding, lines: LineIndex) -> Located:
    start, end = _points(finding.span, lines)
    fix = LocatedFix(finding.fix, *_points(finding.fix.span, lines)) if finding.fix else None
    return Located(finding, start, end, fix)


def _points(span: Span, lines: LineIndex) -> tuple[Point, Point]:
    return _point(span.start, lines), _point(span.end, lines)


def _point(offset: int, lines: LineIndex) -> Point:
    position = lines.position(offset, Encoding.UTF32)
    return Point(position.line + 1, position.character + 1)
