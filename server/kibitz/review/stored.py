"""Answers as they are kept on disk, and the check that each must pass on its way back.

What is quoted is in the unit, and the unit is at hand whenever its answer is wanted: so quotes are kept as
hashes, and no line of the user's code gets into the cache but the new ones of a fix. Whoever could write the
file is held to what a model could say: an answer must stand in the unit's text, and its fixes pass the gate
again. What does not is no answer.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from kibitz.findings.finding import Confidence, Finding, Fix, Severity
from kibitz.findings.fix import MAX_CHARACTERS, TITLE_LENGTH, TRIGGER_LENGTH, Rejection, check_again
from kibitz.findings.rules import RULES
from kibitz.guard.sanitize import Rejected, decode_json, plain
from kibitz.guard.secrets import Refused, find_secrets
from kibitz.provider.models import PieceAnalysis, Usage
from kibitz.review.known import Answer, Failure
from kibitz.telemetry.masking import mask
from kibitz.text.lines import LineIndex
from kibitz.text.spans import Span

if TYPE_CHECKING:
    from collections.abc import Container

FORMAT = 3
"""Raised when the same JSON would mean something else."""
SECRET = "fix-with-secret-not-kept"  # noqa: S105 - a reason to drop a fix
MAX_FINDINGS = 200
MAX_REASONS = 100

_MODEL = re.compile(r"[!-~]{0,200}")
_Offset = Annotated[int, Field(ge=0, le=1 << 30)]
_Hash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
_Reason = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z-]{0,63}$")]
_Count = Annotated[int, Field(ge=1, le=1_000_000)]
_Tokens = Annotated[int, Field(ge=0, le=1_000_000_000)]


class Unreadable(ValueError):  # noqa: N818 - says what became of the row
    """A kept answer that is none; the message quotes nothing of it."""


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class _Fix(_Strict):
    start: _Offset
    end: _Offset
    old: _Hash
    new: str = Field(max_length=MAX_CHARACTERS)
    needs_review: bool


class _Finding(_Strict):
    rule: str = Field(max_length=64)
    severity: Literal["error", "warning", "info"]
    confidence: Literal["certain", "likely", "unsure"]
    title: Annotated[str, StringConstraints(min_length=1, max_length=TITLE_LENGTH)]
    trigger: Annotated[str, StringConstraints(min_length=1, max_length=TRIGGER_LENGTH)]
    start: _Offset
    end: _Offset
    quote: _Hash
    fix: _Fix | None


class _Paid(_Strict):
    input: _Tokens
    cached: _Tokens
    output: _Tokens
    usd: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,6}(\.[0-9]{1,18})?$")] | None


class _Analysis(_Strict):
    format: Literal[3]
    findings: Annotated[list[_Finding], Field(max_length=MAX_FINDINGS)]
    dropped: Annotated[dict[_Reason, _Count], Field(max_length=MAX_REASONS)]
    paid: _Paid
    model: Annotated[str, StringConstraints(pattern=r"^[!-~]{0,200}$")]
    at: Annotated[int, Field(ge=0, le=1 << 40)] | None


class _Failed(_Strict):
    format: Literal[3]
    invalid: bool
    code: Annotated[str, StringConstraints(pattern=r"^([A-Za-z0-9][A-Za-z0-9_.-]{0,63})?$")]


_ANSWER: TypeAdapter[_Analysis | _Failed] = TypeAdapter(_Analysis | _Failed)


def encode(answer: Answer) -> str:
    """The answer as ASCII JSON. A fix that holds a secret is left out: no secret gets on disk. Takes CPU."""
    if isinstance(answer, Failure):
        return _json({"format": FORMAT, "invalid": answer.invalid, "code": answer.code})
    return _encoded(answer)


def _encoded(analysis: PieceAnalysis) -> str:
    findings = [_finding(finding) for finding in analysis.findings]
    dropped = Counter(analysis.dropped)
    for finding in findings:
        fix = finding["fix"]
        if isinstance(fix, dict) and _is_secret(fix["new"]):
            finding["fix"] = None
            dropped[SECRET] += 1
    return _json(
        {
            "format": FORMAT,
            "findings": findings,
            "dropped": dict(dropped),
            "paid": _paid(analysis.paid),
            "model": analysis.model if _MODEL.fullmatch(analysis.model) else "",
            "at": None if analysis.at is None else int(analysis.at),
        }
    )


def decode(raw: str, text: str, language: str, codes: Container[str] = ()) -> Answer:
    """The answer about the unit ``text``, checked as if an enemy had written it. Takes CPU: it parses.

    ``codes`` are those of the rules that the project has now, beside kibitz's own.

    Raises:
        Unreadable: it is not in the format, or does not hold in ``text``.
    """
    kept = _read(raw)
    if isinstance(kept, _Failed):
        return Failure(kept.invalid, kept.code)
    if any(finding.rule not in RULES and finding.rule not in codes for finding in kept.findings):
        raise Unreadable("a rule that is not known")
    lines = LineIndex(text)
    return PieceAnalysis(
        tuple(_restored(finding, lines, language) for finding in kept.findings),
        dict(kept.dropped),
        model=kept.model,
        at=kept.at,
        paid=_usage(kept.paid),
    )


def well_formed(raw: str) -> bool:
    """Whether it is an answer that was kept, as far as can be told without the unit. Takes CPU."""
    try:
        _read(raw)
    except Unreadable:
        return False
    return True


def is_failure(raw: str) -> bool:
    """Whether a kept value, well formed or not, is no answer but the reason why there is none."""
    return '"findings"' not in raw


def _read(raw: str) -> _Analysis | _Failed:
    try:
        return _ANSWER.validate_python(decode_json(raw))
    except Rejected as error:
        raise Unreadable(error.reason) from None
    except ValidationError:
        raise Unreadable("another format") from None


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"))


def _paid(usage: Usage) -> dict[str, Any]:
    usd = None if usage.cost_usd is None else f"{usage.cost_usd:.12f}"
    return {
        "input": usage.input_tokens,
        "cached": usage.cached_tokens,
        "output": usage.output_tokens,
        "usd": usd,
    }


def _usage(paid: _Paid) -> Usage:
    return Usage(
        input_tokens=paid.input,
        cached_tokens=paid.cached,
        output_tokens=paid.output,
        cost_usd=None if paid.usd is None else Decimal(paid.usd),
    )


def _finding(finding: Finding) -> dict[str, Any]:
    fix = finding.fix
    return {
        "rule": finding.rule,
        "severity": finding.severity.value,
        "confidence": finding.confidence.value,
        "title": finding.title,
        "trigger": finding.trigger,
        "start": finding.span.start,
        "end": finding.span.end,
        "quote": _hash(finding.quote),
        "fix": None
        if fix is None
        else {
            "start": fix.span.start,
            "end": fix.span.end,
            "old": _hash(fix.old_text),
            "new": fix.new_text,
            "needs_review": fix.needs_review,
        },
    }


def _restored(kept: _Finding, lines: LineIndex, language: str) -> Finding:
    span, quote = _found(kept.start, kept.end, kept.quote, lines.text)
    title, trigger = plain(kept.title, TITLE_LENGTH), plain(kept.trigger, TRIGGER_LENGTH)
    if not title or not trigger:
        raise Unreadable("nothing to say")
    return Finding(
        rule=kept.rule,
        severity=Severity(kept.severity),
        confidence=Confidence(kept.confidence),
        title=title,
        trigger=trigger,
        span=span,
        quote=quote,
        fix=None if kept.fix is None else _restored_fix(kept.fix, lines, language),
    )


def _restored_fix(kept: _Fix, lines: LineIndex, language: str) -> Fix:
    span, old = _found(kept.start, kept.end, kept.old, lines.text)
    fix = check_again(lines, Fix(span, old, kept.new, kept.needs_review), language)
    if isinstance(fix, Rejection):
        raise Unreadable(fix.reason)
    return fix


def _found(start: int, end: int, digest: str, text: str) -> tuple[Span, str]:
    if not start <= end <= len(text):
        raise Unreadable("a place outside of the text")
    span = Span(start, end)
    quote = span.of(text)
    if _hash(quote) != digest:
        raise Unreadable("a quote of something else")
    return span, quote


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _is_secret(text: str) -> bool:
    if mask(text) != text:
        return True
    try:
        return bool(find_secrets(text))
    except Refused:
        return True
