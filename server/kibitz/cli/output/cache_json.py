"""What is in the cache and what it saved, as one JSON object; ASCII only, so that no terminal obeys it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from kibitz.telemetry.cachebook import total

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kibitz.app.cache_overview import Overview
    from kibitz.telemetry.cachebook import CacheCounts


def document(overview: Overview) -> str:
    """Bytes, seconds, tokens and US dollars; null where something is not known."""
    disk = overview.disk
    return json.dumps(
        {
            "tiers": {
                "memory": {"limit_bytes": overview.memory_limit},
                "disk": {
                    "used": overview.disk_used,
                    "path": str(overview.path),
                    "problem": overview.disk_problem,
                    "entries": disk and disk.entries,
                    "bytes": disk and disk.bytes,
                    "limit_bytes": overview.disk_limit,
                    "file_bytes": disk and disk.file_bytes,
                    "oldest_s": disk and disk.oldest_s,
                    "evictions": disk and disk.evictions,
                    "expirations": disk and disk.expirations,
                },
                "team": {
                    "used": bool(overview.team),
                    "server": overview.team or None,
                    "problem": overview.team_problem,
                },
            },
            "use": {period.replace(" ", "_"): tiers_json(tiers) for period, tiers in overview.use.items()},
        },
        indent=2,
    )


def tiers_json(tiers: Mapping[str, CacheCounts]) -> dict[str, Any]:
    """What each tier had and saved, and all of them."""
    return {tier: _counts(counts) for tier, counts in {**tiers, "all": total(tiers.values())}.items()}


def _counts(counts: CacheCounts) -> dict[str, Any]:
    return {
        "looked_up": counts.looked_up,
        "hits": counts.hits,
        "stale": counts.stale,
        "misses": counts.misses,
        "hit_rate": counts.hit_rate,
        "saved_input_tokens": counts.saved_input_tokens,
        "saved_output_tokens": counts.saved_output_tokens,
        "saved_usd": None if counts.saved_usd is None else float(counts.saved_usd),
    }
