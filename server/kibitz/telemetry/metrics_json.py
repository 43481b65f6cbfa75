"""The metrics as JSON: for the command ``kibitz.metrics``, and for whoever has a log of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kibitz.telemetry.metrics import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kibitz.telemetry.metrics import Distribution, Family

SHARES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
"""The percentiles that are estimated."""


def as_json(families: Iterable[Family]) -> list[dict[str, Any]]:
    """One object for each metric, those without any series too: then nothing of it happened yet."""
    return [
        {
            "name": family.described.name,
            "kind": family.kind.value,
            "unit": family.described.unit,
            "help": family.described.help,
            "series": [
                {"labels": dict(zip(family.described.labels, labels, strict=True)), **said}
                for labels, said in sorted(_series(family).items())
            ],
        }
        for family in families
    ]


def summary(distribution: Distribution) -> dict[str, Any]:
    """Count, sum and percentiles; null where there is nothing."""
    shares = {name: distribution.quantile(share) for name, share in SHARES.items()}
    return {"count": distribution.count, "sum": distribution.sum, **shares}


def _series(family: Family) -> Mapping[tuple[str, ...], dict[str, Any]]:
    if family.kind is Kind.HISTOGRAM:
        return {labels: summary(found) for labels, found in family.distributions.items()}
    return {labels: {"value": number} for labels, number in family.numbers.items()}
