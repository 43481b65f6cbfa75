"""How well a provider's limits are kept and used, by kibitz and by what others do; judged by llmock.

    python -m benchmarks.limits [--requests 500] [--rpm 600] [--tpm 30000] [--cache FOLDER] [--json FILE]

500 requests of mixed size want to go at once, at 600 requests and 30,000 tokens a minute. Each contender runs
in a process of its own against a simulator of its own, all of them at the same time:

- kibitz's engine; two processes of it that share one quota, through the state database and through Redis;
- the openai SDK with its own retries (``max_retries=8``);
- a naive backoff: full jitter from 0.5 s up to 20 s, ``Retry-After`` ignored, as often as it takes;
- the approach of the OpenAI cookbook's parallel processor, written from its description: two counters that
  fill up steadily, an estimate of each request, 15 s of pause after a 429, five attempts.

"Used" is what was let in, as a share of what the simulator's buckets could have given up to then (full at the
start, filling up since); the larger one of both is the limit that binds. "Late" is by how much the slowest
request missed the moment at which a perfect queue, first come first served, would have let it go.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import random
import sys
import tempfile
import time
from contextlib import ExitStack, redirect_stdout
from dataclasses import asdict
from pathlib import Path
from typing import Any

import openai

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.support import crowd
from tests.support.contest import Contender, Score, arguments
from tests.support.crowd import Result, Wish
from tests.support.llmock import MINUTE, Llmock, install
from tests.support.redis_server import RedisServer

# What others do


def sdk(url: str, retries: int) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(api_key=crowd.KEY, base_url=url, max_retries=retries)


async def send(client: openai.AsyncOpenAI, wish: Wish) -> None:
    await client.chat.completions.create(**crowd.body(wish))


async def the_sdk_alone(asked: list[Wish], url: str, _rpm: int, _tpm: int) -> Result:
    client = sdk(url, retries=8)
    crowd.begin()
    return await crowd.all_at_once(asked, lambda wish: send(client, wish), openai.OpenAIError)


async def naive_backoff(asked: list[Wish], url: str, _rpm: int, _tpm: int) -> Result:
    client = sdk(url, retries=0)

    async def ask(wish: Wish) -> None:
        attempt = 0
        while True:
            try:
                return await send(client, wish)
            except openai.RateLimitError:
                await asyncio.sleep(random.uniform(0, min(20.0, 0.5 * 2**attempt)))  # noqa: S311 - not for secrets
                attempt += 1

    crowd.begin()
    return await crowd.all_at_once(asked, ask, openai.OpenAIError)


async def cookbook(asked: list[Wish], url: str, rpm: int, tpm: int) -> Result:
    """One loop that looks every millisecond whether the next request fits; what failed goes first."""
    client = sdk(url, retries=0)
    crowd.begin()
    result = Result(time.monotonic())
    waiting = [(wish, 5) for wish in asked]
    again: list[tuple[Wish, int]] = []
    requests, tokens = float(rpm), float(tpm)
    updated, refused_at = time.monotonic(), float("-inf")
    under_way: set[asyncio.Task[None]] = set()

    async def one(wish: Wish, left: int) -> None:
        nonlocal refused_at
        try:
            await send(client, wish)
        except openai.OpenAIError as error:
            if isinstance(error, openai.RateLimitError):
                refused_at = time.monotonic()
            if left > 1:
                again.append((wish, left - 1))
            else:
                result.failures.append(type(error).__name__)
        else:
            result.finished[wish.number] = time.monotonic()

    while waiting or again or under_way:
        now = time.monotonic()
        requests = min(rpm, requests + rpm * (now - updated) / MINUTE)
        tokens = min(tpm, tokens + tpm * (now - updated) / MINUTE)
        updated = now
        queue = again or waiting
        if queue and now - refused_at >= 15:
            wish, left = queue[0]
            # Four tokens around each message, as it counts; the text at four characters a token.
            cost = (len(crowd.INSTRUCTIONS) + len(wish.text)) / 4 + 10 + wish.max_tokens
            if requests >= 1 and tokens >= cost:
                queue.pop(0)
                requests, tokens = requests - 1, tokens - cost
                task = asyncio.create_task(one(wish, left))
                under_way.add(task)
                task.add_done_callback(under_way.discard)
        await asyncio.sleep(0.001)
    return result


OTHERS = {"sdk": the_sdk_alone, "naive": naive_backoff, "cookbook": cookbook}


def contend(name: str, count: int, url: str, rpm: int, tpm: int) -> None:
    result = asyncio.run(OTHERS[name](crowd.wishes(count), url, rpm, tpm))
    print(json.dumps(asdict(result)))


# The run


def run(count: int, rpm: int, tpm: int, program: Path) -> list[Score]:
    asked = crowd.wishes(count)
    with ExitStack() as stack:
        with redirect_stdout(io.StringIO()):
            redis = stack.enter_context(RedisServer(Path(stack.enter_context(tempfile.TemporaryDirectory()))))

        def server() -> Llmock:
            return stack.enter_context(Llmock(program, requests_per_minute=rpm, tokens_per_minute=tpm))

        def ours(who: str, processes: int, share: str = "") -> Contender:
            return stack.enter_context(Contender.kibitz(who, server(), count, processes, share))

        def others(who: str, name: str) -> Contender:
            at = server()
            command = ["benchmarks.limits", "--contender", name, *arguments(at, count)]
            return stack.enter_context(Contender(who, [command], at))

        contenders = [
            ours("kibitz", 1),
            ours("kibitz, 2 processes, file", 2, "machine"),
            ours("kibitz, 2 processes, Redis", 2, redis.url),
            others("the SDK, max_retries=8", "sdk"),
            others("naive backoff", "naive"),
            others("the cookbook's way", "cookbook"),
        ]
        for contender in contenders:
            contender.begin()
        return [contender.score(asked) for contender in contenders]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--requests", type=int, default=500)
    parser.add_argument("--rpm", type=int, default=600)
    parser.add_argument("--tpm", type=int, default=30_000)
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "kibitz")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--contender", choices=OTHERS, help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.contender:
        contend(given.contender, given.requests, given.url, given.rpm, given.tpm)
        return 0
    scores = run(given.requests, given.rpm, given.tpm, install(given.cache / "llmock"))
    print(f"{given.requests} requests of mixed size at {given.rpm} requests and {given.tpm} tokens a minute")
    print(
        f"{'':<28}{'answered':>9}{'failed':>8}{'429':>8}{'tokens':>10}{'requests':>10}"
        f"{'last, s':>9}{'late, s':>8}"
    )
    kept = True
    for score in scores:
        print(row(score))
        if score.who.startswith("kibitz"):
            kept &= score.refused == score.failed == 0 and score.used >= 0.95 and "PASS" in score.verdict
    for score in scores:
        print(f"\n{score.who}: {summary(score.verdict)}")
    if given.json:
        results: dict[str, Any] = {"requests": given.requests, "rpm": given.rpm, "tpm": given.tpm}
        given.json.write_text(json.dumps(results | {"scores": [asdict(s) for s in scores]}, indent=2) + "\n")
    print("all limits kept" if kept else "A LIMIT IS EXCEEDED")
    return 0 if kept else 1


def row(score: Score) -> str:
    return (
        f"{score.who:<28}{score.answered:>9}{score.failed:>8}{score.refused:>8}{score.tokens_used:>10.1%}"
        f"{score.requests_used:>10.1%}{score.longest_wait:>9.1f}{score.late:>8.1f}"
    )


def summary(verdict: str) -> str:
    """The verdict's head, and each kind of finding once."""
    head, _, rest = verdict.partition("\n")
    kinds: dict[str, int] = {}
    for line in rest.splitlines():
        words = line.split()
        if words and words[0] in {"PASS", "FAIL", "WARN"}:
            kind = "PASS" if words[0] == "PASS" else " ".join(words[:2])
            kinds[kind] = kinds.get(kind, 0) + 1
    return head + "; " + ", ".join(f"{kind} ({times})" for kind, times in kinds.items())


if __name__ == "__main__":
    raise SystemExit(main())
