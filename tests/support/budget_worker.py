"""A process that spends from a shared budget: ``python -m tests.support.budget_worker``.

Reads its ``Job`` from standard input, says ``ready``, and spends once it reads a line, until it is refused.
Prints how many requests it sent, and what they cost.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from kibitz.provider.errors import RateLimitExceeded
from kibitz.provider.fallback import BUDGET
from kibitz.provider.purse import Planned, Purse
from kibitz.provider.usage import Usage
from kibitz.state.database import Database
from kibitz.telemetry.budget import Budget
from kibitz.telemetry.caps import Cap
from kibitz.telemetry.ledger import Ledger
from kibitz.telemetry.ledger_table import dollars

_ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)
"""The hour in which all of it happens, whatever the clock says."""


@dataclass(frozen=True, slots=True)
class Job:
    """What to spend, from where."""

    path: str
    """Of the state database."""
    cap_pico: int
    estimate_pico: int
    """The most that a request may cost."""
    seed: int
    """Of what each does cost, which is up to that."""
    at_once: int = 4
    stall: bool = False
    """Whether to stop with everything held, and book nothing."""


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

    async def go(self) -> None:
        """Let it spend."""
        await self._say("go")

    async def spent(self) -> tuple[int, int]:
        """How many requests it sent, and for how many pico-dollars."""
        requests, pico = json.loads(await self._heard())
        return requests, pico

    async def _say(self, what: object) -> None:
        assert self.process.stdin
        self.process.stdin.write(json.dumps(what).encode() + b"\n")
        await self.process.stdin.drain()

    async def _heard(self) -> bytes:
        assert self.process.stdout
        return await self.process.stdout.readline()


async def _work(job: Job) -> tuple[int, int]:
    database = Database(Path(job.path), busy_s=20.0)
    ledger = Ledger(database, now=lambda: NOW)
    budget = Budget(ledger, database, [Cap("usd", "day", job.cap_pico)])
    purse, rng = Purse(ledger, budget), random.Random(job.seed)  # noqa: S311 - what a test spends
    await budget.standing()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.readline)
    sent = [0, 0]
    planned = Planned("gpt", "findings", Usage(1, 1000, cost_usd=dollars(job.estimate_pico)), 60.0)

    async def spend() -> None:
        while True:
            try:
                hold = await purse.hold(planned)
            except RateLimitExceeded as error:
                if error.code == BUDGET:
                    return
                raise
            if job.stall:
                sent[0] += 1
                continue
            await asyncio.sleep(0)  # a request is under way
            cost = rng.randint(job.estimate_pico // 2, job.estimate_pico)
            sent[0], sent[1] = sent[0] + 1, sent[1] + cost
            hold.settle(Usage(1, 1000, cost_usd=dollars(cost)))

    await asyncio.gather(*(spend() for _ in range(1 if job.stall else job.at_once)))
    if not job.stall:
        await ledger.aclose()
    await budget.aclose()
    await database.aclose()
    return sent[0], sent[1]


def main() -> None:
    """Be the process."""
    given = json.loads(sys.stdin.readline())
    sys.stdout.write(json.dumps(asyncio.run(_work(Job(**given)))) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
