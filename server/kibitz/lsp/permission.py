"""Asks the user, once, whether a key may go to an address. Nothing waits for the answer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from kibitz.provider.keys.consent import ConsentNeeded

ALLOW, NOT_NOW = "Allow", "Not now"


class Choose(Protocol):
    """Shows a message with buttons."""

    async def __call__(self, message: str, choices: Sequence[str]) -> str | None:
        """Which one the user took; None if none of them, or if the editor cannot ask."""


class Permission:
    """The questions of one session.

    Args:
        choose: asks the user.
        refuse: tells the user what to do, since they did not agree.
        allow: keeps a consent; raises OSError if it cannot be kept.
        allowed: is called when there is a new consent.
    """

    def __init__(
        self,
        choose: Choose,
        refuse: Callable[[str], None],
        allow: Callable[[ConsentNeeded], Awaitable[None]],
        allowed: Callable[[], None],
    ) -> None:
        self._choose = choose
        self._refuse = refuse
        self._allow = allow
        self._allowed = allowed
        self._asked: set[tuple[str, str]] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def need(self, error: ConsentNeeded) -> None:
        """A request was not sent for want of a consent: ask, unless that was done in this session."""
        what = (error.origin, error.place)
        if what not in self._asked:
            self._asked.add(what)
            task = asyncio.get_running_loop().create_task(self._ask(error))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _ask(self, error: ConsentNeeded) -> None:
        question = (
            f"kibitz: Send the key from {error.place} to {error.origin}? It was not used there before. "
            "The code under review goes there, too."
        )
        if await self._choose(question, (ALLOW, NOT_NOW)) != ALLOW:
            self._refuse(error.message)
            return
        try:
            await self._allow(error)
        except OSError as trouble:
            self._refuse(f"{error.message} (your answer could not be kept: {trouble.strerror})")
        else:
            self._allowed()
