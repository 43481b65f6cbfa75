"""``--format sarif``: SARIF 2.1.0, for code scanning services.

Built by hand: sarif-om is abandoned, sarif-pydantic 0.6 knows neither ``columnKind`` nor the notifications of
an invocation, and takes any misspelt field. The tests hold this output against the official schema instead.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from kibitz._version import __version__
from kibitz.findings.finding import Confidence, Severity
from kibitz.findings.rules import RULES

if TYPE_CHECKING:
    from typing import TextIO

    from kibitz.cli.report import FileReport, Located, Point
    from kibitz.cli.totals import Totals
    from kibitz.findings.rules import Rule

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_RANKS = {Confidence.CERTAIN: 90.0, Confidence.LIKELY: 60.0, Confidence.UNSURE: 30.0}
_FINGERPRINT = "kibitzQuote/v1"

_Json = dict[str, Any]


class SarifOutput:
    """Collects reports and writes one log."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._results: list[_Json] = []
        self._notifications: list[_Json] = []
        self._index = {code: index for index, code in enumerate(RULES)}

    def file(self, report: FileReport) -> None:
        """Keep one file's results and notifications."""
        uri, seen = _uri(report.path), Counter[str]()
        for located in report.located():
            fingerprint = _fingerprint(located, seen)
            self._results.append(_result(uri, located, self._index, fingerprint))
        self._notifications.extend(
            {
                "level": "error",
                "message": {"text": error},
                "locations": [{"physicalLocation": _artifact(uri)}],
            }
            for error in report.errors
        )

    def end(self, totals: Totals) -> None:
        """Write the log."""
        invocation: _Json = {
            "executionSuccessful": totals.failed == 0,
            "toolExecutionNotifications": self._notifications,
        }
        run = {
            "tool": {"driver": _driver()},
            "columnKind": "unicodeCodePoints",
            "invocations": [invocation],
            "results": self._results,
            "properties": {
                "baseline": totals.known,
                "baselineGone": totals.gone,
                "unchanged": totals.unchanged,
            },
        }
        json.dump({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, self._stream, indent=2)
        self._stream.write("\n")


def _driver() -> _Json:
    return {
        "name": "kibitz",
        "semanticVersion": __version__,
        "rules": [_rule(rule) for rule in RULES.values()],
    }


def _rule(rule: Rule) -> _Json:
    return {
        "id": rule.code,
        "name": rule.name,
        "shortDescription": {"text": rule.name},
        "fullDescription": {"text": rule.definition},
        "help": {"text": f"{rule.definition}\n\nFor example: {rule.example}"},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": {"tags": [rule.family]},
    }


def _result(uri: str, located: Located, index: dict[str, int], fingerprint: str) -> _Json:
    finding = located.finding
    region = _region(located.start, located.end) | {"snippet": {"text": finding.quote}}
    result: _Json = {
        "ruleId": finding.rule,
        "level": _LEVELS[finding.severity],
        "rank": _RANKS[finding.confidence],
        "message": {"text": "\n".join(filter(None, (finding.title, finding.trigger)))},
        "locations": [{"physicalLocation": _artifact(uri) | {"region": region}}],
        "partialFingerprints": {_FINGERPRINT: fingerprint},
        "properties": {"confidence": finding.confidence.value},
    }
    if finding.rule in index:
        result["ruleIndex"] = index[finding.rule]
    if located.fix:
        replacement = {
            "deletedRegion": _region(located.fix.start, located.fix.end),
            "insertedContent": {"text": located.fix.fix.new_text},
        }
        change = _artifact(uri) | {"replacements": [replacement]}
        description = "Look at it closely: it adds a call, an import or an address."
        text = description if located.fix.fix.needs_review else "Replace the lines."
        result["fixes"] = [{"description": {"text": text}, "artifactChanges": [change]}]
    return result


def _artifact(uri: str) -> _Json:
    return {"artifactLocation": {"uri": uri}}


def _region(start: Point, end: Point) -> _Json:
    return {
        "startLine": start.line,
        "startColumn": start.column,
        "endLine": end.line,
        "endColumn": end.column,
    }


def _uri(path: str) -> str:
    """A relative reference for a relative path, a ``file:`` URI for an absolute one; percent-encoded."""
    if Path(path).is_absolute():
        return "file://" + quote(os.fsencode(Path(path).as_posix()), safe="/")
    # Without "./", a colon in the first part would read as a scheme; quote() encodes it anyway.
    return quote(os.fsencode(path), safe="/")


def _fingerprint(located: Located, seen: Counter[str]) -> str:
    """The same for the same fault when lines above it come and go; equal quotes of a file are numbered."""
    finding = located.finding
    what = f"{finding.rule}\0{' '.join(finding.quote.split())}"
    seen[what] += 1
    raw = f"{what}\0{seen[what]}".encode("utf-8", "surrogatepass")
    return hashlib.sha256(raw).hexdigest()[:32]
