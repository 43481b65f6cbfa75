"""An editing session in a 2,900-line file, with a provider that answers in 200 ms: time, cost, memory.

    python -m benchmarks.session [--edits 10] [--debounce-ms 1000] [--json FILE]

Each edit plants a bug in one function; its undo follows. The time is from when the edit is sent to the
published finding, and what the server adds is that less the debounce and the provider's latency.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.measures import Spread
from benchmarks.process import Taken
from tests.e2e.test_reviewing import large
from tests.support.fake_provider import Bug, FakeProvider, reviewer
from tests.support.lsp_process import Buffer, ServerProcess

from kibitz.text.lines import Encoding

LATENCY_MS = 200
MAX_OVERHEAD_MS = 100
MAX_TOKENS = 3000
MAX_RSS_MB = 90
MAX_LOOKUP_MS = 5


async def session(edits: int, debounce_ms: int) -> tuple[bool, dict[str, Any]]:
    home = Path(tempfile.mkdtemp(prefix="kibitz-bench-"))
    bug = Bug("total -= value", "total += value")
    async with (
        FakeProvider(reviewer(bug), latency=LATENCY_MS / 1000) as fake,
        ServerProcess(
            home,
            OPENAI_BASE_URL=fake.base_url,
            OPENAI_API_KEY="sk-benchmark",
            KIBITZ_DEBOUNCE_MS=str(debounce_ms),
            KIBITZ_REQUESTS_PER_MINUTE="10000",
            KIBITZ_TOKENS_PER_MINUTE="100000000",
        ) as editor,
    ):
        await editor.initialize()
        buffer = Buffer(editor, f"file://{home}/large.py", large(), Encoding.UTF16)
        began = time.perf_counter()
        buffer.open()
        await fake.seen(1)
        await editor.at_rest()
        opened = len(fake.requests)
        took = time.perf_counter() - began
        print(f"open 2,900 lines: {opened} requests, {took:.1f} s with the server's start")

        overheads, lookups, tokens = [], [], []
        asked = undone = 0
        for number in range(edits):
            line = (20 + number * 7) * 10 + 5
            sign = {"start": {"line": line, "character": 18}, "end": {"line": line, "character": 19}}
            before = len(fake.requests)
            buffer.replace(sign, "-")
            (found,) = await buffer.diagnostics(1)
            overheads.append((time.perf_counter() - buffer.sent) * 1000 - debounce_ms - LATENCY_MS)
            asked += len(fake.requests) - before
            tokens += [reported(seen.body) for seen in fake.requests[before:]]
            began = time.perf_counter()
            assert await buffer.fix(found["range"])
            lookups.append((time.perf_counter() - began) * 1000)
            before = len(fake.requests)
            buffer.replace(sign, "+")
            await buffer.diagnostics(0)
            await asyncio.sleep((debounce_ms + 50) / 1000)
            await editor.at_rest()
            undone += len(fake.requests) - before
        memory = Taken.by(editor.process.pid)
        now, peak = memory.resident_mb, memory.most_mb
        code = await editor.leave()

    print(f"{'':<44}{'median':>9}{'worst':>9}{'limit':>9}")
    rows = [
        ("edit to finding, less debounce and latency, ms", overheads, MAX_OVERHEAD_MS),
        ("code action, ms", lookups, MAX_LOOKUP_MS),
        ("input of an edit's request, tokens (bytes / 3)", [float(t) for t in tokens], MAX_TOKENS),
    ]
    kept = True
    for name, values, limit in rows:
        print(f"{name:<48}{statistics.median(values):>6.1f}{max(values):>9.1f}{limit:>9}")
        kept &= statistics.median(values) <= limit
    print(f"requests: {asked} for {edits} edits, {undone} for {edits} undos")
    print(f"memory after the session: {now:.1f} MB, at most {peak:.1f} MB; limit {MAX_RSS_MB} MB")
    kept &= asked == edits and undone == 0 and peak < MAX_RSS_MB and code == 0
    print("all limits kept" if kept else "A LIMIT IS EXCEEDED")
    results = {
        "rows": {name: {**asdict(Spread.of(values)), "limit": limit} for name, values, limit in rows},
        "opening": {"requests": opened, "seconds": took},
        "requests": {"edits": edits, "for edits": asked, "for undos": undone},
        "memory_mb": {"after": now, "most": peak, "limit": MAX_RSS_MB},
    }
    return kept, results


def reported(body: dict[str, object]) -> int:
    """A cautious count: of English and code, tokens have more than three bytes on average."""
    return len(str(body).encode()) // 3


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--edits", type=int, default=10)
    parser.add_argument("--debounce-ms", type=int, default=1000)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    kept, results = asyncio.run(session(arguments.edits, arguments.debounce_ms))
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2) + "\n")
    return 0 if kept else 1


if __name__ == "__main__":
    raise SystemExit(main())
