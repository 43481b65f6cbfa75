"""``--fix``: which fixes are applied, and to what text that leads. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kibitz.findings.finding import Confidence
from kibitz.text.syntax import faults

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kibitz.findings.finding import Finding, Fix


@dataclass(frozen=True, slots=True)
class Fixed:
    """The text with the safe fixes applied."""

    text: str
    applied: tuple[Finding, ...]
    left: tuple[tuple[Finding, str], ...]
    """Findings with a fix that was not applied, and why."""


def apply(text: str, language: str, findings: Iterable[Finding]) -> Fixed:
    """Apply the fixes of ``findings``, first come first served, where no two touch.

    Each fix was judged alone; if all together leave the text worse to parse, none is applied.
    """
    chosen: list[tuple[Finding, Fix]] = []
    left: list[tuple[Finding, str]] = []
    for finding in findings:
        if (fix := finding.fix) is None:
            continue
        if reason := _objection(text, finding, fix, [other for _, other in chosen]):
            left.append((finding, reason))
        else:
            chosen.append((finding, fix))
    new = _replaced(text, [fix for _, fix in chosen])
    if chosen and (faults(new, language) or 0) > (faults(text, language) or 0):
        left.extend((finding, "together with the others it would break the syntax") for finding, _ in chosen)
        return Fixed(text, (), tuple(left))
    return Fixed(new, tuple(finding for finding, _ in chosen), tuple(left))


def _objection(text: str, finding: Finding, fix: Fix, others: Sequence[Fix]) -> str:
    if fix.needs_review:
        return "it adds a call, an import or an address: look at it, and apply it yourself"
    if finding.confidence is Confidence.UNSURE:
        return "the model is not sure"
    if fix.span.of(text) != fix.old_text:
        return "the text is not what was reviewed"
    if any(_touch(fix, other) for other in others):
        return "it overlaps another fix; run it again"
    return ""


def _touch(one: Fix, other: Fix) -> bool:
    # Two insertions at one place have no order, so borders count as touching, too.
    return one.span.start <= other.span.end and other.span.start <= one.span.end


def _replaced(text: str, fixes: Sequence[Fix]) -> str:
    for fix in sorted(fixes, key=lambda fix: fix.span, reverse=True):
        text = text[: fix.span.start] + fix.new_text + text[fix.span.end :]
    return text
