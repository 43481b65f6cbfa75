"""Where a rewrite stayed with the original, but could as well have left it.

A small model often sees a bug and copies it all the same: what mends it was the second most probable token.
``forks`` are the places where that may be so. Each is put to the model by itself, as a gap in the original
(``infill``); only where that, too, says that the other token belongs there, the rewrite is taken up again
from it (``continuation``, ``resumed``), for the rest of this one line. Pure.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kibitz.findings.dialogue import Dialogue, Turn
from kibitz.findings.infill import Gap
from kibitz.findings.request import plain_ends
from kibitz.findings.rewrite import block_of
from kibitz.text.languages import line_comments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kibitz.findings.dialogue import Token

MOST = 3
"""Forks that are looked at in one piece: each is a question."""
PROBABLE = 0.1
"""The least probability of the other token when the model copied."""
EVIDENCE = 3.4
"""The least sum of a gap's odds and of the logarithm of the other token's probability: the more improbable
that was, the more the gap has to make up for."""
_NAMING = frozenset(
    {"as", "catch", "class", "const", "def", "fn", "for", "func", "function", "let", "mut", "var"}
)
"""Behind these stands the name of something new, for which there are always others. At the beginning of a
line, likewise, there is always something else to say."""
_PURPOSE = "continuation"
_LINE_TOKENS = 100


@dataclass(frozen=True, slots=True)
class Fork:
    """Another way to go on with a rewrite."""

    gap: Gap
    """The line, up to where it is, and both tokens."""
    begun: str
    """The model's answer up to there, and the other token."""
    rest: str
    """The answer after that line."""
    probability: float
    """Of the other token."""


def forks(text: str, answer: str, tokens: Sequence[Token], language: str) -> tuple[Fork, ...]:
    """The most probable forks of an ``answer`` that leaves ``text`` as it is; none without its ``tokens``."""
    said, block = answer.encode("utf-8", "surrogatepass"), block_of(answer)
    if block is None or b"".join(token.text for token in tokens) != said:
        return ()
    start, end = (len(answer[:place].encode("utf-8", "surrogatepass")) for place in block)
    lines = plain_ends(text).split("\n")
    comments = tuple(mark.encode() for mark in line_comments(language))
    found: list[Fork] = []
    at = 0
    for token in tokens:
        if start <= at < end:
            likely = (other for other in token.others if _differs(token.text, other, comments))
            found += (fork for other in likely if (fork := _fork(said, (start, at), lines, token, other)))
        at += len(token.text)
    return tuple(sorted(found, key=lambda fork: -fork.probability)[:MOST])


def evidence(fork: Fork, odds: float) -> float:
    """How much speaks for the other token, by the ``odds`` of its gap. Of ``EVIDENCE``, it is a finding."""
    return odds + math.log(fork.probability)


def continuation(asked: Dialogue, fork: Fork) -> Dialogue:
    """Have the answer to ``asked`` gone on with from ``fork`` to the end of its line."""
    turns = (*asked.turns, Turn("assistant", fork.begun))
    return Dialogue(asked.instructions, turns, _LINE_TOKENS, _PURPOSE, stop="\n")


def resumed(fork: Fork, said: str) -> str:
    """The whole answer with that line. Some servers repeat what it begins with, others do not."""
    line = said.removeprefix(fork.begun).split("\n", 1)[0]
    return f"{fork.begun}{line}{fork.rest}"


def _differs(text: bytes, other: Token, comments: tuple[bytes, ...]) -> bool:
    """Whether the other token may be other code, as far as it alone tells."""
    code = other.text.strip()
    return (
        math.exp(min(other.logprob, 0.0)) >= PROBABLE
        and bool(code)
        and code != text.strip()
        and b"\n" not in other.text
        and not code.startswith(comments)
    )


def _fork(
    said: bytes, places: tuple[int, int], lines: Sequence[str], token: Token, other: Token
) -> Fork | None:
    """The fork at a byte of the answer, where its line is a line of the original, too."""
    start, at = places
    begins, ends = said.rfind(b"\n", 0, at) + 1, said.find(b"\n", at)
    if ends == at:
        return None
    number = said.count(b"\n", start, begins)
    try:
        line, before = said[begins:ends].decode(), said[begins:at].decode()
        old, new = token.text.decode(), other.text.decode()
        begun, rest = (said[:at] + other.text).decode(), said[ends:].decode()
    except UnicodeDecodeError:
        return None
    if number >= len(lines) or (original := _begun(lines[number], line, before)) is None:
        return None
    if not original.strip() or original.rstrip().rpartition(" ")[2] in _NAMING:
        return None
    above, below = "\n".join(lines[:number]), "\n".join(lines[number + 1 :])
    gap = Gap(f"{above}\n" if number else "", below, original, old, new)
    return Fork(gap, begun, rest, math.exp(min(other.logprob, 0.0)))


def _begun(original: str, line: str, before: str) -> str | None:
    """What of ``original`` says what ``before`` says of ``line``; None if they are not the same line."""
    if original == line:
        return before
    if original.strip() != line.strip() or not before.strip():
        return None
    indent = original[: len(original) - len(original.lstrip())]
    return indent + before.lstrip()
