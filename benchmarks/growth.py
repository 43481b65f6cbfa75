"""How time and memory grow: with lines, open documents, kept answers and requests that wait.

    python -m benchmarks.growth [--rounds 5] [--only PART] [--most SIZE] [--json FILE]

- lines: to read a file and split it into what would be asked about, CPU of the thread; memory is what Python
  allocated at most for it, so without what the parser holds.
- documents: a change of one of so many documents open in a real server, until the server is ready for the
  next message; memory is the server's. A fake provider answers at once.
- answers: to look up 50 of so many kept on the disk, CPU of all threads; memory is the file's size.
- queue: so many requests at once that have to go through the limits, eight of them under way at most: CPU for
  each of them. Memory is what Python allocated at most.

All sizes take turns, so that whatever else the machine does falls on each of them; only documents are opened
one after the other, so there the CPU of the server for each change is what is fitted. The exponent is the
slope of the least squares on logarithms: 0 is constant, 1 is linear. Between the two smallest sizes there
may be clearly less growth than between the others, as what they take is constant for the most part; then
they are left out, which is said.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import hashlib
import json
import sys
import tempfile
import time
import tracemalloc
from contextlib import AsyncExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.editor import KIBITZ, PROBE, Editor, Json, asking, frame, provider
from benchmarks.measures import Spread, digits, growth, table
from benchmarks.typist import LINES_EACH, program
from tests.support.lsp_process import clean_environment

from kibitz.cache.disk import DiskCache
from kibitz.cache.key import Identity
from kibitz.cache.tier import Kept
from kibitz.provider.limits.gate import Gate
from kibitz.provider.limits.priority import Priority, Urgency
from kibitz.review.entries import entries_of
from kibitz.state.database import Database

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LINES = (100, 200, 500, 1000, 2000, 5000, 10_000, 20_000)
DOCUMENTS = (1, 2, 5, 10, 20, 50, 100, 200, 500)
ANSWERS = (100, 300, 1000, 3000, 10_000, 30_000, 100_000)
QUEUED = (1, 3, 10, 30, 100, 300, 1000)
IDENTITY = Identity("https://api.example/v1", "m", "list", "p", "s", "r")
DIGESTS = 50
"""So many units a file may have."""
VALUE = json.dumps({"findings": [], "usage": {"input": 400, "output": 20}, "padding": "x" * 200})
CHANGES = 40
UNDER_WAY = 8
THROUGH = 2000
"""Requests that go through the limits for one measurement, at least."""


# Lines


def split(text: str) -> float:
    """Milliseconds of CPU."""
    began = time.thread_time()
    entries_of(text, "python", IDENTITY)
    return (time.thread_time() - began) * 1000


def allocated(text: str) -> float:
    """MB at most, while it is split."""
    gc.collect()
    tracemalloc.start()
    kept = entries_of(text, "python", IDENTITY)
    peak = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    assert kept
    return peak


def lines(sizes: Sequence[int], rounds: int) -> Json:
    texts = {size: program(size // LINES_EACH, 0) for size in sizes}
    split(texts[sizes[0]])
    taken: dict[int, list[float]] = {size: [] for size in sizes}
    for _ in range(rounds):
        for size, text in texts.items():
            taken[size].append(split(text))
    return told("ms of CPU", taken, {size: allocated(text) for size, text in texts.items()})


# Documents


async def documents(sizes: Sequence[int], rounds: int, base_url: str) -> Json:
    """A document more is opened again and again; the sizes are looked at as they come by."""
    taken: dict[int, list[float]] = {}
    memory: dict[int, float] = {}
    cpu: dict[int, float] = {}
    with tempfile.TemporaryDirectory(prefix="kibitz-growth-") as folder:
        home = Path(folder)
        environment = clean_environment(home, asking(base_url))
        async with Editor(KIBITZ, home, environment, small(0)) as editor:
            uris = [editor.uri]
            versions = {editor.uri: 1}
            for size in sizes:
                for number in range(len(uris), size):
                    uris.append(f"{editor.uri.removesuffix('.py')}_{number}.py")
                    versions[uris[-1]] = 1
                    editor.open(uris[-1], small(number))
                await at_rest(editor)
                memory[size] = editor.resident_mb
                taken[size] = []
                before = editor.cpu
                for turn in range(rounds * CHANGES):
                    uri = uris[turn * len(uris) // (rounds * CHANGES)]
                    versions[uri] += 1
                    ahead = frame("textDocument/didChange", change(uri, versions[uri]))
                    taken[size].append((await editor.ask(PROBE, None, ahead=ahead))[0])
                cpu[size] = (editor.cpu - before) * 1000 / (rounds * CHANGES)
                await at_rest(editor)
    return told("ms", taken, memory, cpu)


def small(number: int) -> str:
    """50 lines, others in each document."""
    return f"# number {number}\n{program(5, 0)}".replace("limit", f"limit_{number}")


def change(uri: str, version: int) -> Json:
    """Another letter at the beginning of the first line, which is a comment."""
    where = {"start": {"line": 0, "character": 2}, "end": {"line": 0, "character": 3}}
    return {
        "textDocument": {"uri": uri, "version": version},
        "contentChanges": [{"range": where, "text": "mn"[version % 2]}],
    }


async def at_rest(editor: Editor) -> None:
    """Wait until nothing is typed, waiting or under way."""
    async with asyncio.timeout(100):
        await editor.quiet(1.5)
        while await reviews(editor):
            await editor.quiet(0.5)


async def reviews(editor: Editor) -> int:
    """How many are under way or waiting."""
    _, answer = await editor.ask("workspace/executeCommand", {"command": "kibitz.status"})
    return int(answer["result"]["reviews"])


# Answers


def digest(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


async def answers(sizes: Sequence[int], rounds: int) -> Json:
    taken: dict[int, list[float]] = {size: [] for size in sizes}
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kibitz-growth-")))
        caches = {}
        for size in sizes:
            database = Database(folder / f"{size}.db")
            stack.push_async_callback(database.aclose)
            caches[size] = DiskCache(database, max_bytes=1 << 30)
            for first in range(0, size, 1000):
                some = range(first, min(first + 1000, size))
                assert await caches[size].put({digest(each): Kept(VALUE, 1e5, 1e6) for each in some})
        for turn in range(rounds * 10):
            for size, cache in caches.items():
                asked = [digest((turn * 7919 + each * 104_729) % size) for each in range(DIGESTS)]
                began = time.process_time()
                found = await cache.get(asked)
                taken[size].append((time.process_time() - began) * 1000)
                assert len(found) == len(set(asked))
        sizes_mb = {size: (await cache.stats()).file_bytes / 1e6 for size, cache in caches.items()}
    return told("ms of CPU", taken, sizes_mb)


# The queue


async def through(size: int) -> None:
    """So many at once."""
    gate = Gate(requests_per_minute=1e9, tokens_per_minute=1e12, max_concurrency=UNDER_WAY)

    async def one() -> None:
        async with gate.admit(1000, urgency=Urgency(Priority.OPEN), longest_pause=1.0) as permit:
            await asyncio.sleep(0)
            permit.settle(900)

    await asyncio.gather(*(one() for _ in range(size)))


def queue(sizes: Sequence[int], rounds: int) -> Json:
    taken: dict[int, list[float]] = {size: [] for size in sizes}
    memory: dict[int, float] = {}

    async def all_of_them() -> None:
        for size in sizes:
            await through(size)
            tracemalloc.start()
            await through(size)
            memory[size] = tracemalloc.get_traced_memory()[1] / 1e6
            tracemalloc.stop()
        for _ in range(rounds):
            for size in sizes:
                times = -(-THROUGH // size)
                began = time.thread_time()
                for _ in range(times):
                    await through(size)
                taken[size].append((time.thread_time() - began) * 1e6 / (times * size))

    asyncio.run(all_of_them())
    return told("us of CPU for each", taken, memory)


# What comes of it


def told(
    unit: str,
    taken: Mapping[int, Sequence[float]],
    memory: Mapping[int, float],
    cpu: Mapping[int, float] | None = None,
) -> Json:
    """How the medians grow; where there is CPU beside them, how that grows."""
    sizes = list(taken)
    spreads = [Spread.of(values) for values in taken.values()]
    found: Json = {
        "unit": unit,
        "rows": [
            {"size": size, "time": asdict(spread), "memory_mb": memory[size]}
            | ({} if cpu is None else {"cpu": cpu[size]})
            for size, spread in zip(sizes, spreads, strict=True)
        ],
    }
    if len(sizes) > 1:
        times = [spread.median for spread in spreads] if cpu is None else [cpu[size] for size in sizes]
        found["fitted"] = "time" if cpu is None else "CPU"
        found["time"] = asdict(growth(sizes, times))
        found["memory"] = asdict(growth(sizes, [memory[size] for size in sizes]))
    return found


def rule(fit: Json) -> str:
    """What it grows by, for people."""
    left = ", without the two smallest sizes" if fit["left_out"] else ""
    return f"size^{fit['exponent']:.2f} (R² {fit['r_squared']:.2f}{left})"


def cells(row: Json) -> list[str]:
    took = row["time"]
    half = f"{digits(took['lower'])}-{digits(took['upper'])}"
    last = [digits(row["cpu"])] if "cpu" in row else []
    return [
        f"{row['size']:,}",
        digits(took["median"]),
        half,
        digits(took["p99"]),
        digits(row["memory_mb"]),
        *last,
    ]


def measure(part: str, most: int, rounds: int) -> Json:
    sizes = {"lines": LINES, "documents": DOCUMENTS, "answers": ANSWERS, "queue": QUEUED}[part]
    some = [size for size in sizes if size <= most]
    if part == "lines":
        return lines(some, rounds)
    if part == "documents":
        with provider(0) as base_url:
            return asyncio.run(documents(some, rounds, base_url))
    if part == "answers":
        return asyncio.run(answers(some, rounds))
    return queue(some, rounds)


PARTS = {
    "lines": "reading and splitting a file of so many lines",
    "documents": "a change, with so many documents open",
    "answers": f"looking up {DIGESTS} answers, of so many on disk",
    "queue": "one request through the limits, of so many at once",
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", action="append", default=[], choices=PARTS)
    parser.add_argument("--most", type=int, default=100_000, help="no size beyond this")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    results: Json = {}
    for part, what in PARTS.items():
        if given.only and part not in given.only:
            continue
        found = results[part] = {"what": what, **measure(part, given.most, given.rounds)}
        print(what)
        rows = [cells(row) for row in found["rows"]]
        more = ["CPU ms"] if found["rows"] and "cpu" in found["rows"][0] else []
        print(table(("", found["unit"], "(half)", "p99", "MB", *more), rows))
        if "time" in found:
            print(f"{found['fitted']}: {rule(found['time'])}; memory: {rule(found['memory'])}\n")
    if given.json:
        given.json.write_text(json.dumps(results, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
