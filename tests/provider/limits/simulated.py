"""A provider with exact quotas in virtual time, and what a client has from it.

Like llmock's, and as OpenAI describes its own: one bucket of requests and one of tokens, full at first, a
minute's worth large, refilled continuously; a request that finds too little in either is refused. It takes
time to arrive and to be answered, more or less each time. What is counted for a request differs among
providers: ``Counting``.
"""

from __future__ import annotations

import asyncio
import enum
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

MINUTE = 60.0


class Counting(enum.Enum):
    """What a request takes from the bucket of tokens."""

    AT_MOST = "its input and the longest answer allowed, for good"
    REFUNDED = "the same, less what the answer was shorter by, at its end"
    ACTUAL = "its input at first, and its answer at its end"


@dataclass(frozen=True)
class Request:
    """Sizes in tokens."""

    input: int
    output: int
    allowed: int
    """The longest answer allowed."""

    @property
    def used(self) -> int:
        return self.input + self.output

    @property
    def at_most(self) -> int:
        return self.input + self.allowed


@dataclass
class Level:
    """One exact bucket."""

    per_minute: float

    def __post_init__(self) -> None:
        self.left = self.per_minute
        self._at = now()

    def fill(self) -> None:
        moment = now()
        self.left = min(self.per_minute, self.left + (moment - self._at) * self.per_minute / MINUTE)
        self._at = moment


class Refused(Exception):  # noqa: N818 - a 429 is an answer
    """A 429: ``retry_after`` seconds."""

    def __init__(self, retry_after: float, headers: dict[str, str]) -> None:
        super().__init__("429")
        self.retry_after = retry_after
        self.headers = headers


@dataclass
class Provider:
    """Counts, refuses, and answers with headers."""

    chance: random.Random
    requests_per_minute: float = 600
    tokens_per_minute: float = 30_000
    counting: Counting = Counting.AT_MOST
    travel: Callable[[random.Random], float] = lambda r: r.uniform(0.02, 0.2)
    """Seconds until a request arrives."""
    latency: Callable[[random.Random], float] = lambda r: r.lognormvariate(math.log(2.0), 0.6)
    """Seconds until it is answered."""
    headers: bool = True
    late_headers: bool = False
    """Whether they tell what is left at the end of an answer, not at its beginning."""

    def __post_init__(self) -> None:
        self.requests = Level(self.requests_per_minute)
        self.tokens = Level(self.tokens_per_minute)
        self.refused = 0
        self.admitted: list[float] = []
        self.under_way = 0
        self.most_under_way = 0

    async def answer(self, request: Request) -> dict[str, str]:
        """The headers of an answer.

        Raises:
            Refused: over quota.
        """
        await asyncio.sleep(self.travel(self.chance))
        count = request.input if self.counting is Counting.ACTUAL else request.at_most
        self._admit(count)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        said = self._headers()
        await asyncio.sleep(self.latency(self.chance))
        self.under_way -= 1
        if self.counting is not Counting.AT_MOST:
            self.tokens.fill()
            self.tokens.left -= request.used - count
        return self._headers() if self.late_headers else said

    def _admit(self, count: float) -> None:
        self.requests.fill()
        self.tokens.fill()
        missing = max(
            (1 - self.requests.left) / self.requests_per_minute,
            (count - self.tokens.left) / self.tokens_per_minute,
        )
        if missing > 0:
            self.refused += 1
            raise Refused(missing * MINUTE, self._headers())
        self.requests.left -= 1
        self.tokens.left -= count
        self.admitted.append(now())

    def _headers(self) -> dict[str, str]:
        if not self.headers:
            return {}
        said = {}
        for name, level in (("requests", self.requests), ("tokens", self.tokens)):
            level.fill()
            said[f"x-ratelimit-limit-{name}"] = f"{level.per_minute:.0f}"
            said[f"x-ratelimit-remaining-{name}"] = str(max(0, math.floor(level.left)))
            said[f"x-ratelimit-reset-{name}"] = duration(
                (level.per_minute - level.left) / level.per_minute * MINUTE
            )
        return said


def duration(seconds: float) -> str:
    """As OpenAI writes it: ``20ms``, ``1.25s``, ``6m0s``."""
    if seconds < 1:
        return f"{max(0, round(seconds * 1000))}ms"
    minutes, rest = divmod(seconds, MINUTE)
    return f"{int(minutes)}m{rest:.0f}s" if minutes else f"{rest:.3g}s"


def now() -> float:
    return asyncio.get_running_loop().time()
