"""What a request cost: by the user's own prices, else by the list that genai-prices carries.

The list is offline; nothing is downloaded.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from genai_prices.types import TieredPrices

    from kibitz.config.prices import Price
    from kibitz.provider.endpoint import Endpoint
    from kibitz.provider.models import Usage

_NOTHING = Decimal(0)
_MILLION = 1_000_000
_HOUR = 3600
"""Seconds. Some providers' prices change with the time of day."""


@dataclass(frozen=True, slots=True)
class _Rate:
    """US dollars per million tokens, which may rise with the length of the input."""

    base: Decimal = _NOTHING
    tiers: tuple[tuple[int, Decimal], ...] = ()
    """From more input tokens than this on, the longest first."""

    def of(self, tokens: int, input_tokens: int) -> Decimal:
        price = next((price for start, price in self.tiers if input_tokens > start), self.base)
        return price * tokens / _MILLION


@dataclass(frozen=True, slots=True)
class _Prices:
    """Of one model at one endpoint."""

    plain: _Rate
    cached: _Rate
    written: _Rate
    output: _Rate
    thousand_requests: _Rate

    def of(self, usage: Usage) -> Decimal:
        # Details beyond the total make no sense, and come from outside.
        total = usage.input_tokens
        cached = min(usage.cached_tokens, total)
        written = min(usage.cache_write_tokens, total - cached)
        return (
            self.plain.of(total - cached - written, total)
            + self.cached.of(cached, total)
            + self.written.of(written, total)
            + self.output.of(usage.output_tokens, total)
            + self.thousand_requests.of(1000, total)
        )


_overrides: dict[str, Price] = {}


def use(prices: Mapping[str, Price]) -> None:
    """From now on, these models cost what the user says, wherever they are asked."""
    global _overrides  # noqa: PLW0603 - as the price list, it is one for the process
    _overrides = dict(prices)
    _prices.cache_clear()


def load() -> None:
    """Import the price list: 0.3 s and 5 MB the first time, for a thread."""
    import genai_prices  # noqa: F401, PLC0415 - see above


def cost(model: str, usage: Usage, endpoint: Endpoint, *, batch: bool = False) -> Decimal | None:
    """US dollars for tokens of one request; None where no price is known. This machine's models cost nothing.

    What the user says of a model's price counts in any case, and for a batch as well.

    ``batch``: it was a line of a batch, which costs less. Takes microseconds once ``load`` has run and the
    model's price has been looked up.
    """
    if (own := _overrides.get(model)) is not None:
        return _own(own).of(usage)
    if endpoint.is_loopback:
        return Decimal(0)
    prices = _prices(model, endpoint, "batch" if batch else "", int(time.time() // _HOUR))
    return None if prices is None else prices.of(usage)


@lru_cache(maxsize=64)
def _prices(model: str, endpoint: Endpoint, processing: str, hour: int) -> _Prices | None:
    """Looked up once an hour: the list takes 0.1 ms for each sum of its own."""
    import genai_prices  # noqa: PLC0415 - see load

    del hour  # only a part of the cache's key
    try:
        tokens, context = genai_prices.Usage(), {"processing": processing} if processing else None
        if endpoint.is_openai:
            price = genai_prices.calc_price(tokens, model, provider_id="openai", price_context=context)
        else:
            price = genai_prices.calc_price(
                tokens, model, provider_api_url=endpoint.url, price_context=context
            )
        found = price.model_price
        plain = _rate(found.input_mtok) or _Rate()
        return _Prices(
            plain=plain,
            # What has no price of its own is counted like other input.
            cached=_rate(found.cache_read_mtok) or plain,
            written=_rate(found.cache_write_mtok) or plain,
            output=_rate(found.output_mtok) or _Rate(),
            thousand_requests=_rate(found.requests_kcount) or _Rate(),
        )
    except (LookupError, ValueError):
        return None


def _own(price: Price) -> _Prices:
    """The user's own."""
    plain = _Rate(price.input)
    cached = plain if price.cached is None else _Rate(price.cached)
    return _Prices(plain, cached, plain, _Rate(price.output), _Rate())


def _rate(listed: Decimal | TieredPrices | None) -> _Rate | None:
    if listed is None:
        return None
    if isinstance(listed, Decimal):
        return _Rate(listed)
    return _Rate(listed.base, tuple((tier.start, tier.price) for tier in reversed(listed.tiers)))
