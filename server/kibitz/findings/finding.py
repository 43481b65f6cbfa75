"""One thing a model reports, and the edit that would mend it.

The spans of a ``Finding`` are code-point offsets into the text that it was found in. A finding is first
relative to its unit (so that it survives moves, and can be cached without a path or a position); ``shift``
makes it relative to the document.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decimal import Decimal

    from kibitz.text.spans import Span


class Severity(StrEnum):
    """How bad it is if the finding is true, worst first."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Confidence(StrEnum):
    """How sure the model says it is, surest first."""

    CERTAIN = "certain"
    LIKELY = "likely"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True)
class Claim:
    """A finding as a model states it: text only, not yet found in the code, never to be trusted."""

    rule: str
    start_line: int
    """1-based line number in the numbered prompt; a hint."""
    quote: str
    """One to three whole lines, verbatim."""
    title: str
    trigger: str
    severity: Severity
    confidence: Confidence
    replacement: str | None
    """Whole lines with full indentation, ``""`` to delete the quoted lines, None for no fix."""


@dataclass(frozen=True, slots=True)
class Fix:
    """A replacement that passed the gate: ``old_text`` stands at ``span``, byte for byte."""

    span: Span
    old_text: str
    new_text: str
    needs_review: bool = False
    """It adds something risky (a call, an import, an address): show it, never prefer it."""

    def shift(self, by: int) -> Fix:
        """The same fix in a text that has ``by`` more code points before it."""
        return Fix(self.span.shift(by), self.old_text, self.new_text, self.needs_review)


@dataclass(frozen=True, slots=True)
class Origin:
    """Whose answer a finding is from, and what that took."""

    model: str
    """As the provider names it; empty if that is not known."""
    at: float | None = None
    """When the answer came, in seconds since 1970."""
    cost_usd: Decimal | None = None
    """What the answer about the finding's unit had cost, in US dollars; None where no price is known."""
    cached: bool = False
    """Whether it was known before, and cost nothing this time."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A claim that was found in the code, with a fix if it has a safe one."""

    rule: str
    severity: Severity
    confidence: Confidence
    title: str
    trigger: str
    span: Span
    """The quoted text, without the indentation of its first line and without its last line's end."""
    quote: str
    """The text at ``span`` when it was found."""
    fix: Fix | None = None
    unit: str = field(default="", compare=False)
    """A hash of the name of the definition that it stands in; empty where there is none. Not kept with it:
    the same text may stand elsewhere."""
    origin: Origin | None = field(default=None, compare=False)
    """Where it comes from, if that is known. Not kept with it: an answer's findings share one."""

    def shift(self, by: int) -> Finding:
        """The same finding in a text that has ``by`` more code points before it."""
        return self if not by else self.placed(by, self.unit, self.origin)

    def placed(self, by: int, unit: str, origin: Origin | None) -> Finding:
        """The same finding, shifted, in a definition, and with where it comes from."""
        # Each keystroke shifts what stands below it: ``replace`` would take five times as long.
        return Finding(
            self.rule,
            self.severity,
            self.confidence,
            self.title,
            self.trigger,
            self.span.shift(by),
            self.quote,
            self.fix.shift(by) if self.fix else None,
            unit,
            origin,
        )
