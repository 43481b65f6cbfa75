"""What booking a request costs, and how large a year of the ledger is.

    python -m benchmarks.ledger [--requests 2000] [--json FILE]

A year: ten hours a day, three models, two folders and three purposes in each of them. Booking is measured
in CPU time of the event loop's thread; the others in time on the wall.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from kibitz.provider.purse import Planned, Purse
from kibitz.provider.usage import Usage
from kibitz.state.database import Database
from kibitz.telemetry.budget import Budget
from kibitz.telemetry.caps import Cap
from kibitz.telemetry.counts import Account, Counts
from kibitz.telemetry.ledger import Ledger
from kibitz.telemetry.ledger_table import KEPT_DAYS, PICO
from kibitz.telemetry.vigil import Vigil

BEGIN = datetime(2026, 1, 1).astimezone()
ONE = Counts(1, 3000, 1000, 300, 200, Decimal("0.00037"))
PLANNED = Planned("gpt", "findings", Usage(1, 3000, output_tokens=4096, cost_usd=Decimal("0.0024")), 60.0)


class Clock:
    """The time of day."""

    def __init__(self) -> None:
        self.now = BEGIN

    def __call__(self) -> datetime:
        return self.now


async def year(path: Path) -> dict[str, float]:
    """Fill a ledger with more than a year, and look at what is left."""
    clock, database = Clock(), Database(path)
    ledger = Ledger(database, now=clock)
    accounts = [
        Account(model, workspace, purpose)
        for model in ("gpt-6-luna", "gpt-6-sol", "qwen")
        for workspace in ("0" * 16, "1" * 16)
        for purpose in ("review", "verify", "suggest")
    ]
    for day in range(KEPT_DAYS + 10):
        for hour in range(9, 19):
            clock.now = BEGIN + timedelta(days=day, hours=hour)
            for account in accounts:
                ledger.add(account, ONE)
        await ledger.written()
    started = time.perf_counter()
    await ledger.today()
    today = time.perf_counter() - started
    started = time.perf_counter()
    entries = await ledger.entries(KEPT_DAYS)
    everything = time.perf_counter() - started
    own = len(ledger._own)  # noqa: SLF001 - what a process keeps is the point
    await ledger.aclose()
    await database.shrink()
    await database.aclose()
    size = (await asyncio.to_thread(path.stat)).st_size
    return {
        "entries": len(entries),
        "file_mb": size / 1e6,
        "kept_in_memory": own,
        "today_ms": today * 1000,
        "everything_ms": everything * 1000,
    }


async def booking(path: Path, requests: int) -> dict[str, float]:
    """The cost of one request's books."""
    database = Database(path)
    ledger = Ledger(database)
    free = Purse(ledger)
    spent, used = 0.0, Usage(1, 3000, output_tokens=300, cost_usd=Decimal("0.00045"))
    for _ in range(requests):
        started = time.thread_time()
        hold = await free.hold(PLANNED)
        hold.settle(used)
        spent += time.thread_time() - started
    await ledger.written()
    watched = Vigil(ledger, database)
    budget = Budget(ledger, database, [Cap("usd", "day", 10**6 * PICO), Cap("requests", "hour", 10**9)])
    purse = Purse(ledger, budget, vigil=watched)
    started = time.perf_counter()
    for _ in range(requests):
        (await purse.hold(PLANNED)).settle(used)
    held = time.perf_counter() - started
    await budget.aclose()
    await watched.aclose()
    await ledger.aclose()
    await database.aclose()
    return {"book_us": spent / requests * 1e6, "hold_and_book_ms": held / requests * 1e3}


async def measured(requests: int) -> dict[str, float]:
    """All of it."""
    with tempfile.TemporaryDirectory() as folder:
        books = await booking(Path(folder, "books.db"), requests)
        return {**books, **await year(Path(folder, "year.db"))}


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    found = asyncio.run(measured(given.requests))
    print(f"booking a request without caps:          {found['book_us']:8.1f} us of the event loop")
    print(
        f"holding and booking it, with two caps:   {found['hold_and_book_ms']:8.2f} ms until it may be sent"
    )
    print(f"a year: {found['entries']:.0f} entries, {found['file_mb']:.1f} MB on disk")
    print(f"entries that a process keeps in memory:  {found['kept_in_memory']:8.0f}")
    print(f"today's total, out of that year:         {found['today_ms']:8.1f} ms")
    print(f"all entries:                             {found['everything_ms']:8.1f} ms")
    if given.json is not None:
        given.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
