"""Which rules a small change can be about, as far as the change itself tells.

A small model mends more than it can name: asked freely, it calls a swapped ``min`` and ``max`` a missing
authorization. What the tokens of the change say for certain narrows its choice. Pure.
"""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from kibitz.findings.rules import RULES

if TYPE_CHECKING:
    from kibitz.findings.difference import Hunk

_TOKEN = re.compile(r"[<>=!]==?|&&|\|\||\?\?|\?\.|[-+*/%|&^]=|<|>|\w+|\S")
_WORD = re.compile(r"[^\W\d]\w*")
_AT_MOST, _AT_LEAST = frozenset({"<", "<="}), frozenset({">", ">="})
_EQUAL, _UNEQUAL = frozenset({"==", "===", "is"}), frozenset({"!=", "!=="})
_NOT = frozenset({"not", "!"})
_AND_OR = frozenset({"and", "or", "&&", "||"})
_ONE_MORE = frozenset({"+", "-", "1", "(", ")"})
_ABSENT = frozenset({"?.", "??", "getOrDefault", "Optional", "None", "null", "undefined", "nil"})
_LOCKING = re.compile(r"(un)?lock|acquire|release", re.IGNORECASE)

_UNSEEN = frozenset({"missing-authorization", "exposed-secret", "path-traversal", "injection", "data-loss"})
"""What no change within one line shows by itself; a small model names these when it knows no name."""

EVERY = tuple(code for code in RULES if code not in _UNSEEN)


def plausible(hunk: Hunk) -> tuple[str, ...]:
    """The codes of the rules that ``hunk`` can be about: at least one, mostly one."""
    old, new = _TOKEN.findall(hunk.quote), _TOKEN.findall(hunk.replacement)
    removed: list[str] = []
    added: list[str] = []
    for tag, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag != "equal":
            removed += old[a:b]
            added += new[c:d]
    by_operators = _by_operators(frozenset(removed), frozenset(added))
    return by_operators or _by_words(removed, added, hunk) or _by_form(removed, added) or EVERY


def _by_operators(removed: frozenset[str], added: frozenset[str]) -> tuple[str, ...]:
    changed = removed | added
    if not changed:
        return ("wrong-return", "wrong-value")  # only the indentation differs: another block
    if changed <= _AT_MOST or changed <= _AT_LEAST:
        return ("off-by-one",)
    compared = _AT_MOST | _AT_LEAST | _EQUAL | _UNEQUAL
    if (removed and added and changed <= compared) or changed <= _NOT | _AND_OR | {"in"}:
        return ("inverted-condition",)
    if changed <= _ONE_MORE and "1" in changed:
        return ("off-by-one",)
    return ()


def _by_words(removed: list[str], added: list[str], hunk: Hunk) -> tuple[str, ...]:
    if "await" in added and "await" not in removed:
        return ("missing-await",)
    if "equals" in added and "==" in removed:
        return ("api-misuse",)
    if _is_default(hunk) and "None" in added:
        return ("shared-mutable",)
    if _ABSENT & set(added) and not _ABSENT & set(removed):
        return ("null-dereference", "missing-case", "falsy-confusion")
    return ()


def _by_form(removed: list[str], added: list[str]) -> tuple[str, ...]:
    if len(removed) == len(added) == 1:
        locks = all(_LOCKING.search(token) for token in (*removed, *added))
        return ("deadlock", "resource-leak") if locks else ("wrong-value",)
    if any(_WORD.fullmatch(token) for token in (*removed, *added)):
        return ()
    return ("wrong-value", "wrong-return", "api-misuse")


def _is_default(hunk: Hunk) -> bool:
    """Whether a default argument of a Python function changed."""
    return hunk.quote.lstrip().startswith(("def ", "async def ")) and "=" in hunk.quote
