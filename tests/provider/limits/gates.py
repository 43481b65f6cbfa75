"""Gates under test, who goes through them, and a shared quota that lives in memory."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kibitz.provider.limits.bucket import Bucket
from kibitz.provider.limits.gate import Gate
from kibitz.provider.limits.priority import Priority, Urgency

if TYPE_CHECKING:
    from collections.abc import Callable

    from kibitz.provider.limits.quota import Limits, SharedQuota

FOREVER = 1e9


def now() -> float:
    """The loop's time in seconds."""
    return asyncio.get_running_loop().time()


def open_gate(
    *,
    requests: float = 60_000,
    tokens: float = 6_000_000,
    concurrency: int = 1000,
    quota: SharedQuota | None = None,
    uniform: Callable[[float, float], float] | None = None,
) -> Gate:
    """A gate for a provider that answered already, and tells nothing of its limits."""
    gate = Gate(
        requests_per_minute=requests,
        tokens_per_minute=tokens,
        max_concurrency=concurrency,
        quota=quota,
        scope="scope",
        uniform=uniform or random.Random(5).uniform,  # noqa: S311 - to be the same each time
    )
    gate.succeeded()
    return gate


async def go(
    gate: Gate,
    tokens: float,
    done: Callable[[], None] = lambda: None,
    *,
    used: float | None = None,
    lasts: float = 0.0,
    urgency: Urgency | None = None,
    longest_pause: float = FOREVER,
) -> None:
    """One request; ``done`` is called when it is let in."""
    urgency = urgency or Urgency(Priority.FOCUSED)
    async with gate.admit(tokens, urgency=urgency, longest_pause=longest_pause) as permit:
        done()
        await asyncio.sleep(lasts)
        if used is not None:
            permit.settle(used)


@dataclass
class MemoryQuota:
    """A ``SharedQuota`` of one process, which takes its time to answer."""

    delay: float = 0.0
    clash: Exception | None = None
    """What it raises, against all promises."""
    held: float = 0.0
    """Tokens taken and not given back."""
    requests_taken: int = 0
    asked: list[float] = field(default_factory=list)
    limits: Limits | None = None
    scopes: set[str] = field(default_factory=set)
    paused_until: float = 0.0
    sharers: int = 1
    least: float = 0.0
    _buckets: tuple[Bucket, Bucket] | None = None

    async def take(self, scope: str, tokens: float, limits: Limits) -> float:
        self.scopes.add(scope)
        self.asked.append(tokens)
        await asyncio.sleep(self.delay)
        if self.clash is not None:
            raise self.clash
        self.limits = limits
        if self._buckets is None:
            self._buckets = (
                Bucket(limits.requests_per_minute, limits.requests_per_minute / 60),
                Bucket(limits.tokens_per_minute, limits.tokens_per_minute / 60),
            )
        requests, left = self._buckets
        wait = max(0.0, requests.wait_for(1), left.wait_for(tokens), self.paused_until - now())
        if wait == 0:
            requests.charge(1)
            left.charge(tokens)
            self.held += tokens
            self.requests_taken += 1
        return wait

    async def settle(self, scope: str, tokens: float, least: float = 0.0) -> None:
        self.scopes.add(scope)
        await asyncio.sleep(self.delay)
        self.held += tokens
        self.least = max(self.least, least)
        if self._buckets is not None:
            self._buckets[1].charge(tokens)

    async def pause(self, scope: str, seconds: float) -> None:
        self.scopes.add(scope)
        await asyncio.sleep(self.delay)
        self.paused_until = max(self.paused_until, now() + seconds)

    def processes(self, scope: str) -> int:
        self.scopes.add(scope)
        return self.sharers

    async def aclose(self) -> None:
        """Nothing to let go of."""
