"""The figures of a run for programs."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from kibitz.evaluation.statistics import Rate

if TYPE_CHECKING:
    from kibitz.evaluation.about import About
    from kibitz.evaluation.summary import Summary


def figures(about: About, summary: Summary) -> str:
    """One JSON object: what the run was, and what came of it."""
    document = {"run": about.model_dump(mode="json"), "figures": _plain(summary)}
    return json.dumps(document, indent=2) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, Rate):
        low, high = value.interval or (None, None)
        return {"hits": value.hits, "total": value.total, "share": value.share, "low": low, "high": high}
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return str(value) if isinstance(value, Decimal) else value
