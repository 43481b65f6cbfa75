"""What requests took. Apart from the other models, because it is wanted where nothing is asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decimal import Decimal

    from kibitz.provider.errors import OpenAIError


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one or more requests, as the provider counted them. Unreported counts are 0."""

    requests: int = 0
    input_tokens: int = 0
    """All input tokens, cached ones included."""
    cached_tokens: int = 0
    """Input tokens that the provider read from its prompt cache."""
    cache_write_tokens: int = 0
    output_tokens: int = 0
    """All output tokens, reasoning included."""
    reasoning_tokens: int = 0
    cost_usd: Decimal | None = None
    """US dollars, or None where no price is known (a local model, an unknown name)."""

    @property
    def is_nothing(self) -> bool:
        """Whether nothing was asked at all: then its unknown price says nothing about a sum's."""
        return not (self.requests or self.input_tokens or self.output_tokens or self.cost_usd is not None)

    def __add__(self, other: Usage) -> Usage:
        known = [u.cost_usd for u in (self, other) if not u.is_nothing]
        cost = None if any(c is None for c in known) else sum((c for c in known if c is not None), start=0)
        return Usage(
            requests=self.requests + other.requests,
            input_tokens=self.input_tokens + other.input_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            cache_write_tokens=self.cache_write_tokens + other.cache_write_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            reasoning_tokens=self.reasoning_tokens + other.reasoning_tokens,
            cost_usd=cost if known else None,  # type: ignore[arg-type]  # sum() of Decimals; never the bare 0
        )


@dataclass(frozen=True, slots=True)
class Verification:
    """What a second question about findings came to."""

    usage: Usage = field(default_factory=Usage)
    """What it took; part of the whole call's usage."""
    confirmed: int = 0
    refuted: int = 0
    """Findings that were dropped."""
    unanswered: int = 0
    """Findings that stay because no verdict came."""
    errors: tuple[OpenAIError, ...] = ()
    """Why no verdict came, where asking failed."""

    def __add__(self, other: Verification) -> Verification:
        return Verification(
            usage=self.usage + other.usage,
            confirmed=self.confirmed + other.confirmed,
            refuted=self.refuted + other.refuted,
            unanswered=self.unanswered + other.unanswered,
            errors=self.errors + other.errors,
        )
