"""What counting costs: microseconds for each event, and memory when a hostile server makes up labels.

    python -m benchmarks.metrics [--events 100000] [--json FILE]

Events are what happens to one instrument; a request has nine or so.
"""

from __future__ import annotations

import argparse
import json
import time
import tracemalloc
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from kibitz.provider.models import Usage
from kibitz.provider.recorder import Recorder
from kibitz.telemetry.access import Attempt
from kibitz.telemetry.cachecounts import CacheCounts
from kibitz.telemetry.catalogue import Metrics

if TYPE_CHECKING:
    from collections.abc import Callable

LIMIT_US = 20.0
LIMIT_READ_MS = 10.0
LIMIT_KB = 2000.0
"""All instruments full of labels."""


def microseconds(event: Callable[[], object], events: int) -> float:
    event()
    began = time.perf_counter()
    for _ in range(events):
        event()
    return (time.perf_counter() - began) / events * 1e6


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    events = given.events
    results: dict[str, float] = {}
    metrics = Metrics()
    recorder = Recorder(metrics)
    attempt = Attempt("https://api.openai.com:443", "gpt-6-luna", "findings", "answered", 1.0, status=200)
    usage = Usage(1, 1000, 500, 100, 80, 40, Decimal("0.001"))
    looked_up = CacheCounts(10, 9, 0, 1, 5000, 400, Decimal("0.01"))
    cases: dict[str, tuple[Callable[[], object], int]] = {
        "count once": (lambda: metrics.retries.add("http_503"), 1),
        "observe once": (lambda: metrics.waits.observe(0.3, "gpt-6-luna"), 1),
        "a request is over (2 events)": (lambda: recorder.over(attempt, None), 2),
        "what it used (6 events)": (lambda: recorder.measure("gpt-6-luna", usage), 6),
        "a look into the cache (7 events)": (lambda: metrics.looked_up("disk", looked_up), 7),
    }
    kept = True
    print(f"{'':<40}{'us':>8}{'each':>8}{'limit':>8}")
    for name, (event, of) in cases.items():
        took = microseconds(event, events)
        print(f"{name:<40}{took:>8.2f}{took / of:>8.2f}{LIMIT_US:>8.0f}")
        kept &= took / of < LIMIT_US
        results[f"{name}, us for an event"] = took / of

    tracemalloc.start()
    full = Metrics()
    for number in range(1000):
        for counter in (full.requests, full.tokens, full.findings, full.retries, full.dropped):
            counter.add(*(f"{name} {number}" for name in counter.described.labels))
        for histogram in (full.latency, full.waits):
            histogram.observe(number / 10, *(f"{name} {number}" for name in histogram.described.labels))
    taken = tracemalloc.get_traced_memory()[0] / 1000
    tracemalloc.stop()
    read = microseconds(full.families, 100) / 1000
    print(f"{'a thousand labels each: KB':<40}{taken:>8.0f}{'':>8}{LIMIT_KB:>8.0f}")
    print(f"{'all of it read: ms':<40}{read:>8.2f}{'':>8}{LIMIT_READ_MS:>8.0f}")
    kept &= taken < LIMIT_KB and read < LIMIT_READ_MS
    results |= {"a thousand labels each, KB": taken, "all of it read, ms": read}
    if given.json:
        given.json.write_text(json.dumps(results, indent=2) + "\n")
    print("all limits kept" if kept else "A LIMIT IS EXCEEDED")
    return 0 if kept else 1


if __name__ == "__main__":
    raise SystemExit(main())
