"""A process that takes from a shared quota, for tests of several: ``python -m tests.support.quota_worker``.

Reads its ``Job`` from standard input, says ``ready``, and works once it reads until when. Prints a ``Taken``.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import time
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from kibitz.provider.limits.machine import MachineQuota
from kibitz.provider.limits.quota import Limits
from kibitz.provider.limits.team import TeamQuota
from kibitz.state.database import Database

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from kibitz.provider.limits.ledger import LedgerQuota

_ROOT = Path(__file__).parents[2]
SCOPE = "0123abcd"


@dataclass(frozen=True, slots=True)
class Job:
    """What to take, from where."""

    place: str
    """The URL of a Redis server, or the path of a state database."""
    sizes: tuple[float, ...]
    """Tokens of one request after the other, over and over."""
    requests_per_minute: float
    tokens_per_minute: float
    speed: float = 1.0
    """How much faster than real the clock runs; 0: it stands still (a state database alone)."""
    patient: bool = True
    """Asks again after a refusal; else the first one ends it."""

    @asynccontextmanager
    async def quota(self) -> AsyncIterator[LedgerQuota]:
        """The quota of this job."""
        async with AsyncExitStack() as stack:
            if self.place.startswith("redis:"):
                quota: LedgerQuota = TeamQuota(self.place)
            else:
                database = Database(Path(self.place))
                stack.push_async_callback(database.aclose)
                quota = MachineQuota(database, clock=self.now)
            stack.push_async_callback(quota.aclose)
            yield quota

    @property
    def limits(self) -> Limits:
        return Limits(self.requests_per_minute, self.tokens_per_minute)

    def now(self) -> float:
        """The job's own time."""
        return time.monotonic() * self.speed


@dataclass(slots=True)
class Taken:
    """What one process got."""

    requests: int = 0
    tokens: float = 0.0
    last: float = 0.0
    """The job's time after the last that it got."""


class Worker:
    """One such process, from the test's side."""

    def __init__(self, job: Job) -> None:
        self._job = job

    async def __aenter__(self) -> Self:
        self.process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", __name__),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            cwd=_ROOT,
        )
        await self._say(asdict(self._job))
        assert await self._heard() == b"ready\n"
        return self

    async def __aexit__(self, *_exc: object) -> None:
        if self.process.returncode is None:
            self.process.kill()
        assert self.process.stdin
        self.process.stdin.close()
        await self.process.wait()

    async def go(self, until: float) -> None:
        """Let it work until the job's time is that."""
        await self._say(until)

    async def taken(self) -> Taken:
        """What it got in the end."""
        return Taken(**json.loads(await self._heard()))

    async def _say(self, what: object) -> None:
        assert self.process.stdin
        self.process.stdin.write(json.dumps(what).encode() + b"\n")
        await self.process.stdin.drain()

    async def _heard(self) -> bytes:
        assert self.process.stdout
        return await self.process.stdout.readline()


async def _work(job: Job) -> Taken:
    async with job.quota() as quota:
        # The first question opens what has to be opened.
        await quota.settle("another scope", 0.0)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        until = json.loads(await asyncio.to_thread(sys.stdin.readline))
        taken, sizes = Taken(), itertools.cycle(job.sizes)
        while job.now() < until:
            tokens = next(sizes)
            while wait := await quota.take(SCOPE, tokens, job.limits):
                if not job.patient:
                    return taken
                await asyncio.sleep(wait / job.speed)
            taken.requests += 1
            taken.tokens += tokens
            taken.last = job.now()
        return taken


def main() -> None:
    """Be the process."""
    given = json.loads(sys.stdin.readline())
    sys.stdout.write(json.dumps(asdict(asyncio.run(_work(Job(**given))))) + "\n")


if __name__ == "__main__":
    main()
