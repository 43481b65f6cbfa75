"""Findings for tests, by the text that they quote."""

from __future__ import annotations

from kibitz.findings.finding import Confidence, Finding, Fix, Severity
from kibitz.text.spans import Span


def finding(
    text: str,
    quote: str,
    new: str | None = None,
    *,
    rule: str = "wrong-value",
    severity: Severity = Severity.ERROR,
    confidence: Confidence = Confidence.CERTAIN,
    title: str = "Wrong name",
    trigger: str = "f(1) raises NameError",
    needs_review: bool = False,
) -> Finding:
    """A finding on the first ``quote`` in ``text``, with a fix to ``new`` unless that is None."""
    span = Span(text.index(quote), text.index(quote) + len(quote))
    fix = None if new is None else Fix(span, quote, new, needs_review)
    return Finding(rule, severity, confidence, title, trigger, span, quote, fix)
