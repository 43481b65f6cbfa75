"""How use went over time, for people at a terminal: a line of small bars for each number and each budget."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.bar import Bar
from rich.table import Table

from kibitz.telemetry.cachebook import total
from kibitz.telemetry.caps import LEVELS, money
from kibitz.telemetry.metrics import Distribution

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from kibitz.app.usage_overview import Usage
    from kibitz.telemetry.metrics import Family

_BLOCKS = " ▁▂▃▄▅▆▇█"
_LONGEST = 45
"""So many days or weeks, the latest, are shown."""
_BAR = 20
"""Cells."""


def course(usage: Usage) -> Iterator[RenderableType]:
    """Budgets, and what went on from day to day, or from week to week."""
    budgets = _grid()
    for cap, spent in usage.budgets:
        part = spent / cap.most if cap.most else 1.0
        colour = "red" if 100 * part >= LEVELS[-1] else "yellow" if 100 * part >= LEVELS[-2] else "green"
        bar = Bar(1.0, 0.0, min(part, 1.0), width=_BAR, color=colour, bgcolor="bright_black")
        budgets.add_row(cap.words, bar, f"{int(100 * part)} %, {cap.shown(spent)} spent")
    if budgets.row_count:
        yield budgets
    lines = _grid()
    for what, values, said in _lines(usage):
        lines.add_row(what, sparkline(values[-_LONGEST:]), said)
    if lines.row_count:
        yield lines


def sparkline(values: Sequence[float | None]) -> str:
    """Bars as high as characters, the highest value a whole one; what there is none of is a gap."""
    most = max((value for value in values if value), default=1.0)
    steps = len(_BLOCKS) - 1
    return "".join(
        _BLOCKS[0] if not value else _BLOCKS[max(round(steps * value / most), 1)] for value in values
    )


def _lines(usage: Usage) -> Iterator[tuple[str, Sequence[float | None], str]]:
    names, over, whole = usage.periods.names, usage.over_time, usage.total
    if whole.cost_usd:
        costs = [float(over[name].cost_usd or 0) if name in over else None for name in names]
        yield "cost", costs, money(whole.cost_usd)
    if whole.requests:
        yield (
            "requests",
            [over[name].requests if name in over else None for name in names],
            f"{whole.requests:,}",
        )
        yield "tokens", [over[name].tokens if name in over else None for name in names], f"{whole.tokens:,}"
    rates = [total(usage.lookups.get(name, {}).values()).hit_rate for name in names]
    if (rate := total(usage.cache.values()).hit_rate) is not None:
        yield "from the cache", rates, f"{int(100 * rate)} %"
    latencies = [_median(usage.course.get(name, ())) for name in names]
    if (latency := _median(usage.metrics)) is not None:
        yield "median latency", latencies, f"{latency:.2f} s"
    if whole.failed:
        yield "failed", [over[name].failed if name in over else None for name in names], f"{whole.failed:,}"


def _median(families: Sequence[Family]) -> float | None:
    found = [each for each in families if each.described.name == "kibitz_request_seconds"]
    counted = (of for each in found for of in each.distributions.values())
    return sum(counted, Distribution((), ())).quantile(0.5)


def _grid() -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    return table
