"""What goes into a review and what comes out of it. Plain data."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

from kibitz.findings.finding import Confidence, Severity
from kibitz.provider.models import Usage, Verification

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kibitz.findings.finding import Finding
    from kibitz.findings.guidance import Guidance
    from kibitz.provider.errors import OpenAIError
    from kibitz.text.spans import Span


@dataclass(frozen=True, slots=True)
class Source:
    """A document to review."""

    text: str
    language: str
    """An LSP language id."""
    name: str = ""
    """For people and logs; never sent, never part of a cache entry."""
    path: str = ""
    """Where it is, for what was dismissed there and what the project says; empty for what is no file. Never
    sent, never part of a cache entry."""
    edited: tuple[Span, ...] = ()
    """What was typed since it was reviewed last. A unit that does not parse there is not asked about yet."""
    parts: tuple[Span, ...] | None = None
    """What is to be reviewed of it: the units that overlap these. None: all of it."""


@dataclass(frozen=True, slots=True)
class Dismissed:
    """A finding that the user does not want to see, and why, in their words or ours."""

    finding: Finding
    why: str


class Dismissing(Protocol):
    """What the user dismissed."""

    def of(self, source: Source) -> Callable[[Finding], str | None]:
        """For one document: why a finding is dismissed, or None if it is not."""


class Guiding(Protocol):
    """What projects say about the code in them."""

    def of(self, source: Source) -> Guidance | None:
        """What is added to the questions about a document; None: nothing. Reads the disk: for a thread."""


@dataclass(frozen=True, slots=True)
class ReviewSettings:
    """What a review shows, and how it asks. What is shown can change without asking again."""

    min_severity: Severity = Severity.INFO
    min_confidence: Confidence = Confidence.LIKELY
    rules_off: frozenset[str] = frozenset()
    max_findings: int = 10
    """Most findings of one document; the worst and surest stay."""
    max_request_tokens: int = 6_000
    """Estimated input tokens of one packed request, instructions included. A larger unit goes alone."""
    early: bool = False
    """Whether a finding is shown before the answer that it is part of is complete."""
    verify: Literal["off", "on", "on-demand"] = "off"
    """Whether findings are verified before they are shown: never, always, or in reviews that ask for it."""
    dismissing: Dismissing | None = None
    """What is not shown because somebody said so; None: nothing was dismissed."""


@dataclass(frozen=True, slots=True)
class Stats:
    """What a review took."""

    units: int = 0
    cached_units: int = 0
    """Units that were known before."""
    shared_units: int = 0
    """Units that another review was asking about already."""
    usage: Usage = field(default_factory=Usage)
    """What this review asked for; answers that it shared count for the review that asked."""
    dropped: Mapping[str, int] = field(default_factory=Counter)
    """Claims or fixes that did not hold, by reason."""
    hidden: int = 0
    """Findings that the settings keep back: severity, confidence, rules, the cap."""
    redactions: int = 0
    """Secrets that were replaced before anything was sent."""
    verification: Verification = field(default_factory=Verification)
    """What this review had verified; its usage is part of ``usage``."""


@dataclass(frozen=True, slots=True)
class Review:
    """Findings relative to the document, in the order of the text; and what is not known."""

    findings: tuple[Finding, ...] = ()
    """Those of units in ``pending`` and ``unreviewed``, too, as far as they were shown early."""
    pending: tuple[Span, ...] = ()
    """Units whose answers have not come yet; empty when the review is over."""
    unreviewed: tuple[Span, ...] = ()
    """Units for which no answer could be had, or that were not asked about."""
    waiting: int = 0
    """How many of these wait until what was typed in them parses."""
    dismissed: tuple[Dismissed, ...] = ()
    """What would be among ``findings`` if the user had not dismissed it."""
    errors: tuple[OpenAIError, ...] = ()
    """Why, each kind of failure once."""
    stats: Stats = field(default_factory=Stats)

    @property
    def complete(self) -> bool:
        """Whether the review is over: no answer is waited for. What failed is in ``unreviewed``."""
        return not self.pending
