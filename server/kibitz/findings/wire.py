"""Answers as they come over the wire, checked one item at a time. Never trusted: strict, bounded, closed.

What stands here is shape only. Whether a quote stands in the code, and whether a text may be shown, is
checked later (``anchor``, ``fix``, ``guard.sanitize``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from kibitz.findings.finding import Claim, Confidence, Severity
from kibitz.findings.request import Malformed
from kibitz.findings.rules import RULES

if TYPE_CHECKING:
    from collections.abc import Container

MAX_ITEMS = 200
"""Most items of an answer that are looked at."""

_Title = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=r"\S")]
_Text = Annotated[str, StringConstraints(max_length=4_000)]
_Code = Annotated[str, StringConstraints(max_length=8_000)]
_Line = Annotated[int, Field(ge=0, le=10_000_000)]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class FindingItem(_Strict):
    """One finding of a list review, key by key as the schema orders them."""

    rule: str = Field(max_length=64)
    start_line: _Line
    quote: Annotated[str, StringConstraints(min_length=1, max_length=8_000)]
    title: _Title
    trigger: _Text
    severity: Literal["error", "warning", "info"]
    confidence: Literal["certain", "likely", "unsure"]
    replacement: _Code | None


class EditItem(_Strict):
    """One edit of a suggestion."""

    start_line: _Line
    quote: Annotated[str, StringConstraints(min_length=1, max_length=8_000)]
    replacement: _Code


class VerdictItem(_Strict):
    """What a verifier says of one claim."""

    claim: _Line
    trace: _Text
    verdict: Literal["confirmed", "refuted"]


class SuggestionItem(_Strict):
    """One way to change the code."""

    title: _Title
    rationale: _Text
    edits: Annotated[list[EditItem], Field(min_length=1, max_length=20)]


class ContextItem(_Strict):
    """What a piece of code does."""

    summary: Annotated[str, StringConstraints(min_length=1, max_length=4_000, pattern=r"\S")]
    relies_on: Annotated[list[_Text], Field(max_length=20)]
    breaks_when: Annotated[list[_Text], Field(max_length=20)]
    explanation: _Text


class ProbeItem(_Strict):
    """The answer to a probe."""

    line: _Line
    word: str = Field(max_length=200)


_Item = TypeVar("_Item", bound=BaseModel)


def items_of(answer: object, key: str) -> list[object]:
    """The list that is all of ``answer``: an object with ``key`` and nothing else.

    Raises:
        Malformed: it has another shape.
    """
    if not isinstance(answer, dict):
        raise Malformed(f"the answer is {_kind(answer)} instead of an object")
    if set(answer) != {key}:
        raise Malformed(f'the answer does not have exactly the key "{key}"')
    items = answer[key]
    if not isinstance(items, list):
        raise Malformed(f'"{key}" is {_kind(items)} instead of a list')
    return items[:MAX_ITEMS]


def claim_of(item: object, codes: Container[str] = ()) -> Claim | str:
    """One finding as a claim, or the reason why it is dropped. ``codes``: rules beside those of kibitz."""
    try:
        wire = FindingItem.model_validate(item)
    except ValidationError:
        return "malformed"
    if wire.rule not in RULES and wire.rule not in codes:
        return "unknown-rule"
    if not wire.trigger.strip():
        return "no-trigger"
    return Claim(
        rule=wire.rule,
        start_line=wire.start_line,
        quote=wire.quote,
        title=wire.title,
        trigger=wire.trigger,
        severity=Severity(wire.severity),
        confidence=Confidence(wire.confidence),
        replacement=wire.replacement,
    )


def verdict_of(item: object) -> VerdictItem | None:
    """One verdict, or None if it is malformed."""
    try:
        return VerdictItem.model_validate(item)
    except ValidationError:
        return None


def suggestion_of(item: object) -> SuggestionItem | None:
    """One suggestion, or None if it is malformed."""
    try:
        return SuggestionItem.model_validate(item)
    except ValidationError:
        return None


def whole(model: type[_Item], answer: object) -> _Item:
    """An answer that is one item.

    Raises:
        Malformed: it is not; the message names the keys that were asked for, never what came instead.
    """
    try:
        return model.model_validate(answer)
    except ValidationError as error:
        # An unexpected key is the model's own text: it does not get into a message.
        places = {place for e in error.errors(include_input=False) for place in e["loc"][:1]}
        known = [name for name in model.model_fields if name in places]
        raise Malformed(f"unusable in {', '.join(known) or 'its shape'}") from None


def _kind(value: object) -> str:
    return {dict: "an object", list: "a list", str: "a string", type(None): "null"}.get(
        type(value), "a number or boolean"
    )
