"""Where answers came from: which tier of the cache had them, and what that saved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kibitz.app.usagereport import figures, words
from kibitz.app.usagereport.elements import table
from kibitz.app.usagereport.parts import figure, numbers, over_time, section
from kibitz.telemetry.cachebook import TIERS, CacheCounts, total

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from xml.etree.ElementTree import Element

    from kibitz.app.usage_overview import Usage
    from kibitz.app.usagereport.elements import Cell

_STALE, _ASKED = "shown, then renewed", "asked for"
_QUARTERS = (0.0, 0.25, 0.5, 0.75, 1.0)


def answers(usage: Usage) -> Element:
    """Where answers came from, as shares of those of each period."""
    by: dict[str, dict[str, float | None]] = {name: {} for name in (*TIERS, _STALE, _ASKED)}
    for period, tiers in usage.lookups.items():
        whole = total(tiers.values())
        parts = {**_hits(tiers), _STALE: whole.stale, _ASKED: whole.misses}
        for name, part in parts.items():
            by[name][period] = part / whole.looked_up if whole.looked_up else None
    by = {name: values for name, values in by.items() if any(values.values())}
    said = _in_words(total(usage.cache.values()))
    title = "Where answers came from"
    plot = over_time("answers", title, said, usage.periods, series=by, unit=words.SHARES, ticks=_QUARTERS)
    return section(
        "hits-by-tier",
        title,
        said,
        figure(plot, figures.stacked),
        numbers("hits by tier", _tiers(usage), _course(usage)),
    )


def _in_words(whole: CacheCounts) -> str:
    if not whole.looked_up:
        return "Nothing was looked up in these days."
    saved = f" That saved {words.dollars(whole.saved_usd).shown}." if whole.saved_usd else ""
    known = words.share(whole.hits, whole.looked_up).shown
    return f"{known} of {words.plural(whole.looked_up, 'answer')} were in the cache.{saved}"


def _tiers(usage: Usage) -> Element:
    head = ["Tier", "looked up", "hits", "stale", "misses", "hit rate", "tokens saved", "saved"]
    rows = [_tier(name, counts) for name, counts in usage.cache.items()]
    return table("Hits by tier", head, rows, _tier("all", total(usage.cache.values())))


def _tier(name: str, counts: CacheCounts) -> Sequence[Cell]:
    return [
        name,
        *map(words.count, (counts.looked_up, counts.hits, counts.stale, counts.misses)),
        words.share(counts.hits, counts.looked_up),
        words.count(counts.saved_input_tokens + counts.saved_output_tokens),
        words.dollars(counts.saved_usd),
    ]


def _course(usage: Usage) -> Element:
    head = [usage.periods.head, "answers", *TIERS, _STALE, _ASKED, "hit rate"]
    rows = [_row(name, usage.lookups[name]) for name in usage.periods.names if name in usage.lookups]
    return table(f"Hits by {usage.periods.unit}", head, rows, _row("all", usage.cache))


def _row(name: str, tiers: Mapping[str, CacheCounts]) -> Sequence[Cell]:
    whole = total(tiers.values())
    parts = (whole.looked_up, *_hits(tiers).values(), whole.stale, whole.misses)
    return [name, *map(words.count, parts), words.share(whole.hits, whole.looked_up)]


def _hits(tiers: Mapping[str, CacheCounts]) -> Mapping[str, int]:
    return {tier: tiers.get(tier, CacheCounts()).hits for tier in TIERS}
