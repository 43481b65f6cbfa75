"""Source as its lines of code: what is left of each line without spacing, comments and docstrings.

A scanner of a few token kinds, not a parser: it must read what a model wrote, in any language, broken or
not. Where it errs (an apostrophe in prose, an exotic string) it errs alike on both versions of a line, so
equal lines stay equal.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from kibitz.text.languages import block_comments, line_comments
from kibitz.text.spans import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

TAB_WIDTH = 8

_INDENTED = frozenset({"python", "yaml", "coffeescript", "fsharp", "haskell", "nim"})
_FREE_QUOTES = frozenset({"python", "javascript", "javascriptreact", "typescript", "typescriptreact"})
_FREE_SEMICOLONS = frozenset({"javascript", "javascriptreact", "typescript", "typescriptreact"})
_LINE_END = re.compile(r"\r\n|\n|\r")
_INTERPOLATED = re.compile(r"\{[^{}]*\}|\$\w+")


@dataclass(frozen=True, slots=True)
class CodeLine:
    """A line that holds code."""

    number: int
    """From 0, in its text."""
    text: str
    """The whole line, without its end."""
    start: int
    """Where it starts in its text, in code points."""
    code: str
    """The line up to its trailing comment, without trailing spaces."""
    tokens: tuple[str, ...]
    """What it says, however it is spaced and quoted."""

    @property
    def indent(self) -> str:
        """The spaces and tabs it starts with."""
        return self.text[: len(self.text) - len(self.text.lstrip(" \t"))]

    @property
    def column(self) -> int:
        """Where its code starts, with tabs every eight columns."""
        return len(self.indent.expandtabs(TAB_WIDTH))


def raw_lines(text: str) -> list[str]:
    """The lines of ``text`` as LSP counts them, without their ends."""
    return _LINE_END.split(text)


def indentation_matters(language: str) -> bool:
    """Whether a line's indentation says which block it belongs to."""
    return language in _INDENTED


def code_lines(text: str, language: str) -> tuple[CodeLine, ...]:
    """The lines of ``text`` that hold code, in order. Takes time linear in its length."""
    raw = raw_lines(text)
    tokens: list[list[str]] = [[] for _ in raw]
    ends = [0] * len(raw)  # where each line's code ends, in code points of the line
    starts = _line_starts(text)
    line = 0
    before = ""  # the last token, to tell a docstring from a string
    for match in _scanner(language).finditer(text):
        while line + 1 < len(starts) and starts[line + 1] <= match.start():
            line += 1
        kind, value = match.lastgroup, match.group()
        if kind == "comment" or (kind == "block" and _is_docstring(before, tokens[line], text, match.end())):
            continue
        parts = raw_lines(value)
        for offset, part in enumerate(parts):
            begin = match.start() - starts[line] if offset == 0 else 0
            ends[line + offset] = begin + len(part)
            if part.strip():
                tokens[line + offset].append(_plain(part, kind, language) if len(parts) == 1 else part)
        before = value
    return tuple(
        CodeLine(
            number,
            raw[number],
            starts[number],
            raw[number][: ends[number]].rstrip(),
            _without_end(said, language),
        )
        for number, said in enumerate(tokens)
        if said
    )


def comments(text: str, language: str) -> Iterator[Span]:
    """Where the comments of ``text`` are, as far as a scanner can tell; docstrings are none."""
    for match in _scanner(language).finditer(text):
        if match.lastgroup == "comment":
            yield Span(match.start(), match.end())


def strings(text: str, language: str) -> Iterator[str]:
    """The strings in ``text``, with their quotes; docstrings are none."""
    for match in _scanner(language).finditer(text):
        if match.lastgroup == "string":
            yield match.group()


def without_words(text: str, language: str) -> str:
    """``text`` without what its comments and strings say, but for the code inside of strings (``{name}``)."""
    return _silences(language).sub(_code_inside, text)


def _code_inside(match: re.Match[str]) -> str:
    inside = () if match.lastgroup == "comment" else _INTERPOLATED.findall(match.group())
    return f'"{" ".join(inside)}"'


def _is_docstring(before: str, on_line: list[str], text: str, end: int) -> bool:
    rest = _LINE_END.split(text[end : end + 200], maxsplit=1)[0].strip()
    return not on_line and before in {"", ":"} and not rest


def _plain(token: str, kind: str | None, language: str) -> str:
    if kind == "word":
        return token.replace("_", "") if token[0].isdigit() else token
    quoted = kind == "string" and token[:1] == "'" and not set(token[1:-1]) & set("\"'\\")
    return f'"{token[1:-1]}"' if quoted and language in _FREE_QUOTES else token


def _without_end(said: list[str], language: str) -> tuple[str, ...]:
    if language in _FREE_SEMICOLONS and len(said) > 1 and said[-1] == ";":
        return tuple(said[:-1])
    return tuple(said)


def _line_starts(text: str) -> list[int]:
    return [0, *(match.end() for match in _LINE_END.finditer(text))]


@lru_cache(maxsize=32)
def _scanner(language: str) -> re.Pattern[str]:
    """One alternative per token kind. What may fail to close is bounded, so that no input is slow to read."""
    return re.compile(rf"{_silent(language)}|(?P<word>\w+)|\S")


@lru_cache(maxsize=32)
def _silences(language: str) -> re.Pattern[str]:
    return re.compile(_silent(language))


def _silent(language: str) -> str:
    """What names nothing: docstrings, comments and strings."""
    block = [rf"{re.escape(start)}(?s:.*?)(?:{re.escape(end)}|\Z)" for start, end in block_comments(language)]
    line = [rf"{_not_inside(mark, language)}{re.escape(mark)}[^\r\n]*" for mark in line_comments(language)]
    comment = "|".join([*block, *line]) or r"(?!)"
    triple = r'"""(?s:.*?)(?:"""|\Z)|' + r"'''(?s:.*?)(?:'''|\Z)" if language == "python" else r"(?!)"
    # Possessive: giving back what was read never helps, and would be tried for as long as it is.
    double = r'"(?:\\[^\r\n]|[^"\\\r\n])*+"?'
    # Two of Rust's lifetimes are no string.
    single = rf"'(?:\\[^\r\n]|[^'\\\r\n]){{{'1' if language == 'rust' else '0,400'}}}+'"
    template = r"`(?:\\(?s:.)|[^`\\]){0,2000}+`"
    return rf"(?P<block>{triple})|(?P<comment>{comment})|(?P<string>{double}|{single}|{template})"


def _not_inside(mark: str, language: str) -> str:
    """A shell's ``$#`` and ``${#name}`` are no comments."""
    return r"(?<!\S)" if mark == "#" and language == "shellscript" else ""
