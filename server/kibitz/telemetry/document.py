"""The table of metrics for the documentation: ``python -m kibitz.telemetry.document``."""

from __future__ import annotations

from kibitz.telemetry.catalogue import Metrics
from kibitz.telemetry.metrics import Counter, Gauge


def table() -> str:
    """All metrics, in Markdown."""
    lines = ["| metric | kind | labels | what it says |", "|---|---|---|---|"]
    for instrument in Metrics():
        said = instrument.described
        kind = {Counter: "counter", Gauge: "gauge"}.get(type(instrument), "histogram")
        labels = ", ".join(f"`{name}`" for name in said.labels)
        lines.append(f"| `{said.name}` | {kind} | {labels} | {said.help} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())  # noqa: T201 - what it is for
