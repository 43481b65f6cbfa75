"""What a request cost, from the price list that genai-prices carries (offline; nothing is downloaded)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decimal import Decimal

    from kibitz.provider.endpoint import Endpoint
    from kibitz.provider.models import Usage


def load() -> None:
    """Import the price list: 0.3 s and 5 MB the first time, for a thread."""
    import genai_prices  # noqa: F401, PLC0415 - see above


def cost(model: str, usage: Usage, endpoint: Endpoint) -> Decimal | None:
    """US dollars for tokens of one request; None where no price is known, and for this machine's own models.

    Takes 0.1 ms once ``load`` has run.
    """
    if endpoint.is_loopback:
        return None
    import genai_prices  # noqa: PLC0415 - see load

    # Details beyond the total make no sense to a price list, and come from outside.
    cached = min(usage.cached_tokens, usage.input_tokens)
    tokens = genai_prices.Usage(
        input_tokens=usage.input_tokens,
        cache_read_tokens=cached,
        cache_write_tokens=min(usage.cache_write_tokens, usage.input_tokens - cached),
        output_tokens=usage.output_tokens,
    )
    try:
        if endpoint.is_openai:
            return genai_prices.calc_price(tokens, model, provider_id="openai").total_price
        return genai_prices.calc_price(tokens, model, provider_api_url=endpoint.url).total_price
    except (LookupError, ValueError):
        return None
