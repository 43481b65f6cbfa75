"""What a document is reviewed by: its definitions, and the runs of code between them.

A unit is whole lines, and its text depends on these lines alone: so an edit elsewhere, or a move, leaves it
(and what is known about it) as it was. Units never overlap, except windows.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Literal

from kibitz.provider.tokens import estimate
from kibitz.review.outline import outline
from kibitz.review.paragraphs import paragraphs
from kibitz.review.windows import windows
from kibitz.text.languages import line_comments
from kibitz.text.spans import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kibitz.review.outline import Container, Definition, Outline
    from kibitz.text.lines import LineIndex

MAX_UNIT_TOKENS = 1_600
"""Estimated tokens; a larger unit is reviewed in windows."""

UNIT_LENGTH = 16
"""Hexadecimal digits of what a unit is recognised by."""

Kind = Literal["function", "method", "code", "window"]


@dataclass(frozen=True, slots=True)
class Unit:
    """A part of a document that is reviewed, and remembered, on its own."""

    span: Span
    """From the start of its first line to the end of its last, without that one's terminator."""
    name: str
    """For people: ``Order.total``, ``lines 10 to 90``; may be empty."""
    kind: Kind
    text: str
    definition: Definition | None = None
    """The function that it is, or is a window of."""
    owner: Container | None = None
    """The innermost container around it."""
    known_identity: str | None = None
    """Its ``identity``, where neither definition nor owner are known."""

    @property
    def identity(self) -> str:
        """A hash of the name of the definition that it is, or is in; empty outside of all."""
        if self.known_identity is not None:
            return self.known_identity
        name = self.definition.title if self.definition is not None else self.owner.name if self.owner else ""
        return sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:UNIT_LENGTH] if name else ""


def split(text: str, language: str) -> tuple[Unit, ...]:
    """The units of a document, in order. Pure CPU, about 10 ms for 3,000 lines; any text will do."""
    return units_of(outline(text, language))


def units_of(document: Outline) -> tuple[Unit, ...]:
    """The units of a document that was read already."""
    last = document.lines.line_count - 1
    parts = _parts(document) if document.parsed else [_Part("", "window", 0, last)]
    comments = line_comments(document.language)
    return tuple(
        unit
        for part in parts
        for unit in _fit(document.lines, part)
        if unit.kind in {"function", "method"} or _holds_code(unit.text, comments)
    )


@dataclass(frozen=True, slots=True)
class _Part:
    """A unit before it is known whether it is too large."""

    name: str
    kind: Kind
    first: int
    last: int
    definition: Definition | None = None
    owner: Container | None = None


def _parts(document: Outline) -> list[_Part]:
    functions = _functions(document)
    taken = bytearray(document.lines.line_count)
    for part in functions:
        taken[part.first : part.last + 1] = b"\1" * (part.last + 1 - part.first)
    return sorted([*functions, *_rest(document, taken)], key=lambda part: part.first)


def _functions(document: Outline) -> list[_Part]:
    """One part per function; those that share a line become one."""
    parts: list[_Part] = []
    for one in document.definitions:
        if parts and one.first <= parts[-1].last:
            before = parts.pop()
            last = max(before.last, one.last)
            parts.append(_Part(before.name, before.kind, before.first, last, before.definition, before.owner))
        else:
            kind: Kind = "method" if one.owner else "function"
            parts.append(_Part(one.title, kind, one.first, one.last, one, one.owner))
    return parts


def _rest(document: Outline, taken: bytearray) -> Iterator[_Part]:
    """Runs of code outside of functions, each inside one container."""
    count = document.lines.line_count
    code = bytearray(count)
    for statement in document.statements:
        if not statement.inert:
            code[statement.first : statement.last + 1] = b"\1" * (statement.last + 1 - statement.first)
    owners: list[Container | None] = [None] * count
    for container in document.containers:
        owners[container.first : container.last + 1] = [container] * (container.last + 1 - container.first)
    start = 0
    for line in range(1, count + 1):
        if line == count or taken[line] != taken[start] or owners[line] is not owners[start]:
            if not taken[start]:
                yield from _trim(document, code, owners[start], start, line - 1)
            start = line


def _trim(
    document: Outline, code: bytearray, owner: Container | None, first: int, last: int
) -> Iterator[_Part]:
    """A run without the imports, comments and blank lines around its code; nothing if that is all it has."""
    start = code.find(1, first, last + 1)
    if start < 0:
        return
    end = code.rfind(1, first, last + 1)
    if owner is not None and first <= owner.first <= start:
        start = owner.first
    while start > first and (start - 1 in document.notes or start - 1 in document.glue):
        start -= 1
    for part_first, part_last in paragraphs(document, start, end):
        if code.find(1, part_first, part_last + 1) >= 0:
            yield _Part(owner.name if owner else "", "code", part_first, part_last, None, owner)


def _fit(lines: LineIndex, part: _Part) -> Iterator[Unit]:
    whole = _unit(lines, part, part.first, part.last)
    if part.kind != "window" and estimate(whole.text) <= MAX_UNIT_TOKENS:
        yield whole
        return
    for first, last in windows(lines, part.first, part.last):
        name = f"{part.name or 'lines'} {first + 1}-{last + 1}"
        yield _unit(lines, _Part(name, "window", first, last, part.definition, part.owner), first, last)


def _unit(lines: LineIndex, part: _Part, first: int, last: int) -> Unit:
    span = Span(lines.line_start(first), lines.line_end(last))
    return Unit(span, part.name, part.kind, span.of(lines.text), part.definition, part.owner)


def _holds_code(text: str, comments: tuple[str, ...]) -> bool:
    """Whether any line has a letter or digit outside of line comments."""
    for line in text.splitlines():
        bare = line.strip()
        if bare and not bare.startswith(comments) and any(char.isalnum() for char in bare):
            return True
    return False
