"""The gate that a proposed fix must pass, and the step from a model's claim to a finding.

A fix replaces text that is there, byte for byte; it changes something, but not much; the code parses as well
after it as before; it brings in nothing that a reader does not see and no new address; what is merely risky
is marked. A fix that fails costs the finding only its fix.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kibitz.findings.anchor import Anchor, find, is_numbered, split_lines, strip_number
from kibitz.findings.finding import Claim, Finding, Fix
from kibitz.findings.parses import parses_as_well
from kibitz.guard.invisible import introduces_invisible, introduces_script
from kibitz.guard.risks import ADDRESS, risks
from kibitz.guard.sanitize import plain
from kibitz.text.spans import Span
from kibitz.text.syntax import supports

if TYPE_CHECKING:
    from kibitz.text.lines import LineIndex

MAX_CHANGED_LINES = 5
"""Lines that differ, before or after, whichever are more, in a fix that nobody asked for."""
MAX_CHARACTERS = 8192
"""Code points of a replacement."""
TITLE_LENGTH = 120
TRIGGER_LENGTH = 400
"""Code points of what a finding says."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why something was not kept: a stable word to count by, such as ``no-op``."""

    reason: str


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a claim: a finding, if it was found in the code, and what was dropped on the way."""

    finding: Finding | None
    dropped: tuple[str, ...] = ()


def settle(claim: Claim, source: LineIndex, language: str, *, eol: str | None = None) -> Settled:
    """Turns a claim into a finding in ``source``, with its fix if that passes the gate.

    ``eol`` is the document's line ending, for a ``source`` too short to show it.
    """
    title, trigger = plain(claim.title, TITLE_LENGTH), plain(claim.trigger, TRIGGER_LENGTH)
    if not title or not trigger:
        return Settled(None, ("empty-text",))
    anchor = find(claim.quote, claim.start_line, source)
    if anchor is None:
        return Settled(None, ("quote-not-found",))
    gated = None if claim.replacement is None else gate(source, anchor, claim.replacement, language, eol=eol)
    span = anchor.span(source)
    finding = Finding(
        rule=claim.rule,
        severity=claim.severity,
        confidence=claim.confidence,
        title=title,
        trigger=trigger,
        span=span,
        quote=span.of(source.text),
        fix=gated if isinstance(gated, Fix) else None,
    )
    return Settled(finding, (f"fix-{gated.reason}",) if isinstance(gated, Rejection) else ())


def gate(
    source: LineIndex,
    anchor: Anchor,
    replacement: str,
    language: str,
    *,
    eol: str | None = None,
    max_lines: int = MAX_CHANGED_LINES,
) -> Fix | Rejection:
    """The edit that puts ``replacement`` in place of the anchored lines, or why there is none.

    ``replacement`` is whole lines with their indentation as the quote had it; blank, it deletes the lines.
    The edit is cut down to the lines that differ, and spans whole lines without the last one's terminator
    (with it, when it deletes).
    """
    if not anchor.exact:
        return Rejection("quote-not-exact")
    if len(replacement) > MAX_CHARACTERS:
        return Rejection("too-long")
    old = [source.line_text(number) for number in range(anchor.first_line, anchor.last_line + 1)]
    new = _fitted(split_lines(replacement), old, anchor)
    if new is None:
        return Rejection("indentation")
    change = _minimise(old, new)
    if not change.old and not change.new:
        return Rejection("no-op")
    if max(len(change.old), len(change.new)) > max_lines:
        return Rejection("too-many-lines")
    edit = _edit(source, anchor.first_line, change if change.old else _held(change, old), eol or source.eol)
    return _checked(source, edit, language)


def check_again(source: LineIndex, fix: Fix, language: str) -> Fix | Rejection:
    """A fix that passed the gate before, and was kept where others may have written: it passes again or not.

    ``fix.old_text`` must be what stands at ``fix.span``. A mark that it needs a closer look stays.
    """
    if fix.old_text == fix.new_text:
        return Rejection("no-op")
    if len(fix.new_text) > MAX_CHARACTERS:
        return Rejection("too-long")
    # An insertion replaces the line beside it, too: one more than the gate counts.
    if max(text.count("\n") for text in (fix.old_text, fix.new_text)) > MAX_CHANGED_LINES:
        return Rejection("too-many-lines")
    checked = _checked(source, fix, language)
    if isinstance(checked, Rejection) or not fix.needs_review:
        return checked
    return replace(checked, needs_review=True)


@dataclass(frozen=True, slots=True)
class _Change:
    """The lines that differ, after ``skipped`` lines that do not."""

    skipped: int
    old: list[str]
    new: list[str]


def _fitted(new: list[str], old: list[str], anchor: Anchor) -> list[str] | None:
    """The replacement's lines, indented as the code is. None if they do not follow their own quote."""
    if is_numbered(new) and not is_numbered(old):
        new = [strip_number(line) for line in new]
    removed, added = anchor.indentation.removed, anchor.indentation.added
    filled = [line for line in new if line.strip()]
    if filled and not removed and not added and _indent(filled[0]) == "":
        # Copied without any indentation, though the quote has one.
        added = min((_indent(line) for line in old if line.strip()), key=len, default="")
    if not all(line.startswith(removed) for line in filled):
        return None
    return [added + line[len(removed) :] if line.strip() else line for line in new]


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t"))]


