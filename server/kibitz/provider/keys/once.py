"""Two ways to wait for something slow: together with all who want it, and no longer than it is worth."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Generic, TypeVar

from kibitz.provider.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

T = TypeVar("T")


class Once(Generic[T]):
    """Runs ``work`` once at a time: whoever asks while it runs waits for what comes of it.

    It goes on when a waiter is cancelled. Belongs to one event loop.
    """

    def __init__(self, work: Callable[[], Coroutine[object, object, T]]) -> None:
        self._work = work
        self._task: asyncio.Task[T] | None = None
        self._closed = False

    @property
    def running(self) -> bool:
        """Whether it runs now."""
        return self._task is not None and not self._task.done()

    def start(self) -> asyncio.Task[T]:
        """Run it, unless it runs already; the one that runs."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work())
        return self._task

    async def __call__(self) -> T:
        """What comes of it, or whatever it raises; ConfigError if it is closed meanwhile."""
        task = self.start()
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if self._closed and task.cancelled():
                raise ConfigError("this client was closed; make a new one") from None
            raise

    async def aclose(self) -> None:
        """Cancel what runs."""
        self._closed = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})


class Aside:
    """Runs calls that may block for ever in a thread that holds up nothing, one at a time.

    Not asyncio's own threads: the interpreter waits for those when it ends.
    """

    def __init__(self) -> None:
        self._busy = False

    async def __call__(self, work: Callable[[], T], seconds: float) -> T:
        """What ``work`` returns or raises.

        Raises:
            TimeoutError: it takes longer than ``seconds``, or one that did still has not come back.
        """
        if self._busy:
            raise TimeoutError
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[T] = loop.create_future()

        def deliver(set_it: Callable[[], None]) -> None:
            if not outcome.done():
                set_it()

        def run() -> None:
            try:
                result = work()
            except Exception as error:  # noqa: BLE001 - handed on whole
                failure = error
                told = lambda: outcome.set_exception(failure)  # noqa: E731 - the counterpart of the next
            else:
                told = lambda: outcome.set_result(result)  # noqa: E731 - as above
            # Before it is told: whoever waits may ask again at once.
            self._busy = False
            with suppress(RuntimeError):  # the loop was closed meanwhile
                loop.call_soon_threadsafe(deliver, told)

        self._busy = True
        threading.Thread(target=run, name="kibitz-keys", daemon=True).start()
        async with asyncio.timeout(seconds):
            return await outcome
