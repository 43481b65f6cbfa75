"""Waits for a job on another machine."""

import asyncio
import time
from collections.abc import Awaitable, Callable

Status = Callable[[], Awaitable[str]]


async def finished(status: Status, *, timeout: float, pause: float = 1.0) -> bool:
    """Whether a job ends within ``timeout`` seconds; other tasks of the loop run meanwhile.

    ``status`` asks for the job's state, which is ``done`` at the end.
    """
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if await status() == "done":
            return True
        await asyncio.sleep(pause)
    return False


async def all_finished(jobs: list[Status], *, timeout: float) -> bool:
    """Whether all jobs end in time; they are watched side by side."""
    return all(await asyncio.gather(*(finished(job, timeout=timeout) for job in jobs)))
