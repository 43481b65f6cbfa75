"""Whether an edit leaves code that parses at least as well as before."""

from __future__ import annotations

import ast
import threading
import warnings
from functools import lru_cache
from typing import TYPE_CHECKING

from kibitz.findings.request import plain_ends
from kibitz.text import syntax

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_COMPILED = 1 << 18
"""Characters of Python that are given to CPython's own parser, which takes about 0.5 ms per KB."""

_warnings_lock = threading.Lock()


def parses_as_well(before: str, after: str, language: str) -> bool | None:
    """Whether ``after`` has no more syntax faults than ``before``; None if that cannot be judged.

    The texts may be units: an indented method is judged in its place. Python must also please Python itself,
    as far as it did before: a tree-sitter grammar lets pass what CPython refuses. Takes milliseconds for a
    unit, up to 0.2 s for 256 KB; never raises, and never runs what it reads.
    """
    # No grammar takes a lone \r for the end of a line, or of a comment.
    before, after = plain_ends(before), plain_ends(after)
    opening, closing = min(_frames(before, language), key=lambda frame: _faulty(before, frame, language))
    before, after = (opening + text + closing for text in (before, after))
    old, new = _faults(before, language), syntax.faults(after, language)
    if old is None or new is None:
        return None
    if new > old:
        return False
    return language != "python" or _strictness(after) >= _strictness_before(before)


_METHOD = ("class A {\n", "\n}\n")
_FRAMES = {
    "javascript": (_METHOD,),
    "javascriptreact": (_METHOD,),
    "typescript": (_METHOD,),
    "typescriptreact": (_METHOD,),
    "java": (_METHOD,),
    "csharp": (_METHOD,),
}


def _frames(text: str, language: str) -> tuple[tuple[str, str], ...]:
    """What may have to stand around a unit for it to parse as in its file; the first that is best wins.

    A method is no program by itself; PHP without its opening tag is prose, which never has a fault.
    """
    if language == "python":
        first = next((line for line in text.split("\n") if line.strip()), "")
        return (("if True:\n", ""),) if first[:1] in {" ", "\t"} else (("", ""),)
    if language == "php" and "<?" not in text:
        return ("<?php\n", ""), ("<?php\n" + _METHOD[0], _METHOD[1])
    return ("", ""), *_FRAMES.get(language, ())


def _faulty(text: str, frame: tuple[str, str], language: str) -> int:
    return _faults(frame[0] + text + frame[1], language) or 0


def _strictness(text: str) -> int:
    """2 if Python compiles the text, 1 if it only parses (``return`` outside a function), 0 if neither."""
    if len(text) > MAX_COMPILED:
        return 0
    if _accepts(lambda: compile(text, "<code under review>", "exec", dont_inherit=True)):
        return 2
    return int(_accepts(lambda: ast.parse(text)))


def _accepts(read: Callable[[], object]) -> bool:
    # Warnings about the code under review are not ours to print. Their filters are global: one at a time.
    with _warnings_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            read()
        except (SyntaxError, ValueError, MemoryError, RecursionError):
            # ValueError: null bytes, lone surrogates. The others: nesting as deep as the text is long.
            return False
    return True


# All the fixes of one review are judged against the same text.
_faults = lru_cache(maxsize=8)(syntax.faults)
_strictness_before = lru_cache(maxsize=4)(_strictness)
