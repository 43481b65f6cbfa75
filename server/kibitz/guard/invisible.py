"""Characters that a reader of code does not see, or sees as something else (Trojan Source and its kin)."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

_RANGES = (
    "\x00-\x08\x0b-\x0c\x0e-\x1f\x7f-\x9f"  # controls, but for tab and the line terminators
    "\u00ad\u034f\u061c\u115f-\u1160\u17b4-\u17b5\u180b-\u180f"  # soft hyphen, joiners, fillers
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f"  # zero width, separators, bidirectional overrides and isolates
    "\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"  # blanks, variation selectors, the BOM
    "\ud800-\udfff"  # lone surrogates
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"  # format controls, tags
)
# Ranges, not single characters: 2 ms instead of 680 ms for 97 KB.
INVISIBLE = re.compile(f"[{_RANGES}]")
"""One such character."""
_ASCII_INVISIBLE = re.compile("[\x00-\x08\x0b-\x0c\x0e-\x1f\x7f]")
_ESCAPE_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-_])")
"""What a terminal takes for a command."""


def introduces_invisible(old: str, new: str) -> bool:
    """Whether ``new`` holds an invisible, control or bidirectional character more often than ``old``."""
    found = _found(new)
    return bool(found) and bool(Counter(found) - Counter(_found(old)))


def introduces_script(known: str, new: str) -> bool:
    """Whether ``new`` has letters or digits of a script that ``known`` has none of.

    A Cyrillic or full-width look-alike in a file of Latin letters is never what a fix needs. Latin letters
    with accents are let through.
    """
    return bool(not new.isascii() and _scripts(new) - _scripts(known) - {"LATIN"})


def strip_invisible(text: str) -> str:
    """The text without such characters and without terminal escape sequences.

    Those that separate words (a form feed, U+2028) become a space.
    """
    text = _ESCAPE_SEQUENCE.sub("", text)
    return INVISIBLE.sub(lambda match: " " if match[0].isspace() else "", text)


def _found(text: str) -> list[str]:
    return (_ASCII_INVISIBLE if text.isascii() else INVISIBLE).findall(text)


def _scripts(text: str) -> set[str]:
    """The scripts of the non-ASCII letters and digits: the first word of a character's Unicode name."""
    if text.isascii():
        return set()
    wide = {character for character in text if character > "\x7f" and character.isalnum()}
    return {unicodedata.name(character, "UNNAMED").partition(" ")[0] for character in wide}
