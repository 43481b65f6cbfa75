"""What was used, for people at a terminal: a few tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

from kibitz.cli.output.usage_course import course
from kibitz.cli.output.visible import escape
from kibitz.telemetry.counts import Counts
from kibitz.telemetry.metrics import Distribution
from kibitz.telemetry.metrics_json import SHARES
from kibitz.telemetry.savings_text import savings_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from rich.console import RenderableType

    from kibitz.app.usage_overview import Usage

_COSTS: Mapping[str, Callable[[Counts], int]] = {
    "requests": lambda counts: counts.requests,
    "failed": lambda counts: counts.failed,
    "tokens in": lambda counts: counts.input_tokens,
    "cached": lambda counts: counts.cached_tokens,
    "out": lambda counts: counts.output_tokens,
    "reasoning": lambda counts: counts.reasoning_tokens,
}
_NOT_ALWAYS = ("failed", "cached", "reasoning")
"""Columns that are left out where there is nothing in them."""
_NAME_WIDTH = 10
"""A day is never broken in two, however narrow the terminal is."""
_LATENCIES = {
    "kibitz_request_seconds": "request",
    "kibitz_queue_wait_seconds": "wait for limits",
    "kibitz_first_finding_seconds": "first finding",
}
_ANSWERED = "answered"
_DAYS = 31
"""So many days have lines of their own."""
_RULES = 12
"""So many rules, those that were shown most, have lines of their own."""
_DOCUMENTS = 8
"""So many documents, those that cost most, likewise."""


def parts(usage: Usage, *, draw: bool) -> Iterator[RenderableType]:
    """All there is to say, from what costs to how it went; ``draw``: the terminal knows more than ASCII."""
    yield Text(f"{usage.since} to {usage.until}, all windows and runs on this machine")
    if draw:
        yield from course(usage)
    if not usage.total.requests:
        yield Text("nothing was asked")
    else:
        yield _costs(*_in_time(usage))
        yield _costs("model", usage.models)
        yield _costs("for", usage.purposes)
        yield from _documents(usage)
        yield Text(_cost_line(usage.total))
    if saved := savings_line({"in these days": usage.cache}):
        yield Text(saved)
    yield from _how_it_went(usage)


def money(counts: Counts) -> str:
    """US dollars; ``+ ?`` where the price of some requests is not known."""
    if counts.cost_usd is None:
        return "?" if counts.unpriced else ""
    return f"${counts.cost_usd:,.4f}" + (" + ?" if counts.unpriced else "")


def _in_time(usage: Usage) -> tuple[str, Mapping[str, Counts]]:
    """By day; of a long time by month."""
    days = usage.days
    if len(days) <= _DAYS:
        return "day", days
    months: dict[str, Counts] = {}
    for day, counts in days.items():
        month = day[:7]
        months[month] = months.get(month, Counts()) + counts
    return "month", months


def _cost_line(total: Counts) -> str:
    unknown = f"; the price of {total.unpriced:,} requests is not known" if total.unpriced else ""
    return f"{total.requests:,} requests, {total.tokens:,} tokens, {money(total) or 'no cost'}{unknown}"


def _costs(head: str, counts: Mapping[str, Counts]) -> Table:
    columns = {
        name: number
        for name, number in _COSTS.items()
        if name not in _NOT_ALWAYS or any(number(each) for each in counts.values())
    }
    table = _table(head, (*columns, "cost"))
    for name, each in counts.items():
        numbers = (f"{number(each):,}" for number in columns.values())
        table.add_row(escape(name) or "other", *numbers, money(each))
    return table


def _documents(usage: Usage) -> Iterator[RenderableType]:
    table = _table("document", ("requests", "tokens in", "out", "cost"))
    for document, each in [*usage.documents.items()][:_DOCUMENTS]:
        numbers = (each.requests, each.input_tokens, each.output_tokens)
        table.add_row(escape(document.name), *(f"{number:,}" for number in numbers), money(each))
    if table.row_count:
        yield table
    if len(usage.documents) > _DOCUMENTS:
        yield Text(f"and {len(usage.documents) - _DOCUMENTS:,} documents more")


def _how_it_went(usage: Usage) -> Iterator[RenderableType]:
    latencies = _table("seconds", ("count", *SHARES))
    for name, said in _LATENCIES.items():
        together = sum(usage.metric(name).distributions.values(), Distribution((), ()))
        if together.count:
            estimates = (together.quantile(share) or 0.0 for share in SHARES.values())
            latencies.add_row(said, f"{together.count:,}", *(f"{each:,.2f}" for each in estimates))
    if latencies.row_count:
        yield latencies
    outcomes: dict[str, float] = {}
    for (_, _, outcome), number in usage.metric("kibitz_requests_total").numbers.items():
        outcomes[outcome] = outcomes.get(outcome, 0.0) + number
    yield from _tally("not answered", ((name, n) for name, n in outcomes.items() if name != _ANSWERED))
    yield from _tally("retries", _flat(usage, "kibitz_retries_total"))
    yield from _findings(usage)
    yield from _tally("dropped", _flat(usage, "kibitz_dropped_total"))


def _findings(usage: Usage) -> Iterator[RenderableType]:
    fates = ("shown", "fixed", "dismissed")
    rules: dict[str, dict[str, float]] = {}
    for (rule, fate), number in usage.metric("kibitz_findings_total").numbers.items():
        rules.setdefault(rule, {})[fate] = number
    table = _table("rule", fates)
    most = sorted(rules.items(), key=lambda item: (-item[1].get("shown", 0.0), item[0]))
    for rule, found in most[:_RULES]:
        table.add_row(escape(rule), *(f"{found.get(fate, 0.0):,.0f}" for fate in fates))
    if table.row_count:
        yield table
    if len(most) > _RULES:
        yield Text(f"and {len(most) - _RULES} rules more")


def _flat(usage: Usage, name: str) -> Iterable[tuple[str, float]]:
    return ((labels[0], number) for labels, number in usage.metric(name).numbers.items())


def _tally(what: str, counts: Iterable[tuple[str, float]]) -> Iterator[Text]:
    """One line: ``retries: http_429 3, http_503 1``."""
    said = [f"{escape(name)} {number:,.0f}" for name, number in sorted(counts, key=lambda each: -each[1])]
    if said:
        yield Text(f"{what}: {', '.join(said)}")


def _table(head: str, columns: Sequence[str]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True)
    table.add_column(head, overflow="fold", min_width=_NAME_WIDTH)
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    return table
