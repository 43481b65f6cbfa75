"""Whatever comes, in whatever order: never over quota, in order, nothing leaked, everybody ends."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.provider.limits.gates import MemoryQuota, now, open_gate
from tests.support import virtual_time

from kibitz.provider.errors import RateLimitExceeded
from kibitz.provider.limits.allowance import Allowance
from kibitz.provider.limits.priority import Priority, Urgency
from kibitz.provider.limits.quota import Limits

if TYPE_CHECKING:
    from kibitz.provider.limits.allowance import Taken


@dataclass(frozen=True)
class Visitor:
    """One request: when it comes, how it behaves. Times in seconds."""

    comes: float
    tokens: int
    priority: Priority
    lasts: float
    ends: str
    """How: answered, refused, or never sent."""
    uses: float
    """Share of ``tokens``."""
    cancelled_after: float | None
    rises_after: float | None
    longest_pause: float


@dataclass(frozen=True)
class Setting:
    requests: int
    tokens: int
    concurrency: int
    shared: bool
    pauses: list[tuple[float, float]]
    """When, and for how long."""


MOMENTS = st.integers(0, 1_000).map(lambda tenths: tenths / 10)
VISITORS = st.lists(
    st.builds(
        Visitor,
        comes=MOMENTS,
        tokens=st.integers(0, 5_000),
        priority=st.sampled_from(Priority),
        lasts=st.floats(0, 20),
        ends=st.sampled_from(["answered", "answered", "refused", "unused"]),
        uses=st.floats(0, 2),
        cancelled_after=st.none() | st.floats(0, 60),
        rises_after=st.none() | st.floats(0, 30),
        longest_pause=st.sampled_from([1.0, 30.0, 1e9]),
    ),
    min_size=1,
    max_size=30,
)
SETTINGS = st.builds(
    Setting,
    requests=st.integers(2, 200),
    tokens=st.integers(500, 20_000),
    concurrency=st.integers(1, 8),
    shared=st.booleans(),
    pauses=st.lists(st.tuples(MOMENTS, st.floats(0, 50)), max_size=3),
)


class Watched(Allowance):
    """Keeps books of its own, in full minutes, and finds fault with whoever is let in over quota."""

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits, now)
        self._books = [[limits.requests_per_minute, 0.0], [limits.tokens_per_minute, 0.0]]
        self._at = now()

    def take(self, tokens: float, at_most: float) -> Taken:
        self._book(1, tokens)
        for limit, level in self._books:
            assert level <= limit + 1e-3 or level - tokens <= 1e-3, "over quota"
        return super().take(tokens, at_most)

    def settle(self, difference: float) -> None:
        self._book(0, difference)
        super().settle(difference)

    def unsent(self, taken: Taken) -> None:
        self._book(-1, 0)
        super().unsent(taken)

    def _book(self, *amounts: float) -> None:
        passed, self._at = now() - self._at, now()
        for book, amount in zip(self._books, amounts, strict=True):
            limit, level = book
            book[1] = max(0.0, max(0.0, level - passed * limit / 60) + amount)


@settings(max_examples=60, deadline=None)
@given(VISITORS, SETTINGS)
def test_a_gate_keeps_its_promises(visitors: list[Visitor], setting: Setting) -> None:
    in_order(virtual_time.run(visited(visitors, setting)), visitors)


async def visited(visitors: list[Visitor], setting: Setting) -> list[int]:
    quota = MemoryQuota(delay=0.003) if setting.shared else None
    gate = open_gate(
        requests=setting.requests, tokens=setting.tokens, concurrency=setting.concurrency, quota=quota
    )
    gate._allowance = Watched(Limits(setting.requests, setting.tokens))
    gate.succeeded()
    admitted, used = list[int](), 0.0
    paused: list[tuple[float, float]] = []
    urgencies = [Urgency(visitor.priority) for visitor in visitors]

    async def visit(i: int, visitor: Visitor) -> None:
        nonlocal used
        await asyncio.sleep(visitor.comes)
        if visitor.rises_after is not None:
            asyncio.get_running_loop().call_later(
                visitor.rises_after, urgencies[i].rise_to, Priority.EXPLICIT
            )
        try:
            async with asyncio.timeout(visitor.cancelled_after):
                async with gate.admit(
                    visitor.tokens, urgency=urgencies[i], longest_pause=visitor.longest_pause
                ) as permit:
                    admitted.append(i)
                    assert not any(begins < now() < ends for begins, ends in paused), "nobody goes in a pause"
                    used += visitor.tokens
                    await asyncio.sleep(visitor.lasts)
                    if visitor.ends == "answered":
                        permit.settle(visitor.tokens * visitor.uses)
                        used += visitor.tokens * visitor.uses - visitor.tokens
                        gate.succeeded()
                    elif visitor.ends == "refused":
                        gate.throttled()
                    else:
                        permit.unused()
                        used -= visitor.tokens
        except TimeoutError:
            assert visitor.cancelled_after is not None
        except RateLimitExceeded:
            # Others may be in debt for longer than it can wait.
            assert paused or setting.shared

    async def pause(at: float, seconds: float) -> None:
        await asyncio.sleep(at)
        # Who was let in at this very moment may only notice now.
        paused.append((now() + 1e-3, now() + seconds))
        gate.pause(seconds)

    await asyncio.gather(
        *(visit(i, visitor) for i, visitor in enumerate(visitors)),
        *(pause(at, seconds) for at, seconds in setting.pauses),
    )
    await gate.aclose()
    status = gate.status()
    assert (status.in_flight, status.queued) == (0, 0)
    assert 1 <= status.concurrency <= setting.concurrency
    assert not any(urgency._listeners for urgency in urgencies)
    assert gate._line.head is None
    if quota is not None:
        assert quota.held == pytest.approx(used, abs=1e-3), "nothing of the shared quota is lost"
    await asyncio.sleep(1e6)
    bucket = gate._allowance._tokens
    assert bucket.remaining == bucket.max_rate
    return admitted


def in_order(admitted: list[int], visitors: list[Visitor]) -> None:
    """Those of one priority go in the order in which they came, but for those who rose."""
    for priority in Priority:
        came = [
            visitors[i].comes
            for i in admitted
            if visitors[i].priority is priority and visitors[i].rises_after is None
        ]
        assert came == sorted(came)
