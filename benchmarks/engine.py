"""What a request costs this machine beside the network: CPU of the engine, of the SDK alone, and ours.

    python -m benchmarks.engine [--requests 2000] [--json FILE]

The provider is a transport in memory under the SDK, so no socket, no TLS, no waiting. The SDK alone sends the
same body and reads the same answer over the same transport; what the engine takes beyond that is ours:
limits, retries, keys, breaker, accounting, the hardened transport, the strict reading of the answer. A review
adds what is done with code: redaction, anchors, the gate of a fix. CPU is that of the whole process, threads
included.
All take turns in blocks, so that whatever else the machine does falls on each of them.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import statistics
import sys
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2
import openai
from pydantic import SecretStr

sys.path.insert(0, str(Path(__file__).parents[1]))

from kibitz.findings.prompt import list_review
from kibitz.provider import wire
from kibitz.provider.call import Call
from kibitz.provider.client import OpenAIClient
from kibitz.provider.config import OpenAIConfig, RetryConfig
from kibitz.provider.models import Piece
from kibitz.provider.questions import decoded, question_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

BLOCK = 64
"""Requests between two looks at the clock."""
MAX_OURS_MS = 1.0
MAX_STALL_MS = 10.0
CODE = '''\
def mean(values: list[float]) -> float:
    """The arithmetic mean; 0.0 for an empty list."""
    total = 0.0
    for value in values:
        total += value
    return total / len(value)
''' + "".join(f"\n\ndef field_{i}(row: Row) -> str:\n    return row.cells[{i}].strip()\n" for i in range(8))
FINDING = {
    "rule": "wrong-value",
    "start_line": 6,
    "quote": "    return total / len(value)",
    "title": "Divides by the length of the last value",
    "trigger": "mean([1.0, 2.0]) raises TypeError.",
    "severity": "error",
    "confidence": "certain",
    "replacement": "    return total / len(values)",
}
HEADERS = {
    "content-type": "application/json",
    "x-request-id": "req_benchmark",
    "x-ratelimit-limit-requests": "100000",
    "x-ratelimit-limit-tokens": "100000000",
    "x-ratelimit-remaining-requests": "99999",
    "x-ratelimit-remaining-tokens": "99990000",
    "x-ratelimit-reset-requests": "1ms",
    "x-ratelimit-reset-tokens": "6ms",
}


class InMemory(httpx2.AsyncBaseTransport):
    """Answers at once, or after ``seconds``."""

    seconds = 0.0

    def __init__(self, **_: Any) -> None:
        text = json.dumps({"findings": [FINDING]})
        part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
        message = {"id": "msg", "type": "message", "role": "assistant", "status": "completed"}
        answer = {
            "id": "resp",
            "object": "response",
            "created_at": 1,
            "status": "completed",
            "model": "gpt-6-luna",
            "output": [{**message, "content": [part]}],
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
            "usage": {
                "input_tokens": 2000,
                "input_tokens_details": {"cached_tokens": 1500},
                "output_tokens": 120,
                "output_tokens_details": {"reasoning_tokens": 20},
                "total_tokens": 2120,
            },
        }
        self._answer = json.dumps(answer).encode()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        async for _ in request.stream:  # type: ignore[union-attr]  # an asynchronous client's stream is one
            pass
        await asyncio.sleep(self.seconds)
        return httpx2.Response(200, headers=HEADERS, stream=_Body(self._answer))


class _Body(httpx2.AsyncByteStream):
    def __init__(self, data: bytes) -> None:
        self._data = data

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._data


@contextmanager
def no_network() -> Iterator[None]:
    """Every client that is built inside talks to memory."""
    real = httpx2.AsyncHTTPTransport
    httpx2.AsyncHTTPTransport = InMemory  # type: ignore[assignment,misc]  # the point of this function
    try:
        yield
    finally:
        httpx2.AsyncHTTPTransport = real  # type: ignore[misc]  # see above


@dataclass(frozen=True, slots=True)
class Spread:
    """Milliseconds of CPU per request."""

    median: float
    lower: float
    """A quarter of the blocks took less."""
    upper: float

    @classmethod
    def of(cls, values: list[float]) -> Spread:
        lower, median, upper = statistics.quantiles(values, n=4)
        return cls(median, lower, upper)

    def __str__(self) -> str:
        return f"{self.median:7.2f}  ({self.lower:.2f} to {self.upper:.2f})"


def config() -> OpenAIConfig:
    return OpenAIConfig(
        api_key=SecretStr("sk-benchmark-0123456789"),
        requests_per_minute=1_000_000,
        tokens_per_minute=1_000_000_000,
        max_concurrency=64,
        retry_config=RetryConfig(max_retries=0),
    )


def question() -> wire.Question:
    return question_of(list_review((Piece(CODE, "python"),)).request)


async def cpu_of(call: Callable[[], Awaitable[object]], width: int) -> float:
    """Milliseconds per call of one block, ``width`` of them side by side."""

    async def some() -> None:
        for _ in range(BLOCK // width):
            await call()

    began = time.process_time()
    await asyncio.gather(*(some() for _ in range(width)))
    return (time.process_time() - began) * 1000 / BLOCK


async def compare(requests: int, width: int) -> dict[str, Spread]:
    """The engine, the reviewing client around it, and the SDK alone."""
    chosen = config()
    asked = list_review((Piece(CODE, "python"),))
    body = wire.body_of(question(), chosen, wire.Dialect.of(chosen))
    alone = openai.AsyncOpenAI(
        api_key="sk-benchmark-0123456789",
        max_retries=0,
        http_client=httpx2.AsyncClient(transport=InMemory()),
    )
    with no_network():
        client = OpenAIClient(chosen)
        await client.warm()
    engine = client._connection  # noqa: SLF001 - what is measured has no public way in

    async def sdk() -> object:
        raw = await alone.responses.with_raw_response.create(**body)
        return json.loads(raw.content)

    async def ask() -> object:
        return await engine.ask(question_of(asked.request), decoded(asked.parse), Call())

    async def review() -> object:
        analysis = await client.process_code(CODE)
        assert analysis.findings[0].fix is not None
        return analysis

    calls = {"SDK": sdk, "engine": ask, "review": review}
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        await cpu_of(call, width)
    for _ in range(max(requests // BLOCK, 8)):
        for name, call in calls.items():
            taken[name].append(await cpu_of(call, width))
    await client.aclose()
    await alone.close()
    blocks = list(zip(*taken.values(), strict=True))
    return {
        "the SDK alone": Spread.of(taken["SDK"]),
        "the engine": Spread.of(taken["engine"]),
        "a review by it": Spread.of(taken["review"]),
        "ours in the engine": Spread.of([engine - sdk for sdk, engine, _ in blocks]),
        "ours in a review": Spread.of([review - sdk for sdk, _, review in blocks]),
    }


async def longest_stall(calls: int, width: int, seconds: float, *, alone: bool) -> float:
    """Milliseconds for which the event loop did nothing else, while so many calls are under way."""
    chosen = config()
    body = wire.body_of(question(), chosen, wire.Dialect.of(chosen))
    with no_network():
        client = OpenAIClient(chosen)
        await client.warm()
        sdk = openai.AsyncOpenAI(
            api_key="sk-benchmark", max_retries=0, http_client=httpx2.AsyncClient(transport=InMemory())
        )

    async def once() -> None:
        if alone:
            await sdk.responses.with_raw_response.create(**body)
        else:
            await client.process_code(CODE)

    await once()
    # As the server does once everything is loaded: a full look for garbage would take 60 ms, each time.
    gc.collect()
    gc.freeze()
    InMemory.seconds = seconds
    worst = 0.0

    async def watch() -> None:
        nonlocal worst
        while True:
            began = time.perf_counter()
            await asyncio.sleep(0)
            worst = max(worst, time.perf_counter() - began)

    async def some(count: int) -> None:
        for _ in range(count):
            await once()

    watcher = asyncio.create_task(watch())
    await asyncio.gather(*(some(calls // width) for _ in range(width)))
    watcher.cancel()
    InMemory.seconds = 0.0
    gc.unfreeze()
    await client.aclose()
    await sdk.close()
    return worst * 1000


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    results: dict[str, Any] = {}
    kept = True
    for width in (1, 64):
        print(
            f"CPU per request, {width} side by side, ms: median (middle half), {arguments.requests} requests"
        )
        measured = asyncio.run(compare(arguments.requests, width))
        for name, spread in measured.items():
            print(f"  {name:<22}{spread}")
        results[f"cpu_ms_{width}_wide"] = {name: asdict(spread) for name, spread in measured.items()}
        kept &= measured["ours in the engine"].median < MAX_OURS_MS
    for name, alone in (("the SDK alone", True), ("kibitz", False)):
        stalls = [asyncio.run(longest_stall(300, 64, 0.2, alone=alone)) for _ in range(7)]
        print(f"longest stall of the loop, 300 calls 64 wide, {name}: {statistics.median(stalls):.1f} ms")
        results[f"stall_ms {name}"] = stalls
    kept &= statistics.median(results["stall_ms kibitz"]) < MAX_STALL_MS
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2) + "\n")
    print("all limits kept" if kept else "A LIMIT IS EXCEEDED")
    return 0 if kept else 1


if __name__ == "__main__":
    raise SystemExit(main())