def _minimise(old: list[str], new: list[str]) -> _Change:
    """What is left without equal lines at either end. Trailing whitespace is no difference."""
    shorter = min(len(old), len(new))
    prefix = suffix = 0
    while prefix < shorter and old[prefix].rstrip() == new[prefix].rstrip():
        prefix += 1
    while suffix < shorter - prefix and old[-1 - suffix].rstrip() == new[-1 - suffix].rstrip():
        suffix += 1
    return _Change(prefix, old[prefix : len(old) - suffix], new[prefix : len(new) - suffix])


def _held(change: _Change, old: list[str]) -> _Change:
    """An insertion, made to replace the line beside it: an edit of nothing would fit anywhere."""
    if change.skipped:
        line = old[change.skipped - 1]
        return _Change(change.skipped - 1, [line], [line, *change.new])
    return _Change(0, [old[0]], [*change.new, old[0]])


def _edit(source: LineIndex, anchored: int, change: _Change, eol: str) -> Fix:
    first = anchored + change.skipped
    last = first + len(change.old) - 1
    start, end = source.line_start(first), source.line_end(last)
    if not change.new:
        limit = source.line_limit(last)
        # A \r before and a \n after would become one terminator.
        joins = source.text[max(start - 1, 0) : start] == "\r" and source.text[limit : limit + 1] == "\n"
        if not first or (limit > end and not joins):
            end = limit
        else:
            # The text's last line has no terminator: take the one before it, so that none is left over.
            start = source.line_end(first - 1)
    span = Span(start, end)
    return Fix(span, span.of(source.text), eol.join(change.new))


def _checked(source: LineIndex, fix: Fix, language: str) -> Fix | Rejection:
    """The fix, marked if it needs a closer look, or what it must not do."""
    if introduces_invisible(fix.old_text, fix.new_text):
        return Rejection("invisible-characters")
    if introduces_script(source.text, fix.new_text):
        return Rejection("foreign-script")
    risky = risks(fix.old_text, fix.new_text)
    if ADDRESS in risky:
        return Rejection("new-address")
    after = source.text[: fix.span.start] + fix.new_text + source.text[fix.span.end :]
    judged = parses_as_well(source.text, after, language)
    if judged is False:
        return Rejection("syntax")
    if judged is None and supports(language):
        return Rejection("syntax-not-judged")
    return replace(fix, needs_review=bool(risky) or judged is None)
