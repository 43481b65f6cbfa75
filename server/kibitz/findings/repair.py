"""Whether what a rewrite changed can be a repair: it is small, parses, and makes up no names. Pure."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from kibitz.findings.code_lines import strings
from kibitz.findings.difference import Dropped, compare
from kibitz.findings.invented import invented
from kibitz.findings.parses import parses_as_well
from kibitz.findings.request import plain_ends

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kibitz.findings.difference import Hunk

_ANNOTATED = frozenset({"python", "typescript", "typescriptreact"})
_TYPE = re.compile(r"^(\s*(?:(?:const|let|var|readonly)\s+)?[\w.]+)\s*(?::[^=\n]*)?(?=$|=)", re.MULTILINE)
"""A variable or a field, perhaps with its type, up to its value."""
_SENTENCE = 16
"""Characters; what is shorter may be a key or a name."""


def repair(original: str, rewritten: str, language: str, context: str = "") -> tuple[Hunk, ...] | Dropped:
    """The hunks that turn ``original`` into ``rewritten``, or why there are none to report.

    Reasons: those of ``difference.compare``, ``only-types``, ``copies-text``, ``made-up-name`` and
    ``breaks-syntax``. ``context`` is what else was shown. Takes some milliseconds.
    """
    hunks = compare(original, rewritten, language)
    if isinstance(hunks, Dropped):
        return hunks
    if all(_only_retyped(hunk, language) for hunk in hunks):
        return Dropped("only-types")
    if any(_copies_text(hunk, f"{original}\n{context}", language) for hunk in hunks):
        return Dropped("copies-text")
    if invented(hunks, original, context, language):
        return Dropped("made-up-name")
    apart = hunks if _are_apart(hunks) else hunks[:1]
    if parses_as_well(original, applied(original, apart), language) is False:
        return Dropped("breaks-syntax")
    return hunks


def _only_retyped(hunk: Hunk, language: str) -> bool:
    """Whether nothing but the type of a variable is another one, which changes nothing at run time."""
    return language in _ANNOTATED and _TYPE.sub(r"\1 ", hunk.quote) == _TYPE.sub(r"\1 ", hunk.replacement)


def _copies_text(hunk: Hunk, shown: str, language: str) -> bool:
    """Whether a new string says what stands elsewhere: a constant is spelt out, or an order is obeyed."""
    before = set(strings(hunk.quote, language))
    added = (text[1:-1] for text in strings(hunk.replacement, language) if text not in before)
    return any(len(text) >= _SENTENCE and " " in text and text in shown for text in added)


def _are_apart(hunks: Iterable[Hunk]) -> bool:
    """Whether no line is quoted twice, as where lines were added before it and after it."""
    ends = [(hunk.start_line, hunk.start_line + hunk.quote.count("\n")) for hunk in hunks]
    return all(last < first for (_, last), (first, _) in pairwise(ends))


def applied(text: str, hunks: Iterable[Hunk]) -> str:
    """``text`` with all of ``hunks``, which quote no line twice, and with line feeds alone."""
    lines = plain_ends(text).split("\n")
    for hunk in sorted(hunks, key=lambda hunk: -hunk.start_line):
        first = hunk.start_line - 1
        last = first + hunk.quote.count("\n") + 1
        lines[first:last] = hunk.replacement.split("\n") if hunk.replacement else []
    return "\n".join(lines)
