"""Rewrite mode: a small model reviews by rewriting, and the diff is the finding.

Asked to list bugs, a small model always finds some; asked for the corrected code, it mostly changes what is
wrong. One piece takes one dialogue:

1. ``rewrite_request(text, language, context)`` asks for the corrected piece, plain text in one code block.
   Its answer goes through ``extract`` (None: no whole code block, drop the piece) and ``compare`` (hunks, or
   why there are none).
2. For each hunk ``question_request(asked, answer, hunk)`` asks, as the next turn of the same dialogue, what
   the change repairs, in a short strict JSON schema; ``read_answer`` makes it a ``Claim``. Its ``quote`` and
   ``start_line`` (from 1, within the piece alone) come from the diff, never from the model's words. From
   there on it is a claim like any other: anchor, gate, ``settle``.

How sure the model is, it does not know in words. The probability that it gave the token with which the
rewrite leaves the original tells better (``confidence_of``); where an API does not report it, a claim counts
as likely. About an unsure change nothing is asked: few want to see it, and ``unsaid`` says enough.

A silent review costs step 1 only. Because step 2 repeats step 1's messages first, a server that keeps the
prefix (llama.cpp does) reads only the new lines. Pure: no I/O, no clock.
"""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING

from kibitz.findings.dialogue import Dialogue, Turn
from kibitz.findings.difference import Dropped, Hunk, compare
from kibitz.findings.finding import Claim, Confidence
from kibitz.findings.kinds import EVERY, plausible
from kibitz.findings.request import plain_ends, split_lines, strict_object, version_of
from kibitz.findings.rules import RULES
from kibitz.guard.sanitize import Rejected, decode_json
from kibitz.text.languages import fence as info_string

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kibitz.findings.dialogue import Token

__all__ = [
    "REWRITE_VERSION",
    "STATIC_PREFIX",
    "UNCHANGED",
    "Dropped",
    "Hunk",
    "block_of",
    "compare",
    "confidence_of",
    "extract",
    "question_request",
    "read_answer",
    "rewrite_request",
    "unsaid",
]

STATIC_PREFIX = """\
You repair source code. You are shown a piece of code that contains one bug on one line. \
You answer with the whole corrected code in one code block, changing only that line. \
Every other line stays exactly as it is. You add no comments and no explanation.

Afterwards you are asked about your change, and answer in JSON. Examples:
- if age > 18:
+ if age >= 18:
{"rule": "off-by-one", "title": "Age 18 itself is not accepted", \
"trigger": "age = 18: the condition is false, it should be true"}
- width = rect.height
+ width = rect.width
{"rule": "wrong-value", "title": "width is set to the height", \
"trigger": "a rect of 3 x 5: width becomes 5 instead of 3"}
- if not user.active:
+ if user.active:
{"rule": "inverted-condition", "title": "The test of user.active is the wrong way round", \
"trigger": "an active user is turned away, an inactive one is let in"}
- data = fetch(url)
+ data = await fetch(url)
{"rule": "missing-await", "title": "fetch is not awaited", \
"trigger": "every call: data is a coroutine, not the data"}
- price = int(text)
+ price = float(text)
{"rule": "numeric-error", "title": "A price with cents cannot be read", \
"trigger": "text = 2.50: int raises an error"}"""
"""The system message of every dialogue: a local engine reads it while the model loads."""

_TASK = (
    "This {language} code contains one bug on one line. "
    "Output the whole corrected code, changing only that line.\n{fence}{language}\n{text}\n{fence}"
)
_CONTEXT = "For reference only, do not repeat it:\n{fence}{language}\n{context}\n{fence}\n\n"
_QUESTION = "Your change:\n{diff}\n\nDescribe the bug that was in the old code, in JSON."
_SCHEMA_NAME = "bug"
_QUESTION_TOKENS = 200
TITLE_LENGTH, TRIGGER_LENGTH = 80, 160
"""Code points. Left to itself a small model may go on until the token limit cuts its JSON."""
_SHORT = '^[^"\\\\\r\n]{{1,{}}}$'
_CHARS_PER_TOKEN = 2.5
"""Code points of code per token, at the dense end: the bound must never cut an honest answer."""
_SPARE_TOKENS = 64
UNCHANGED = Dropped("unchanged")
CERTAIN, LIKELY = 0.95, 0.7
"""The least probability of the parting token for each confidence (benchmarks/rewrite.py has the figures)."""
_UNKNOWN = "wrong-value"
"""The rule of a change that nothing is known about: the widest one."""
_FENCE = re.compile(r"^[ \t]*(`{3,})[^`\r\n]*\r?\n", re.MULTILINE)
_BACKTICKS = re.compile(r"`{3,}")


def rewrite_request(text: str, language: str, context: str = "") -> Dialogue:
    """Ask for ``text`` corrected. ``context`` is source that helps to judge it and is not to be repeated."""
    fence, name = _fence_for(text, context), info_string(language)
    reference = (
        _CONTEXT.format(fence=fence, language=name, context=_plain(context)) if context.strip() else ""
    )
    task = _TASK.format(fence=fence, language=name, text=_plain(text))
    bound = int(len(text) / _CHARS_PER_TOKEN) + _SPARE_TOKENS
    return Dialogue(STATIC_PREFIX, (Turn("user", reference + task),), bound, weigh=True)


def extract(answer: str) -> str | None:
    """The inside of the first code block of ``answer``; None without a whole one (it was cut off)."""
    block = block_of(answer)
    return None if block is None else answer[slice(*block)]


