"""What the usage report takes: to look into the books, to build the page, and to open it in a browser.

    python -m benchmarks.report [--days 30 400] [--requests 90] [--json FILE]

The days are simulated (``tests/support/days_of_use.py``), and written through the real books: somebody who
makes so many requests on an ordinary working day. Each number is that of a process of its own. The event loop
is that of a server that has the report built, and for comparison, in brackets, one that does nothing
as long; the browser is Chromium, without a window.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.days_of_use import Use

from kibitz.app.usage_overview import usage
from kibitz.config import Settings
from kibitz.state.places import database_path
from kibitz.telemetry.tables import local_day

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

OPENED = 5
LIMIT_OPEN_MS = 1000.0
LIMIT_LOOP_MS = 10.0


async def fill(days: int, requests: int) -> None:
    """Make the books."""
    database_path().parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    await Use(database_path(), local_day(), a_day=requests).days(days)


def build(days: int) -> dict[str, float]:
    """As the command line does it."""
    before = peak_mb()
    began = time.perf_counter()
    today = local_day()
    found = asyncio.run(usage(today - timedelta(days - 1), today))
    looked = time.perf_counter()
    from kibitz.app.usagereport.page import save  # noqa: PLC0415 - the import is a part of what it takes

    path = save(found)
    done = time.perf_counter()
    return {
        "database_mb": database_path().stat().st_size / 1e6,
        "entries": len(found.entries),
        "look_ms": (looked - began) * 1000,
        "page_ms": (done - looked) * 1000,
        "page_kb": path.stat().st_size / 1000,
        "memory_mb": peak_mb() - before,
    }


async def serve(days: int) -> dict[str, float]:
    """As a server does it, whose event loop has other things to do."""
    from kibitz.app.usagereport.making import make  # noqa: PLC0415 - as above

    began = time.perf_counter()
    busy = await lags(make(Settings(), days))
    idle = await lags(asyncio.sleep(time.perf_counter() - began))
    return {
        "loop_worst_ms": busy[-1] * 1000,
        "loop_p99_ms": busy[int(len(busy) * 0.99)] * 1000,
        "idle_worst_ms": idle[-1] * 1000,
        "idle_p99_ms": idle[int(len(idle) * 0.99)] * 1000,
    }


async def lags(work: Awaitable[object]) -> list[float]:
    """How much later than asked for the loop was back, in seconds and in order, while something goes on."""
    found: list[float] = []

    async def tick() -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(0.001)
            found.append(time.perf_counter() - began - 0.001)

    ticking = asyncio.create_task(tick())
    await work
    ticking.cancel()
    return sorted(found)


def browse(_days: int) -> dict[str, float]:
    """Open the page, some times."""
    from tests.editors.browser import opened  # noqa: PLC0415 - needs Playwright

    painted, loaded = [], []
    for _ in range(OPENED):
        with opened(database_path().with_name("usage.html"), "benchmark") as shown:
            painted.append(shown.milliseconds())
            loaded.append(
                float(shown.page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd"))
            )
    return {"painted_ms": statistics.median(painted), "loaded_ms": max(loaded)}


def peak_mb() -> float:
    """The most memory that this process had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measured(days: int, requests: int) -> dict[str, float]:
    """All of it, each in a process of its own."""
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "KIBITZ_STATE_DIR": str(Path(folder, "state"))}
        for step in ("fill", "build", "serve", "browse"):
            command = [sys.executable, "-m", "benchmarks.report", "--step", step, "--days", str(days)]
            done = subprocess.run(
                [*command, "--requests", str(requests)], env=environment, capture_output=True, check=True
            )
            found |= json.loads(done.stdout)
        began = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "kibitz", "usage", "--html", "--since", f"{days}d"],
            env=environment,
            stdout=subprocess.DEVNULL,
            check=True,
        )
        return found | {"command_ms": (time.perf_counter() - began) * 1000}


def step(name: str, days: int, requests: int) -> Mapping[str, float]:
    """One of them, in this process."""
    if name == "fill":
        asyncio.run(fill(days, requests))
        return {}
    return asyncio.run(serve(days)) if name == "serve" else build(days) if name == "build" else browse(days)


def main() -> int:
    """Print what was measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--days", type=int, nargs="+", default=[30, 400])
    parser.add_argument("--requests", type=int, default=90)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--step", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step:
        print(json.dumps(step(given.step, given.days[0], given.requests)))
        return 0
    kept, all_of_it = True, {}
    for days in given.days:
        found = all_of_it[str(days)] = measured(days, given.requests)
        print(f"{days} days, {found['entries']:.0f} entries, {found['database_mb']:.1f} MB on disk")
        print(f"  to look into the books:             {found['look_ms']:8.0f} ms")
        print(f"  to build the page:                  {found['page_ms']:8.0f} ms, {found['page_kb']:.0f} kB")
        print(f"  memory for both:                    {found['memory_mb']:8.1f} MB")
        print(f"  the command as a whole:             {found['command_ms']:8.0f} ms")
        print(f"  to open it, to its first picture:   {found['painted_ms']:8.0f} ms")
        print(f"  all of it, at worst:                {found['loaded_ms']:8.0f} ms")
        for name, key in (("at worst", "worst"), ("99 of 100", "p99")):
            late, idle = found[f"loop_{key}_ms"], found[f"idle_{key}_ms"]
            print(f"  a server's loop is late, {name + ':':<11}{late:8.1f} ms ({idle:.1f} ms)")
        kept &= found["loaded_ms"] < LIMIT_OPEN_MS and found["loop_p99_ms"] < LIMIT_LOOP_MS
    if given.json is not None:
        given.json.write_text(json.dumps(all_of_it, indent=2) + "\n")
    print("all limits kept" if kept else "A LIMIT IS EXCEEDED")
    return 0 if kept else 1


if __name__ == "__main__":
    raise SystemExit(main())
