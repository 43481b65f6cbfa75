"""``--format json``: one object, written when all is known. ASCII only, so that no terminal obeys it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import TextIO

    from kibitz.cli.report import FileReport, Located, Point
    from kibitz.cli.totals import Totals
    from kibitz.provider.models import Usage


class JsonOutput:
    """Collects reports and writes one document."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._findings: list[dict[str, Any]] = []
        self._errors: list[dict[str, str]] = []

    def file(self, report: FileReport) -> None:
        """Keep one file's findings and errors."""
        self._findings.extend(_finding(report.path, located) for located in report.located())
        self._errors.extend({"path": report.path, "message": message} for message in report.errors)

    def end(self, totals: Totals) -> None:
        """Write the document."""
        document = {"findings": self._findings, "stats": _stats(totals), "errors": self._errors}
        json.dump(document, self._stream, indent=2)
        self._stream.write("\n")


def _finding(path: str, located: Located) -> dict[str, Any]:
    finding, fix = located.finding, located.fix
    return {
        "path": path,
        "rule": finding.rule,
        "severity": finding.severity.value,
        "confidence": finding.confidence.value,
        "title": finding.title,
        "trigger": finding.trigger,
        "start": _point(located.start),
        "end": _point(located.end),
        "fix": fix and {"start": _point(fix.start), "end": _point(fix.end), "new_text": fix.fix.new_text},
    }


def _point(point: Point) -> dict[str, int]:
    return {"line": point.line, "column": point.column}


def _stats(totals: Totals) -> dict[str, Any]:
    usage = totals.usage
    checked = totals.verification
    return {
        "files": totals.files,
        "units": totals.units,
        "cached_units": totals.cached_units,
        "dismissed": totals.dismissed,
        "baseline": totals.known,
        "baseline_gone": totals.gone,
        "unchanged": totals.unchanged,
        "requests": usage.requests,
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cost_usd": _cost(usage),
        "verification": {
            "confirmed": checked.confirmed,
            "refuted": checked.refuted,
            "unanswered": checked.unanswered,
            "requests": checked.usage.requests,
            "input_tokens": checked.usage.input_tokens,
            "output_tokens": checked.usage.output_tokens,
            "cost_usd": _cost(checked.usage),
        },
        "seconds": round(totals.seconds, 3),
    }


def _cost(usage: Usage) -> float | None:
    """Dollars; None where the price is not known."""
    cost = usage.cost_usd if usage.requests else 0
    return None if cost is None else float(cost)
