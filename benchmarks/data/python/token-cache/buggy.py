"""Keeps an access token until it expires."""

import asyncio
from collections.abc import Awaitable, Callable


class Tokens:
    """Fetches a token once, however many ask for it at the same time."""

    def __init__(self, fetch: Callable[[], Awaitable[str]]) -> None:
        self._fetch = fetch
        self._token: str | None = None
        self._lock = asyncio.Lock()

    async def get(self) -> str:
        """The token; fetched if there is none."""
        if self._token is None:
            self._token = await self._fetch()
        return self._token

    async def drop(self) -> None:
        """Forget the token: the server refused it."""
        async with self._lock:
            self._token = None
