"""Asks the user, once in each hour or day, whether more may be spent. Nothing waits for the answer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from kibitz.provider.errors import OpenAIError

ALLOW, NOT_NOW = "Allow as much again today", "Not now"


class Choose(Protocol):
    """Shows a message with buttons."""

    async def __call__(self, message: str, choices: Sequence[str]) -> str | None:
        """Which one the user took; None if none of them, or if the editor cannot ask."""


class Raising:
    """The questions of one session.

    Args:
        choose: asks the user.
        raise_budget: allows for more, and says so.
        raised: is called when there is more to spend.
    """

    def __init__(
        self, choose: Choose, raise_budget: Callable[[], Awaitable[str]], raised: Callable[[], None]
    ) -> None:
        self._choose = choose
        self._raise_budget = raise_budget
        self._raised = raised
        self._asked: set[object] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def need(self, error: OpenAIError) -> None:
        """The budget did not allow for a request: ask, unless that was done for the same hour or day."""
        cause = error.__cause__
        what = (getattr(cause, "period", ""), getattr(cause, "cap", None))
        if what not in self._asked:
            self._asked.add(what)
            task = asyncio.get_running_loop().create_task(self._ask(error.message))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _ask(self, why: str) -> None:
        if await self._choose(f"kibitz: {why}.", (ALLOW, NOT_NOW)) == ALLOW:
            self._asked.clear()
            await self._raise_budget()
            self._raised()
