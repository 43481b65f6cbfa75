"""What requests took: the counts of the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple


class Account(NamedTuple):
    """What is counted apart."""

    model: str
    """As the settings name it: a provider must not be able to make up as many as it likes."""
    workspace: str = ""
    """A code of the folder, which nobody but this installation can make of its path; empty: of none."""
    purpose: str = ""
    """``review``, ``verify``, ``suggest``, ``explain``, ``warm``, ``batch`` or ``doctor``."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Of one or more requests; unreported numbers are 0."""

    requests: int = 0
    input_tokens: int = 0
    """All input tokens, cached ones included."""
    cached_tokens: int = 0
    output_tokens: int = 0
    """All output tokens, reasoning included."""
    reasoning_tokens: int = 0
    cost_usd: Decimal | None = None
    """US dollars of the requests whose price is known; None where none is."""
    failed: int = 0
    """How many came to nothing."""
    cache_write_tokens: int = 0
    """Input tokens that the provider put into its prompt cache."""
    retries: int = 0
    """How many were another attempt at the same question."""
    unpriced: int = 0
    """How many have no known price: what they cost is not in ``cost_usd``."""

    def __add__(self, other: Counts) -> Counts:
        known = [counts.cost_usd for counts in (self, other) if counts.cost_usd is not None]
        return Counts(
            requests=self.requests + other.requests,
            input_tokens=self.input_tokens + other.input_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            reasoning_tokens=self.reasoning_tokens + other.reasoning_tokens,
            cost_usd=sum(known, Decimal(0)) if known else None,
            failed=self.failed + other.failed,
            cache_write_tokens=self.cache_write_tokens + other.cache_write_tokens,
            retries=self.retries + other.retries,
            unpriced=self.unpriced + other.unpriced,
        )

    @property
    def tokens(self) -> int:
        """Input and output."""
        return self.input_tokens + self.output_tokens

    @property
    def whole_cost_usd(self) -> Decimal | None:
        """US dollars; None where the price of any of the requests is unknown."""
        return None if self.unpriced else self.cost_usd
