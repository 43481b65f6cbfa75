"""Comments in code that dismiss findings: ``kibitz: ignore[rule] why``, and ``kibitz: ignore-file[rule]``.

A comment at the end of a line is about that line; one that has its lines to itself, about the line below,
or below the comments that follow it. Most files say nothing: that costs one search for a word.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kibitz.findings.code_lines import comments
from kibitz.guard.sanitize import plain
from kibitz.text.languages import block_comments
from kibitz.text.lines import LineIndex

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from kibitz.findings.finding import Finding
    from kibitz.text.spans import Span

FILE_LINES = 20
"""A whole file is spoken for in its first lines, where readers see it."""
_WORD = "kibitz:"
_MAX_REASON = 200
_DIRECTIVE = re.compile(
    # What stands in quotes is about such comments, and none of them.
    r"(?<![\w/.`'\"-])kibitz:[ \t]*ignore(?P<file>-file)?(?![\w-])[ \t]*"
    r"(?:\[(?P<rules>[^\]\r\n]{0,500})\])?(?P<reason>[^\r\n]*)"
)


@dataclass(frozen=True, slots=True)
class Directive:
    """What one comment says."""

    line: int
    """Where it says so, counted from 0."""
    rules: frozenset[str] | None
    """Those that it is about; None: all."""
    reason: str = ""

    def covers(self, rule: str) -> bool:
        """Whether it is about ``rule``."""
        return self.rules is None or rule in self.rules

    @property
    def why(self) -> str:
        """Why a finding is not to be shown, in words for people."""
        return f"by a comment: {self.reason}" if self.reason else f"by the comment in line {self.line + 1}"


class Inline:
    """What the comments of one document dismiss."""

    def __init__(
        self, lines: LineIndex, whole: Sequence[Directive], by_line: Mapping[int, Sequence[Directive]]
    ) -> None:
        self._lines = lines
        self.whole = whole
        """About the file."""
        self.by_line = by_line

    def about(self, finding: Finding) -> Directive | None:
        """The comment because of which a finding is not to be shown; None: there is none."""
        first, last = self._lines.line_of(finding.span.start), self._lines.line_of(finding.span.end)
        near = (each for line in range(first, last + 1) for each in self.by_line.get(line, ()))
        return next((each for each in (*near, *self.whole) if each.covers(finding.rule)), None)


def inline(text: str, language: str) -> Inline | None:
    """What the comments of ``text`` dismiss; None: nothing. Takes milliseconds only where it is something."""
    if _WORD not in text:
        return None
    lines = LineIndex(text)
    whole: list[Directive] = []
    about: list[tuple[int, Directive]] = []
    own: set[int] = set()
    for span in comments(text, language):
        first, last = lines.line_of(span.start), lines.line_of(max(span.end - 1, span.start))
        begins = not text[lines.line_start(first) : span.start].strip()
        ends = not text[span.end : lines.line_end(last)].strip()
        if begins and ends:
            own.update(range(first, last + 1))
        # Code before a comment is what it is about; else what follows it.
        target = last if begins else first
        for is_whole, directive in _said(text, span, lines, language):
            if not is_whole:
                about.append((target, directive))
            elif directive.line < FILE_LINES:
                whole.append(directive)
    return Inline(lines, whole, _by_line(about, own)) if whole or about else None


def _said(text: str, span: Span, lines: LineIndex, language: str) -> Iterable[tuple[bool, Directive]]:
    """What a comment says, and whether that is about the whole file."""
    for match in _DIRECTIVE.finditer(text, span.start, _end_of_words(text, span, language)):
        reason = match["reason"]
        if match["rules"] is None and reason.startswith("["):
            continue  # Half a list is no word for all rules.
        named = match["rules"]
        rules = None if named is None else frozenset(filter(None, map(str.strip, named.split(","))))
        shown = plain(reason.strip(" \t-:\u2013\u2014"), _MAX_REASON)
        yield match["file"] is not None, Directive(lines.line_of(match.start()), rules, shown)


def _end_of_words(text: str, span: Span, language: str) -> int:
    """Where a comment ends, without the mark that closes it."""
    closed = (
        end
        for start, end in block_comments(language)
        if text.startswith(start, span.start) and text.endswith(end, span.start, span.end)
    )
    return span.end - len(next(closed, ""))


def _by_line(about: Iterable[tuple[int, Directive]], own: set[int]) -> Mapping[int, Sequence[Directive]]:
    """The directives by the line of code that they are about."""
    below: dict[int, int] = {}
    for line in sorted(own, reverse=True):
        below[line] = below.get(line + 1, line + 1)
    found: dict[int, list[Directive]] = {}
    for target, directive in about:
        found.setdefault(below.get(target, target), []).append(directive)
    return found