def block_of(answer: str) -> tuple[int, int] | None:
    """Where that is, in code points."""
    opening = _FENCE.search(answer)
    if opening is None:
        return None
    marks = len(opening.group(1))
    closing = re.compile(rf"^[ \t]*`{{{marks},}}[ \t]*\r?$", re.MULTILINE).search(answer, opening.end())
    return (opening.end(), closing.start()) if closing else None


def question_request(asked: Dialogue, answer: str, hunk: Hunk) -> Dialogue:
    """Ask what ``hunk`` of ``answer`` (the model's whole answer to ``asked``) repairs."""
    question = _QUESTION.format(diff=_diff(hunk))
    turns = (*asked.turns, Turn("assistant", answer), Turn("user", question))
    return Dialogue(asked.instructions, turns, _QUESTION_TOKENS, _SCHEMA_NAME, _schema(plausible(hunk)))


def confidence_of(answer: str, hunks: Sequence[Hunk], tokens: Sequence[Token]) -> Confidence:
    """How sure the model was of its rewrite, by the ``tokens`` of its whole ``answer``.

    One bug was asked for, so several hunks are one change, and the least sure of them counts: after an unsure
    new name, its second use is certain. Likely, where the tokens are missing or not those of this answer.
    """
    block = block_of(answer)
    if block is None or b"".join(token.text for token in tokens) != _bytes(answer):
        return Confidence.LIKELY
    partings = (len(_bytes(answer[: block[0] + hunk.at])) for hunk in hunks)
    probability = min((_probability_at(parting, tokens) for parting in partings), default=0.0)
    if probability >= CERTAIN:
        return Confidence.CERTAIN
    return Confidence.LIKELY if probability >= LIKELY else Confidence.UNSURE


def _probability_at(place: int, tokens: Sequence[Token]) -> float:
    """How probable the token that holds the byte at ``place`` was."""
    end = 0
    for token in tokens:
        end += len(token.text)
        if end > place:
            return math.exp(min(token.logprob, 0.0))
    return 0.0


def read_answer(raw: str, hunk: Hunk, confidence: Confidence = Confidence.LIKELY) -> Claim | Dropped:
    """The claim that ``raw``, an answer to ``question_request``, makes about ``hunk``.

    Reasons to drop it: ``malformed-answer`` (not the schema), ``unknown-rule``, ``empty-claim``.
    """
    try:
        answer = decode_json(raw)
    except Rejected:
        return Dropped("malformed-answer")
    if not isinstance(answer, dict) or answer.keys() != {"rule", "title", "trigger"}:
        return Dropped("malformed-answer")
    code, title, trigger = answer["rule"], answer["title"], answer["trigger"]
    if not (isinstance(code, str) and isinstance(title, str) and isinstance(trigger, str)):
        return Dropped("malformed-answer")
    rule = RULES.get(code)
    if rule is None:
        return Dropped("unknown-rule")
    if not title.strip() or not trigger.strip():
        return Dropped("empty-claim")
    return Claim(
        rule=code,
        start_line=hunk.start_line,
        quote=hunk.quote,
        title=_whole_words(title, TITLE_LENGTH),
        trigger=_whole_words(trigger, TRIGGER_LENGTH),
        severity=rule.severity,
        confidence=confidence,
        replacement=hunk.replacement,
    )


def unsaid(hunk: Hunk) -> Claim:
    """What can be said of an unsure change without asking the model about it."""
    kinds = plausible(hunk)
    rule = RULES[_UNKNOWN if kinds == EVERY else kinds[0]]
    _, added = _changed_lines(hunk)
    title = f"Perhaps this should be: {added[0]}" if added else "Perhaps this should not be here"
    return Claim(
        rule=rule.code,
        start_line=hunk.start_line,
        quote=hunk.quote,
        title=_whole_words(title[:TITLE_LENGTH], TITLE_LENGTH),
        trigger="The model wrote this when it was asked to mend the code, and was not sure of it.",
        severity=rule.severity,
        confidence=Confidence.UNSURE,
        replacement=hunk.replacement,
    )


def _diff(hunk: Hunk) -> str:
    removed, added = _changed_lines(hunk)
    return "\n".join([*(f"- {line}" for line in removed), *(f"+ {line}" for line in added)])


def _changed_lines(hunk: Hunk) -> tuple[list[str], list[str]]:
    """The lines that go and those that come, without their indentation."""
    old, new = split_lines(hunk.quote), split_lines(hunk.replacement) if hunk.replacement else []
    kept = set(old) & set(new)  # an inserted line quotes its neighbour
    removed = [line.strip() for line in old if line not in kept]
    return removed, [line.strip() for line in new if line not in kept]


def _whole_words(text: str, limit: int) -> str:
    """``text``; where the schema's bound cut it, without the word that it cut."""
    if len(text) < limit or text.endswith((".", "!", "?")):
        return text
    words = text[: limit - 1].rpartition(" ")
    return (words[0] or words[2]) + "…"


def _plain(source: str) -> str:
    """``source`` with line feeds alone: other line ends are only more tokens to read and to repeat."""
    return plain_ends(source).rstrip("\n")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _fence_for(*texts: str) -> str:
    longest = max((len(run) for text in texts for run in _BACKTICKS.findall(text)), default=2)
    return "`" * (longest + 1)


def _schema(codes: Sequence[str]) -> dict[str, object]:
    return strict_object(
        rule={"type": "string", "enum": list(codes)},
        title={"type": "string", "pattern": _SHORT.format(TITLE_LENGTH)},
        trigger={"type": "string", "pattern": _SHORT.format(TRIGGER_LENGTH)},
    )


REWRITE_VERSION = version_of(STATIC_PREFIX, _TASK, _CONTEXT, _QUESTION, json.dumps(_schema(EVERY)))
"""Changes when any text that a model gets to see in rewrite mode changes: a part of the entry key."""
