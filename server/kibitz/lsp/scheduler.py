"""When each document is reviewed: one owned task per document, a trailing debounce, the newest text wins."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from kibitz.lsp.clock import Clock, Timer


class Work(Protocol):
    """What is scheduled."""

    def wanted(self, key: str) -> bool:
        """Whether there is anything to do for ``key`` that is not done, or being done, already."""

    async def work(self, key: str, take_over: Callable[[], None]) -> None:
        """Do it. Cancelled when something newer has taken over.

        ``take_over`` cancels older work for the same key. It is to be called as soon as nothing is needed of
        that any more; until then the two may share what they wait for.
        """


@dataclass(slots=True, eq=False)
class _Slot:
    first: float | None = None
    """When the typing began that has not been reviewed yet."""
    timer: Timer | None = None
    task: asyncio.Task[None] | None = None
    """The newest work."""
    inside: int = 0
    """How much work is past the gate: it counts as one, so that the newer need not wait for the older."""


class Scheduler:
    """Runs ``work`` for documents. All methods are to be called on the event loop."""

    def __init__(self, work: Work, clock: Clock, *, at_once: int) -> None:
        self._work = work
        self._clock = clock
        self._slots: dict[str, _Slot] = {}
        self._gate = NewestFirst(at_once)

    @property
    def pending(self) -> int:
        """How many documents wait for a pause in the typing, or are being reviewed."""
        return sum(slot.timer is not None or slot.task is not None for slot in self._slots.values())

    def later(self, key: str, debounce: float, max_delay: float) -> None:
        """Work after ``debounce`` seconds of quiet, ``max_delay`` seconds from now at the latest."""
        slot = self._slots.setdefault(key, _Slot())
        now = self._clock.now()
        if slot.first is None:
            slot.first = now
        if slot.timer is not None:
            slot.timer.cancel()
        latest = slot.first + max(max_delay, debounce)
        slot.timer = self._clock.call_later(max(min(debounce, latest - now), 0), lambda: self.now(key))

    def now(self, key: str) -> None:
        """Work at once, if there is anything to do, in place of what is being done for an older text."""
        slot = self._slots.setdefault(key, _Slot())
        self._rest(slot)
        if self._work.wanted(key):
            slot.task = asyncio.get_running_loop().create_task(self._run(key, slot, slot.task))

    def cancel(self, key: str) -> None:
        """Forget ``key``, and cancel what is being done for it."""
        slot = self._slots.pop(key, None)
        if slot is not None:
            self._rest(slot)
            if slot.task is not None:
                slot.task.cancel()

    def cancel_all(self) -> None:
        """Forget all."""
        for key in list(self._slots):
            self.cancel(key)

    async def _run(self, key: str, slot: _Slot, older: asyncio.Task[None] | None) -> None:
        def take_over() -> None:
            if older is not None:
                older.cancel()

        try:
            if not slot.inside:
                take_over()  # It waits at the gate, or is done: there is nothing to share.
                await self._gate.enter()
            slot.inside += 1
            try:
                await self._work.work(key, take_over)
            finally:
                slot.inside -= 1
                if not slot.inside:
                    self._gate.leave()
        finally:
            take_over()
            if slot.task is asyncio.current_task():
                slot.task = None

    @staticmethod
    def _rest(slot: _Slot) -> None:
        if slot.timer is not None:
            slot.timer.cancel()
        slot.timer = slot.first = None


class NewestFirst:
    """Lets ``limit`` tasks in at a time; of those that wait, the one that came last goes first.

    Somebody who opens a hundred files looks at the last of them.
    """

    def __init__(self, limit: int) -> None:
        self._free = limit
        self._waiting: list[asyncio.Future[None]] = []

    async def enter(self) -> None:
        """Wait for a turn; each is to be given back with ``leave``."""
        if self._free > 0:
            self._free -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn in self._waiting:
                self._waiting.remove(turn)
            else:
                self.leave()  # It was let in and cancelled at the same moment.
            raise

    def leave(self) -> None:
        """Let the next one in."""
        while self._waiting:
            turn = self._waiting.pop()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
