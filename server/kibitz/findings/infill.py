"""A second opinion on a small change: which of both versions a model would fill the gap with, seeing neither.

Code models were taught to fill gaps. Shown the piece without the line in question, such a model gives the
line's next token a probability, and does not know that a bug is suspected. Where the mended line is the more
probable one, two questions that have nothing in common agree; where the old line is, the rewrite was made up
because one was asked for. It takes one token of an answer (docs/experiments.md has the figures).

``parted(text, hunk)`` is the gap; ``question(gap, marks)`` asks about it, as raw text with the model's own
marks and not as a dialogue; ``odds(gap, tokens)`` compares what could have come first. Where both versions
come with the same token first, ``further`` is the gap after that. Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import TYPE_CHECKING

from kibitz.findings.dialogue import Dialogue, Turn
from kibitz.findings.finding import Confidence
from kibitz.findings.request import plain_ends

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kibitz.findings.dialogue import Marks, Token
    from kibitz.findings.difference import Hunk

CERTAIN, LIKELY = 4.0, 1.0
"""The least odds (see ``odds``) for each confidence."""
_PURPOSE = "infill"
_CHUNK = re.compile(
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|(?:[^\r\n\w]|_)?[^\W\d_]+|\d"
    r"| ?(?:[^\s\w]|_)+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
"""What tokens never reach across: the first step of the tokenizers of GPT-4 and of Qwen."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Whole lines that are left out of a piece, and how two versions of them go on where they part."""

    before: str
    after: str
    begun: str
    """What both versions of the gap begin with."""
    old: str
    """What the original goes on with; no token reaches beyond its end, and it may be several."""
    new: str


def parted(text: str, hunk: Hunk) -> Gap | None:
    """The gap at ``hunk`` of ``text``; None where both versions are the same, or one ends the piece."""
    lines = [f"{line}\n" for line in plain_ends(text).removesuffix("\n").split("\n")]
    first = hunk.start_line - 1
    last = first + hunk.quote.count("\n") + 1
    old, new = "".join(lines[first:last]), f"{hunk.replacement}\n" if hunk.replacement else ""
    gap = Gap("".join(lines[:first]), "".join(lines[last:]), "", old, new)
    return _at_parting(gap) or _at_parting(_with_next_line(gap))


def _with_next_line(gap: Gap) -> Gap:
    """One more line left out: where lines are added or deleted, the versions part at what comes after."""
    line, _, rest = gap.after.partition("\n")
    return replace(gap, old=f"{gap.old}{line}\n", new=f"{gap.new}{line}\n", after=rest) if line else gap


def _at_parting(gap: Gap) -> Gap | None:
    old, new = _CHUNK.findall(gap.old), _CHUNK.findall(gap.new)
    common = [*takewhile(lambda pair: pair[0] == pair[1], zip(old, new, strict=False))]
    at = len(common)
    if at in {len(old), len(new)}:
        return None
    return replace(gap, begun="".join(old[:at]), old=old[at], new=new[at])


def question(gap: Gap, marks: Marks) -> Dialogue | None:
    """Ask for one token of what is missing; None if the code itself holds marks."""
    parts = (gap.before, gap.after, gap.begun)
    if any(mark in part for part in parts for mark in (marks.before, marks.after, marks.gap)):
        return None
    text = f"{marks.before}{gap.before}{marks.after}{gap.after}{marks.gap}{gap.begun}"
    return Dialogue("", (Turn("user", text),), 1, _PURPOSE, weigh=True, raw=True)


def odds(gap: Gap, tokens: Sequence[Token]) -> float | None:
    """How much more probable the new version is than the old one: the natural logarithm of their ratio.

    What is not among the tokens that could have come first is taken to be as probable as the last of these.
    None where nothing tells them apart.
    """
    known = _known(tokens)
    old, new = _first_token(gap.old, known), _first_token(gap.new, known)
    if old == new:
        return None
    least = min(known.values())
    return known.get(new, least) - known.get(old, least)


def further(gap: Gap, tokens: Sequence[Token]) -> Gap | None:
    """The gap after the token that both versions begin with, where that is why nothing tells them apart."""
    known = _known(tokens)
    old, new = _first_token(gap.old, known), _first_token(gap.new, known)
    try:
        said = old.decode()
    except UnicodeDecodeError:
        return None
    if old != new or not said or said in {gap.old, gap.new}:
        return None
    return replace(gap, begun=gap.begun + said, old=gap.old[len(said) :], new=gap.new[len(said) :])


def _known(tokens: Sequence[Token]) -> dict[bytes, float]:
    """What could come first, with the logarithms of its probabilities."""
    return {token.text: token.logprob for first in tokens[:1] for token in (*first.others, first)}


def _first_token(chunk: str, known: dict[bytes, float]) -> bytes:
    """The token that ``chunk`` is, else the likeliest one that it begins with; empty if none is known."""
    said = chunk.encode("utf-8", "surrogatepass")
    if said in known:
        return said
    fitting = [token for token in known if token.strip() and said.startswith(token)]
    return max(fitting, key=lambda token: known[token], default=b"")


def confidence_of(odds: float | None, rewrite: Confidence) -> Confidence:
    """How sure a change is by its odds, and by how sure the ``rewrite`` was of it.

    Where the rewrite was not sure, the odds have to be certain; where they are not known, the rewrite.
    """
    if odds is None:
        return Confidence.LIKELY if rewrite is Confidence.CERTAIN else Confidence.UNSURE
    if rewrite is Confidence.UNSURE:
        return Confidence.LIKELY if odds >= CERTAIN else Confidence.UNSURE
    if odds >= CERTAIN:
        return Confidence.CERTAIN
    return Confidence.LIKELY if odds >= LIKELY else Confidence.UNSURE
