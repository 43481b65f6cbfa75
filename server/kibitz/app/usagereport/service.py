"""How it went: how long requests took, which of them failed, and what was tried again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kibitz.app.usagereport import figures, words
from kibitz.app.usagereport.elements import table
from kibitz.app.usagereport.parts import figure, most_first, numbers, over_time, section
from kibitz.telemetry.metrics import Distribution
from kibitz.telemetry.metrics_json import SHARES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from xml.etree.ElementTree import Element

    from kibitz.app.usage_overview import Usage
    from kibitz.app.usagereport.elements import Cell
    from kibitz.telemetry.counts import Counts
    from kibitz.telemetry.metrics import Family

_LATENCY = "kibitz_request_seconds"
_OTHERS = {
    "kibitz_queue_wait_seconds": "wait for limits",
    "kibitz_first_finding_seconds": "first finding of a review",
}


def latency(usage: Usage) -> Element:
    """How long requests took, over time, in percentiles."""
    over = {period: _together(families, _LATENCY) for period, families in usage.course.items()}
    by = {
        name: {period: each.quantile(share) for period, each in over.items()}
        for name, share in SHARES.items()
    }
    whole, said = _together(usage.metrics, _LATENCY), "No request was measured in these days."
    if whole.count:
        half, most = (words.seconds(whole.quantile(SHARES[name])).shown for name in ("p50", "p95"))
        requests = words.plural(whole.count, "request")
        said = f"Half of {requests} took up to {half}, and 95 of a hundred up to {most}."
    plot = over_time("latency", "Latency over time", said, usage.periods, series=by, unit=words.SECONDS)
    rows = [_spread(name, over[name]) for name in usage.periods.names if name in over and over[name].count]
    columns = ["requests", *SHARES, "mean"]
    by_period = table(
        f"Latency by {usage.periods.unit}", [usage.periods.head, *columns], rows, _spread("all", whole)
    )
    return section(
        "latency-over-time",
        "Latency",
        said,
        figure(plot, figures.lines),
        numbers("latency", by_period, table("Latency by kind", ["What", *columns], _kinds(usage))),
    )


def _kinds(usage: Usage) -> Iterator[Sequence[Cell]]:
    for (model, purpose), each in sorted(usage.metric(_LATENCY).distributions.items()):
        yield _spread(f"{model}, {purpose}", each)
    for name, what in _OTHERS.items():
        together = _together(usage.metrics, name)
        if together.count:
            yield _spread(what, together)


def _spread(what: str, of: Distribution) -> Sequence[Cell]:
    estimates = (words.seconds(of.quantile(share)) for share in SHARES.values())
    mean = words.seconds(of.sum / of.count if of.count else None)
    return [what, words.count(of.count), *estimates, mean]


def _together(families: Sequence[Family], name: str) -> Distribution:
    family = next(each for each in families if each.described.name == name)
    return sum(family.distributions.values(), Distribution((), ()))


def failures(usage: Usage) -> Element:
    """Requests that came to nothing, and those that were another attempt, over time."""
    over = usage.over_time
    by = {
        "failed": {period: counts.failed for period, counts in over.items()},
        "tried again": {period: counts.retries for period, counts in over.items()},
    }
    whole, said = usage.total, "No request failed in these days, and none was tried again."
    if whole.failed or whole.retries:
        said = (
            f"{whole.failed:,} of {words.plural(whole.requests, 'request')} failed, and "
            f"{whole.retries:,} were another attempt at the same question."
        )
    plot = over_time(
        "failures", "Errors and retries over time", said, usage.periods, series=by, unit=words.COUNTS
    )
    by_period = table(
        f"Errors and retries by {usage.periods.unit}",
        [usage.periods.head, "requests", *by],
        [_failed(name, over[name]) for name in usage.periods.names if name in over],
        _failed("all", whole),
    )
    outcomes: dict[str, float] = {}
    for (_, _, outcome), number in usage.metric("kibitz_requests_total").numbers.items():
        outcomes[outcome] = outcomes.get(outcome, 0.0) + number
    reasons = {labels[0]: number for labels, number in usage.metric("kibitz_retries_total").numbers.items()}
    return section(
        "errors-and-retries",
        "Errors and retries",
        said,
        figure(plot, figures.stacked, "alarming"),
        numbers(
            "errors and retries",
            by_period,
            table("What came of requests", ["Outcome", "requests"], most_first(outcomes)),
            table("Why it was tried again", ["Reason", "retries"], most_first(reasons)),
        ),
    )


def _failed(name: str, counts: Counts) -> Sequence[Cell]:
    return [name, *map(words.count, (counts.requests, counts.failed, counts.retries))]
