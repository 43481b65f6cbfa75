"""The format for people: each finding with its line, a caret, its trigger and its fix; then what it cost."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from rich.text import Text

from kibitz.cli.output.hunk import hunk_of
from kibitz.cli.output.summary import cost, counted, price, summary
from kibitz.cli.output.visible import escape, show_line
from kibitz.findings.finding import Confidence, Severity
from kibitz.text.lines import LineIndex

if TYPE_CHECKING:
    from rich.console import Console

    from kibitz.cli.report import FileReport, Located
    from kibitz.cli.totals import Totals
    from kibitz.findings.finding import Finding

__all__ = ["TextOutput", "cost", "counted", "price", "summary"]

_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "bold yellow", Severity.INFO: "bold cyan"}
_MAX_LINES = 6
"""Lines of one finding that are shown; more are only counted."""


class TextOutput:
    """Writes to a console as reports come."""

    def __init__(self, console: Console, errors: Console) -> None:
        self._console = console
        self._errors = errors
        self._said: Counter[str] = Counter()

    def file(self, report: FileReport) -> None:
        """Print one file's findings, in their order, and what went wrong with it."""
        lines = LineIndex(report.text)
        for located in report.located():
            self._line(self._finding(report, located, lines))
        for error in report.errors:
            self._said[error] += 1
            # One wrong key fails every file alike: say it once, and count.
            if self._said[error] == 1:
                text = Text.assemble((escape(report.path), "bold"), ": ", escape(error))
                self._errors.print(text, soft_wrap=True)

    def end(self, totals: Totals) -> None:
        """Print the summary."""
        for error, count in self._said.items():
            if count > 1:
                more = counted(count - 1, "more file")
                self._errors.print(Text(f"{more}: {escape(error)}"), soft_wrap=True)
        self._line(Text.assemble(*summary(totals)))

    def _line(self, text: Text) -> None:
        self._console.print(text, soft_wrap=True)

    def _finding(self, report: FileReport, located: Located, lines: LineIndex) -> Text:
        finding = located.finding
        text = Text.assemble(
            (f"{escape(report.path)}:{located.start.line}:{located.start.column}", "bold"),
            " ",
            (finding.severity, _STYLES[finding.severity]),
            " ",
            (finding.rule, "magenta"),
            " ",
            escape(finding.title),
            ("" if finding.confidence is Confidence.CERTAIN else f" ({finding.confidence})", "dim"),
        )
        gutter = len(str(located.end.line + 1))
        _add_source(text, located, lines, gutter)
        if finding.trigger:
            text.append("\n")
            text.append(" " * gutter + " = ", "blue")
            text.append("trigger: ", "bold")
            text.append(escape(finding.trigger))
        if located.fix:
            _add_fix(text, located, lines, gutter)
            _add_fate(text, report, finding, gutter)
        return text.append("\n")


def _add_source(text: Text, located: Located, lines: LineIndex, gutter: int) -> None:
    style = _STYLES[located.finding.severity]
    first, last = located.start.line, located.end.line
    if last > first and located.end.column == 1:
        last -= 1
    for number in range(first, min(last, first + _MAX_LINES - 1) + 1):
        line = lines.line_text(number - 1)
        start = located.start.column - 1 if number == first else len(line) - len(line.lstrip())
        end = located.end.column - 1 if number == located.end.line else len(line)
        shown = show_line(line, start, end)
        text.append("\n")
        text.append(f"{number:>{gutter}} | ", "blue")
        text.append(shown.text)
        text.append("\n")
        text.append(" " * gutter + " | ", "blue")
        text.append(" " * shown.start)
        text.append("^" * shown.width, style)
    if (left := last - first + 1 - _MAX_LINES) > 0:
        text.append(f"\n{' ' * gutter} | … {left} more lines", "blue")


def _add_fix(text: Text, located: Located, lines: LineIndex, gutter: int) -> None:
    if located.fix is None:
        return
    fix = located.fix.fix
    hunk = hunk_of(fix, lines)
    text.append("\n")
    text.append(" " * gutter + " = ", "blue")
    text.append("fix:", "bold")
    if fix.needs_review:
        text.append(" look at it closely: it adds a call, an import or an address", "yellow")
    for offset, line in enumerate(hunk.removed):
        text.append(f"\n{hunk.first_line + offset:>{gutter}} ", "blue")
        text.append(f"- {show_line(line).text}", "red")
    for offset, line in enumerate(hunk.added):
        text.append(f"\n{hunk.first_line + offset:>{gutter}} ", "blue")
        text.append(f"+ {show_line(line).text}", "green")


def _add_fate(text: Text, report: FileReport, finding: Finding, gutter: int) -> None:
    if finding in report.fixed:
        text.append(f"\n{' ' * gutter} = ", "blue").append("fixed", "bold green")
    for other, reason in report.left:
        if other == finding:
            text.append(f"\n{' ' * gutter} = ", "blue").append("not fixed: ", "bold").append(escape(reason))
