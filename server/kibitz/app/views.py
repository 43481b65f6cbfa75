"""What the settings say about what is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kibitz.findings.finding import Confidence, Severity
from kibitz.review.result import ReviewSettings

if TYPE_CHECKING:
    from kibitz.config import Settings
    from kibitz.review.result import Dismissing


def review_settings(settings: Settings, dismissing: Dismissing | None = None) -> ReviewSettings:
    """What a review shows, and how much it asks at a time."""
    return ReviewSettings(
        min_severity=Severity(settings.min_severity),
        min_confidence=Confidence(settings.min_confidence),
        rules_off=frozenset(settings.rules_off),
        max_findings=settings.max_findings,
        max_request_tokens=settings.max_request_tokens,
        early=settings.early,
        verify=settings.verify,
        dismissing=dismissing,
    )
