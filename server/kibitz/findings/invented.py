"""Names that a change makes up: nothing that is shown has them, and they are not said to be somebody else's.

A model that has to change something renames, or gives another type. A repair is made of what is there, of
words of the language, and of calls and members of others (``max(a, b)``, ``text.strip()``). Pure.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kibitz.findings.code_lines import strings, without_words

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kibitz.findings.difference import Hunk

_NAME = re.compile(
    r"(?P<before>(?:@|(?<!\w)(?:self|this|cls)(?:\.|->)|\.|->|::)?)"
    r"(?P<name>[^\W\d]\w*)"
    r"(?=(?P<after>\s*(?:\(|\.|::|!\(|=(?!=)))?)"
)
_PART = re.compile(r"[A-Z]+(?![a-z])|[^\W\d_][^\W\d_A-Z]*")
_PARAMETER = 2
"""Shorter names are those of parameters and counters (``(a, b) => a - b``)."""
_OTHERS = frozenset({".", "->", "::"})
_KEYWORDS = (
    "and as assert async await break case catch const continue default defer del delete do elif else "
    "ensure except finally fn for foreach from func function global go if in instanceof is lambda let "
    "match move mut new next nil none None nonlocal not null NULL nullptr of or pass raise ref rescue "
    "return self Self static super switch then this throw true True False false try typeof undefined "
    "unless unsafe until use using var void when where while with yield"
)
_WORDS = frozenset(_KEYWORDS.split())
"""Of all languages together: what a statement can be made of. No types, which a model likes to change."""


def invented(hunks: Iterable[Hunk], text: str, context: str, language: str) -> frozenset[str]:
    """The names in what ``hunks`` put there, and words in changed strings, that nothing shown has."""
    known = {*_names(text, language), *_names(context, language)}
    made: set[str] = set()
    for hunk in hunks:
        code = without_words(hunk.replacement, language)
        made |= _said_anew(hunk, f"{text}\n{context}", language)
        made.update(
            match["name"]
            for match in _NAME.finditer(code)
            if match["name"] not in known and not _is_common(match, code)
        )
    return frozenset(made)


def _said_anew(hunk: Hunk, shown: str, language: str) -> set[str]:
    """The words that strings of the hunk say instead of others, and that nothing shown says."""
    old, new = [*strings(hunk.quote, language)], [*strings(hunk.replacement, language)]
    if old == new or len(old) != len(new):
        return set()
    said = set().union(*(_parts(now) for was, now in zip(old, new, strict=True) if was != now))
    return {part for part in said - _parts(shown) if len(part) > _PARAMETER}


def _parts(text: str) -> set[str]:
    """The parts that names and words are made of, in lower case."""
    return {part.lower() for part in _PART.findall(text)}


def _is_common(match: re.Match[str], code: str) -> bool:
    """Whether a repair may use the name though nothing shown has it."""
    name, before, after = match["name"], match["before"], match["after"] or ""
    if name in _WORDS or len(name) <= _PARAMETER:
        return True
    if before:
        return before in _OTHERS
    is_parameter = code.startswith("=>", match.end() + len(after) - 1)
    is_argument = after.endswith("=") and code[: match.start()].rstrip()[-1:] in {"(", ","}
    return is_argument or is_parameter or (bool(after) and not after.endswith("="))


def _names(text: str, language: str) -> Iterable[str]:
    return (match["name"] for match in _NAME.finditer(without_words(text, language)))
