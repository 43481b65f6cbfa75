"""The Grafana dashboard, as far as tests read it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

PATH = Path(__file__).parents[2] / "dashboards" / "kibitz.json"


def dashboard() -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(PATH.read_text(encoding="utf-8"))
    return parsed


def panels() -> list[dict[str, Any]]:
    """Those that show something."""
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def queries(interval: str = "1m") -> Iterator[tuple[str, str]]:
    """What each panel asks for, as Grafana would put it for all servers and the last ``interval``."""
    for panel in panels():
        for target in panel["targets"]:
            expression = target["expr"].replace("$__rate_interval", interval).replace("$__range", interval)
            yield panel["title"], expression.replace("$instance", ".*")
