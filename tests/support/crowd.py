"""Many requests of mixed size that all want to go at once, and kibitz's engine under them.

As a process of its own, so that several can share one quota, from the repository's root::

    python -m tests.support.crowd --url URL --rpm 600 --tpm 30000 [--share machine|redis://…]
        [--requests 500] [--process 0 --processes 1]

It loads everything, prints ``ready``, begins when a line comes in on stdin, and prints a ``Result`` as JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from kibitz.provider import wire
from kibitz.provider.call import Call
from kibitz.provider.client import OpenAIClient
from kibitz.provider.config import OpenAIConfig
from kibitz.provider.errors import OpenAIError
from kibitz.provider.limits.machine import MachineQuota
from kibitz.provider.limits.team import TeamQuota
from kibitz.state.database import Database
from kibitz.state.places import database_path

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

KEY = "sk-crowd-0123456789abcdef"
MODEL = "gpt-6-luna"
INSTRUCTIONS = "Answer in one word."
_LINE = "    total = total + values[{}] * weights[{}]  # item {}\n"
_SIZES = ((30, 100), (120, 300), (400, 1200))
"""Between how many tokens a request is long."""
_SHARES = (6, 3, 1)
"""Of ten: most are small, some are big."""


@dataclass(frozen=True, slots=True)
class Wish:
    """One request."""

    number: int
    text: str
    max_tokens: int


@dataclass(slots=True)
class Result:
    """What became of them; times are ``time.monotonic`` of this machine."""

    began: float
    finished: dict[int, float] = field(default_factory=dict)
    """When each one that was answered was."""
    failures: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, text: str) -> Result:
        fields = json.loads(text)
        return cls(fields["began"], {int(n): at for n, at in fields["finished"].items()}, fields["failures"])


def wishes(count: int) -> list[Wish]:
    """The same ones for everyone."""
    chance = random.Random(3)  # noqa: S311 - the same each time is the point
    made = []
    for number in range(count):
        tokens = chance.randint(*chance.choices(_SIZES, _SHARES)[0])
        lines = [f"# {number}\n"]
        while sum(map(len, lines)) < tokens * 4:
            lines.append(_LINE.format(*(chance.randrange(1000) for _ in range(3))))
        made.append(Wish(number, "".join(lines), chance.choice((16, 32, 64))))
    return made


def body(wish: Wish) -> dict[str, Any]:
    """The same request as everyone sends it."""
    turns = [("system", INSTRUCTIONS), ("user", wish.text)]
    return {
        "model": MODEL,
        "messages": [{"role": role, "content": content} for role, content in turns],
        "store": False,
        "max_tokens": wish.max_tokens,
    }


async def all_at_once(
    asked: list[Wish], ask: Callable[[Wish], Awaitable[object]], failure: type[Exception]
) -> Result:
    """Put all of them, and note when each is answered."""
    result = Result(time.monotonic())

    async def one(wish: Wish) -> None:
        try:
            await ask(wish)
        except failure as error:
            result.failures.append(f"{type(error).__name__}: {error}")
        else:
            result.finished[wish.number] = time.monotonic()

    await asyncio.gather(*(one(wish) for wish in asked))
    return result


def begin() -> None:
    """Say that everything is loaded, and wait for the word to begin."""
    print("ready", flush=True)  # noqa: T201 - the protocol with the parent process
    sys.stdin.readline()


async def kibitz(asked: list[Wish], url: str, rpm: int, tpm: int, share: str) -> Result:
    """Through our engine."""
    config = OpenAIConfig(
        api_key=SecretStr(KEY),
        base_url=url,
        model=MODEL,
        requests_per_minute=rpm,
        tokens_per_minute=tpm,
        max_concurrency=64,
    )
    database = Database(database_path())
    quota = MachineQuota(database) if share == "machine" else TeamQuota(share) if share else None

    async with OpenAIClient(config, quota=quota) as client:

        async def ask(wish: Wish) -> object:
            question = wire.Question(
                INSTRUCTIONS, (wire.Message("user", wish.text),), max_output_tokens=wish.max_tokens
            )
            return await client._connection.ask(question, lambda answer: answer.text, Call())

        await client.warm()
        await asyncio.to_thread(begin)
        result = await all_at_once(asked, ask, OpenAIError)
    if quota is not None:
        await quota.aclose()
    await database.aclose()
    return result


def main() -> None:
    parser = argparse.ArgumentParser(prog="crowd")
    parser.add_argument("--url", required=True)
    parser.add_argument("--rpm", type=int, required=True)
    parser.add_argument("--tpm", type=int, required=True)
    parser.add_argument("--share", default="")
    parser.add_argument("--requests", type=int, default=500)
    parser.add_argument("--process", type=int, default=0)
    parser.add_argument("--processes", type=int, default=1)
    given = parser.parse_args()
    asked = wishes(given.requests)[given.process :: given.processes]
    result = asyncio.run(kibitz(asked, given.url, given.rpm, given.tpm, given.share))
    print(json.dumps(asdict(result)))  # noqa: T201 - the protocol with the parent process


if __name__ == "__main__":
    main()
