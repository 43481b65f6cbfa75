"""What is in the cache and what it saved, for people: a few sentences and a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kibitz.app.amounts import amount, size
from kibitz.cli.output.text import counted
from kibitz.cli.output.visible import escape
from kibitz.telemetry.cachebook import total

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kibitz.app.cache_overview import Overview
    from kibitz.telemetry.cachebook import CacheCounts

_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60))
_HEAD = ("", "", "asked", "hits", "stale", "misses", "hit rate", "tokens in", "out", "saved")
_WORDS = 2
"""So many columns are words; the others are numbers."""


def lines(overview: Overview) -> Iterator[str]:
    """All of it."""
    yield f"memory  each editor window and each run has its own, of at most {size(overview.memory_limit)}"
    yield from _disk(overview)
    yield from _team(overview)
    yield ""
    yield from _use(overview)


def age(seconds: float) -> str:
    """``3 days``, ``1 hour``."""
    for noun, length in _UNITS:
        if seconds >= length:
            return counted(int(seconds // length), noun)
    return "less than a minute"


def _disk(overview: Overview) -> Iterator[str]:
    if not overview.disk_used:
        yield "disk    is not used now (setting disk_cache); what was kept before:"
    if overview.disk is None:
        yield f"disk    cannot be used: {escape(overview.disk_problem)}"
        return
    disk = overview.disk
    oldest = "" if disk.oldest_s is None else f"; the oldest is {age(disk.oldest_s)} old"
    yield f"disk    {amount(disk)} of at most {size(overview.disk_limit)}{oldest}"
    yield (
        f"        {disk.evictions:,} went to make room, {disk.expirations:,} because of their age · "
        f"{escape(str(overview.path))}: {size(disk.file_bytes)} with all else that is in it"
    )


def _team(overview: Overview) -> Iterator[str]:
    if not overview.team:
        yield "team    none (settings redis_url and shared_cache)"
    elif overview.team_problem:
        yield f"team    {escape(overview.team)} is not used: {escape(overview.team_problem)}"
    else:
        yield f"team    {escape(overview.team)} answers"


def _use(overview: Overview) -> Iterator[str]:
    rows: list[Sequence[str]] = [_HEAD]
    for period, tiers in overview.use.items():
        for place, (tier, counts) in enumerate({**tiers, "all": total(tiers.values())}.items()):
            rows.append((period if place == 0 else "", tier, *_numbers(counts)))
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    for row in rows:
        cells = [
            cell.ljust(width) if column < _WORDS else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()


def _numbers(counts: CacheCounts) -> Iterator[str]:
    yield from (f"{count:,}" for count in (counts.looked_up, counts.hits, counts.stale, counts.misses))
    yield "" if counts.hit_rate is None else f"{counts.hit_rate:.0%}"
    yield f"{counts.saved_input_tokens:,}"
    yield f"{counts.saved_output_tokens:,}"
    yield "" if counts.saved_usd is None else f"${counts.saved_usd:,.4f}"
