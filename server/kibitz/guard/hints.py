"""What can be said about a text without asking anybody: secrets in it, and characters that nobody sees.

Nothing leaves for it, so it is said at once, also where there is no key. A joiner in an emoji, or between
letters of a script that needs it, is no news.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kibitz.guard.invisible import INVISIBLE
from kibitz.guard.secrets import Refused, find_secrets
from kibitz.text.spans import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET_IN_CODE, TROJAN_SOURCE, HIDDEN_CHARACTERS = "secret-in-code", "trojan-source", "hidden-characters"
"""The codes of hints."""
MAX_HINTS = 20
"""Of secrets, and of lines with hidden characters."""
MAX_CHARACTERS = 1 << 19
"""Longer texts are not looked at: nobody edits them."""

_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_JOINERS = frozenset("\u200c\u200d\ufe0e\ufe0f")
"""Part of emoji and of some scripts, if they stand beside such a character."""
_HARMLESS = frozenset("\x0b\x0c")
_TAGS = re.compile("[\U000e0020-\U000e007f]")
_FLAG = "\U0001f3f4"
_KEYCAPS = tuple("0123456789#*")
_NAMED = 3
_LINE = re.compile(r"[^\r\n]+")
_SAME_LINE = re.compile(r"[^\r\n]*")


@dataclass(frozen=True, slots=True, order=True)
class Hint:
    """Something about a part of a text."""

    span: Span
    code: str
    title: str
    why: str
    """What it means, and what to do."""


def hints(text: str) -> tuple[Hint, ...]:
    """All hints about ``text``, in its order. Pure CPU, about 6 ms for 100 KB; never raises."""
    if len(text) > MAX_CHARACTERS:
        return ()
    return tuple(sorted([*_secrets(text), *_hidden(text)]))


def _secrets(text: str) -> list[Hint]:
    try:
        found = find_secrets(text)
    except Refused:
        # It is not sent either, and that is said when it is to be.
        return []
    return [
        Hint(
            _first_line(text, secret.span),
            SECRET_IN_CODE,
            f"Possible secret ({secret.rule})",
            "It is replaced before anything is sent. Whoever gets the code gets it too: keep it elsewhere,"
            " and revoke it if it was ever committed.",
        )
        for secret in found[:MAX_HINTS]
    ]


def _first_line(text: str, span: Span) -> Span:
    """A key of twenty lines is marked at its first."""
    body = span.of(text)
    start = span.start + len(body) - len(body.lstrip())
    line = _LINE.match(text, start, span.end)
    return Span(*line.span()) if line is not None else span


def _hidden(text: str) -> list[Hint]:
    if text.isascii() and text.isprintable():
        return []
    found: list[Hint] = []
    for places in _by_line(text):
        if len(found) == MAX_HINTS:
            break
        characters = [text[at] for at in places]
        span = Span(places[0], places[-1] + 1)
        if not _BIDI.isdisjoint(characters):
            found.append(
                Hint(
                    span,
                    TROJAN_SOURCE,
                    f"This line may read in another order than it runs: {_names(characters)}",
                    "Bidirectional control characters can show code as a comment and a comment as code."
                    " Remove them, or write them as escapes.",
                )
            )
        else:
            found.append(
                Hint(
                    span,
                    HIDDEN_CHARACTERS,
                    f"Invisible characters: {_names(characters)}",
                    "What looks the same may not be the same. Remove them, or write them as escapes.",
                )
            )
    return found


def _by_line(text: str) -> Iterator[list[int]]:
    """Where the suspicious characters of a line are, line by line."""
    line: list[int] = []
    for match in INVISIBLE.finditer(text):
        at = match.start()
        if not _is_suspicious(text, at):
            continue
        if line and _SAME_LINE.fullmatch(text, line[-1], at) is None:
            yield line
            line = []
        line.append(at)
    if line:
        yield line


def _is_suspicious(text: str, at: int) -> bool:
    character, before, after = text[at], text[at - 1 : at], text[at + 1 : at + 2]
    if character in _HARMLESS or (character == "\ufeff" and not at):
        return False
    if character in _JOINERS:
        # Behind an ASCII character it has no business, but in an emoji for a digit.
        return before.isascii() and not (before in _KEYCAPS and after == "\u20e3")
    if _TAGS.match(character):
        return not text[max(at - 8, 0) : at].rpartition(_FLAG)[1]
    return True


def _names(characters: list[str]) -> str:
    distinct = list(dict.fromkeys(characters))
    named = [f"U+{ord(each):04X} {unicodedata.name(each, '').lower()}".strip() for each in distinct[:_NAMED]]
    return ", ".join(named) + (f" and {len(distinct) - _NAMED} more" if distinct[_NAMED:] else "")
