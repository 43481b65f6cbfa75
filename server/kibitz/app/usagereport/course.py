"""What was spent over time: money, and tokens."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

from kibitz.app.usagereport import figures, words
from kibitz.app.usagereport.parts import figure, named, numbers, over_time, section, spelt

if TYPE_CHECKING:
    from collections.abc import Callable
    from xml.etree.ElementTree import Element

    from kibitz.app.usage_overview import Usage
    from kibitz.telemetry.counts import Counts

_MODELS = 5
"""So many have a colour of their own."""
_WIDE = 780
"""The width of the large plot."""


def cost(usage: Usage) -> Element:
    """Cost over time, by model; where nothing costs money, requests."""
    what, unit = ("Cost", words.MONEY) if usage.total.cost_usd else ("Requests", words.COUNTS)
    called = named([*usage.models], _MODELS, "other models")
    by: dict[str, dict[str, Decimal]] = {called(model): {} for model in usage.models}
    for entry in usage.entries:
        values, period = by[called(entry.account.model)], usage.periods.of(entry.period)
        counts = entry.counts
        more = counts.cost_usd or Decimal(0) if unit is words.MONEY else Decimal(counts.requests)
        values[period] = values.get(period, Decimal(0)) + more
    title, name = f"{what} over time", f"{what} by {usage.periods.unit} and model"
    plot = over_time("cost", title, f"{name}. {_in_words(usage)}", usage.periods, series=by, unit=unit)
    return section(
        "cost-over-time",
        title,
        _in_words(usage),
        figure(plot, partial(figures.stacked, width=_WIDE)),
        numbers(f"{what.lower()} over time", spelt(name, plot, usage.periods)),
        width="large",
    )


def _in_words(usage: Usage) -> str:
    whole = usage.total
    if not whole.requests:
        return "Nothing was asked in these days."
    requests = words.plural(whole.requests, "request")
    unknown = f" The price of {whole.unpriced:,} of them is not known." if whole.unpriced else ""
    if not whole.cost_usd:
        return f"{requests}, none of which {'is known to have cost' if unknown else 'cost'} money.{unknown}"
    day, most = max(usage.days.items(), key=lambda item: item[1].cost_usd or Decimal(0))
    when = words.day(day, usage.until.isoformat())
    return (
        f"{words.dollars(whole.cost_usd).shown} for {requests}. "
        f"The most expensive day was {when}, with {words.dollars(most.cost_usd).shown}.{unknown}"
    )


def tokens(usage: Usage) -> Element:
    """Tokens over time, by kind."""
    kinds: dict[str, Callable[[Counts], int]] = {
        "read": lambda counts: counts.input_tokens - counts.cached_tokens,
        "read from the provider's cache": lambda counts: counts.cached_tokens,
        "written": lambda counts: counts.output_tokens,
    }
    by = {
        name: {period: kind(counts) for period, counts in usage.over_time.items()}
        for name, kind in kinds.items()
    }
    whole, said = usage.total, "No tokens were used in these days."
    if whole.tokens:
        cached = words.share(whole.cached_tokens, whole.input_tokens).shown
        thoughts = (
            f", {words.about(whole.reasoning_tokens)} of them thoughts" if whole.reasoning_tokens else ""
        )
        said = (
            f"{words.about(whole.input_tokens)} tokens in, {cached} of them from the provider's cache, and "
            f"{words.about(whole.output_tokens)} out{thoughts}."
        )
    plot = over_time("tokens", "Tokens over time", said, usage.periods, series=by, unit=words.TOKENS)
    return section(
        "tokens-over-time",
        "Tokens",
        said,
        figure(plot, figures.stacked),
        numbers("tokens over time", spelt(f"Tokens by {usage.periods.unit}", plot, usage.periods)),
    )
