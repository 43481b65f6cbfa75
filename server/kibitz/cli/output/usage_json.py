"""What was used, as one JSON object; ASCII only, so that no terminal obeys it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from kibitz.cli.output.cache_json import tiers_json
from kibitz.telemetry.ledger_table import dollars
from kibitz.telemetry.metrics_json import as_json

if TYPE_CHECKING:
    from kibitz.app.usage_overview import Usage
    from kibitz.telemetry.caps import Cap
    from kibitz.telemetry.counts import Counts


def document(usage: Usage) -> str:
    """Tokens, seconds and US dollars; null where something is not known."""
    return json.dumps(
        {
            "since": usage.since.isoformat(),
            "until": usage.until.isoformat(),
            "total": _counts(usage.total),
            "days": {day: _counts(counts) for day, counts in usage.days.items()},
            "models": {name: _counts(counts) for name, counts in usage.models.items()},
            "purposes": {name: _counts(counts) for name, counts in usage.purposes.items()},
            "documents": [
                {"workspace": document.workspace, "name": document.name, **_document(counts)}
                for document, counts in usage.documents.items()
            ],
            "budgets": [_budget(cap, spent) for cap, spent in usage.budgets],
            "cache": tiers_json(usage.cache),
            "metrics": as_json(usage.metrics),
        },
        indent=2,
    )


def _document(counts: Counts) -> dict[str, Any]:
    kept = ("requests", "input_tokens", "output_tokens", "cost_usd", "unpriced")
    return {name: number for name, number in _counts(counts).items() if name in kept}


def _budget(cap: Cap, spent: int) -> dict[str, Any]:
    """Dollars, requests or tokens, as the setting's name says."""
    amounts = {"most": cap.most, "spent": spent}
    if cap.kind == "usd":
        return {"setting": cap.setting, **{name: float(dollars(pico)) for name, pico in amounts.items()}}
    return {"setting": cap.setting, **amounts}


def _counts(counts: Counts) -> dict[str, Any]:
    """``cost_usd`` is that of the requests whose price is known; ``unpriced`` are the others."""
    return {
        "requests": counts.requests,
        "failed": counts.failed,
        "retries": counts.retries,
        "input_tokens": counts.input_tokens,
        "cached_tokens": counts.cached_tokens,
        "cache_write_tokens": counts.cache_write_tokens,
        "output_tokens": counts.output_tokens,
        "reasoning_tokens": counts.reasoning_tokens,
        "cost_usd": None if counts.cost_usd is None else float(counts.cost_usd),
        "unpriced": counts.unpriced,
    }
