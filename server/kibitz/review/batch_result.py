"""What is told of reviews in batches. Plain data."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Protocol

from kibitz.provider.models import Usage


@dataclass(frozen=True, slots=True)
class Estimate:
    """What is about to be asked."""

    units: int
    requests: int
    usage: Usage
    """Tokens and price; the answers' share is a guess."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What is under way at the provider."""

    batches: int
    status: str
    """Of the one that is least far."""
    done: int
    total: int
    """Requests; 0 while it is not known."""


@dataclass(slots=True)
class Outcome:
    """What a run came to."""

    known: int = 0
    """Units whose answers were there before."""
    landed: int = 0
    """Units whose answers were taken now."""
    waiting: int = 0
    """Units whose answers are still to come."""
    batches: int = 0
    """Batches that are still under way."""
    failed: Counter[str] = field(default_factory=Counter)
    """Units that were asked about without an answer, by reason."""
    problems: list[str] = field(default_factory=list)
    """What went wrong with whole batches, for people."""
    usage: Usage = field(default_factory=Usage)
    """What was paid for the answers that were taken."""


class Watcher(Protocol):
    """Is told how a run goes."""

    def planned(self, estimate: Estimate) -> None:
        """So much is sent now."""

    def taken(self, usage: Usage) -> None:
        """One answer was paid."""

    def waiting(self, progress: Progress) -> None:
        """So far it is."""
