"""What a check found, ready to be printed: positions from 1, columns in Unicode code points."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kibitz.provider.usage import Usage, Verification
from kibitz.text.lines import Encoding, LineIndex

if TYPE_CHECKING:
    from kibitz.findings.finding import Finding, Fix
    from kibitz.text.spans import Span


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
    dismissed: int = 0
    """Findings that are left out because somebody dismissed them."""
    known: int = 0
    """Findings that are left out because the baseline has them."""
    unchanged: int = 0
    """Findings that are left out because their lines did not change."""
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


def _locate(finding: Finding, lines: LineIndex) -> Located:
    start, end = _points(finding.span, lines)
    fix = LocatedFix(finding.fix, *_points(finding.fix.span, lines)) if finding.fix else None
    return Located(finding, start, end, fix)


def _points(span: Span, lines: LineIndex) -> tuple[Point, Point]:
    return _point(span.start, lines), _point(span.end, lines)


def _point(offset: int, lines: LineIndex) -> Point:
    position = lines.position(offset, Encoding.UTF32)
    return Point(position.line + 1, position.character + 1)
