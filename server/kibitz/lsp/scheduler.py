"""When each document is reviewed: one owned task per document, a trailing debounce, the newest text wins.

How urgent that is goes along with the work, and may rise until it is done.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from kibitz.provider.limits.priority import Priority, Urgency

if TYPE_CHECKING:
    from collections.abc import Callable

    from kibitz.lsp.clock import Clock, Timer


AHEAD_SECONDS = 0.1
"""So long before a pause is over work is prepared: whoever rests that long hardly goes on typing."""


class Work(Protocol):
    """What is scheduled."""

    def prepare(self, key: str) -> None:
        """What was asked for ``later`` begins in a moment, unless something is asked for meanwhile."""

    def due(self, key: str) -> None:
        """What was asked for ``later`` is about to begin."""

    def wanted(self, key: str) -> bool:
        """Whether there is anything to do for ``key`` that is not done, or being done, already."""

    def priority(self, key: str) -> Priority:
        """How urgent work on ``key`` is that begins now."""

    async def work(self, key: str, urgency: Urgency, take_over: Callable[[], None]) -> None:
        """Do it. Cancelled when something newer has taken over.

        ``take_over`` cancels older work for the same key. It is to be called as soon as nothing is needed of
        that any more; until then the two may share what they wait for.
        """


@dataclass(slots=True, eq=False)
class _Slot:
    first: float | None = None
    """When the typing began that has not been reviewed yet."""
    timer: Timer | None = None
    ahead: Timer | None = None
    """Comes a little before ``timer``."""
    task: asyncio.Task[None] | None = None
    """The newest work."""
    urgency: Urgency = field(default_factory=Urgency)
    """Its own."""
    begun: bool = False
    """Whether it is past the gate."""
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
        self._stop(slot)
        latest = slot.first + max(max_delay, debounce)
        wait = max(min(debounce, latest - now), 0)
        slot.timer = self._clock.call_later(wait, lambda: self._due(key))
        if wait > AHEAD_SECONDS:
            slot.ahead = self._clock.call_later(wait - AHEAD_SECONDS, lambda: self._work.prepare(key))

    def now(self, key: str, *, instead: bool = True) -> None:
        """Work at once, if there is anything to do, in place of what is being done for an older text.

        It stands ``instead`` of what was asked for ``later``, too, unless that is to come all the same.
        """
        slot = self._slots.setdefault(key, _Slot())
        if instead:
            self._rest(slot)
        if not self._work.wanted(key):
            return
        priority = self._work.priority(key)
        if slot.task is not None and not slot.begun:
            slot.urgency.rise_to(priority)  # It will find the newest text when it begins.
            return
        slot.begun, slot.urgency = False, Urgency(priority)
        older = slot.task
        run = self._run(key, slot, slot.urgency, older)
        slot.task = asyncio.get_running_loop().create_task(run)
        if older is not None:
            # However it ends, and also if it is cancelled before its first step.
            slot.task.add_done_callback(lambda _: older.cancel())

    def _due(self, key: str) -> None:
        self._work.due(key)
        self.now(key)

    def rise(self, key: str, priority: Priority) -> None:
        """What is being done for ``key``, or waits for its turn, is at least that urgent."""
        slot = self._slots.get(key)
        if slot is not None:
            slot.urgency.rise_to(priority)

    def cancel(self, key: str) -> None:
        """Forget ``key``, and cancel what is being done for it."""
        slot = self._slots.pop(key, None)
        if slot is not None:
            self._rest(slot)
            if slot.task is not None:
                slot.task.cancel()

    async def _run(self, key: str, slot: _Slot, urgency: Urgency, older: asyncio.Task[None] | None) -> None:
        def take_over() -> None:
            if older is not None:
                older.cancel()

        try:
            if not slot.inside:
                await self._gate.enter(urgency)
            slot.begun = True
            slot.inside += 1
            try:
                await self._work.work(key, urgency, take_over)
            finally:
                slot.inside -= 1
                if not slot.inside:
                    self._gate.leave()
        finally:
            if slot.task is asyncio.current_task():
                slot.task = None

    @classmethod
    def _rest(cls, slot: _Slot) -> None:
        cls._stop(slot)
        slot.timer = slot.ahead = slot.first = None

    @staticmethod
    def _stop(slot: _Slot) -> None:
        for timer in (slot.timer, slot.ahead):
            if timer is not None:
                timer.cancel()


class NewestFirst:
    """Lets ``limit`` tasks in at a time; of those that wait, the one that came last goes first.

    Each that is inside takes memory, and most are not looked at. What is looked at never waits: it comes on
    top of the limit, and the next one to leave makes room for nobody.
    """

    def __init__(self, limit: int) -> None:
        self._free = limit
        self._waiting: list[asyncio.Future[None]] = []

    async def enter(self, urgency: Urgency) -> None:
        """Wait for a turn; each is to be given back with ``leave``."""
        if self._free > 0 or urgency.priority <= Priority.FOCUSED:
            self._free -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        stop_listening = urgency.on_change(lambda: self._risen(turn, urgency))
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():
                self.leave()  # It was let in and cancelled at the same moment.
            elif turn in self._waiting:
                self._waiting.remove(turn)
            raise
        finally:
            stop_listening()

    def leave(self) -> None:
        """Let the next one in."""
        self._free += 1
        while self._waiting and self._free > 0:
            self._admit(self._waiting[-1])

    def _risen(self, turn: asyncio.Future[None], urgency: Urgency) -> None:
        if turn in self._waiting and urgency.priority <= Priority.FOCUSED:
            self._admit(turn)

    def _admit(self, turn: asyncio.Future[None]) -> None:
        self._waiting.remove(turn)
        if not turn.cancelled():
            turn.set_result(None)
            self._free -= 1
