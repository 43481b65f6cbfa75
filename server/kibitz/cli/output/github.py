"""``--format github``: workflow commands, which GitHub Actions shows as annotations on the changed lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kibitz.cli.output.visible import escape
from kibitz.findings.finding import Severity

if TYPE_CHECKING:
    from typing import TextIO

    from kibitz.cli.report import FileReport, Located
    from kibitz.cli.totals import Totals

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


class GithubOutput:
    """Writes one command per finding as reports come."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def file(self, report: FileReport) -> None:
        """Write one file's annotations; what could not be reviewed is a warning on the file."""
        for located in report.located():
            self._stream.write(_command(report.path, located) + "\n")
        for error in report.errors:
            properties = f"file={_property(report.path)},title={_property('kibitz: not reviewed')}"
            self._stream.write(f"::warning {properties}::{_data(escape(error))}\n")
        self._stream.flush()

    def end(self, totals: Totals) -> None:
        """Nothing: annotations have no summary."""


def _command(path: str, located: Located) -> str:
    finding = located.finding
    properties = {
        "file": path,
        "line": str(located.start.line),
        "endLine": str(located.end.line),
        "title": f"kibitz: {finding.rule}",
    }
    if located.start.line == located.end.line:
        # GitHub takes columns for one line only.
        properties |= {"col": str(located.start.column), "endColumn": str(located.end.column)}
    listed = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    message = ". ".join(filter(None, (finding.title.rstrip("."), finding.trigger)))
    return f"::{_COMMANDS[finding.severity]} {listed}::{_data(escape(message))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
