"""A key that somebody else gives out on request, which takes a while: a command, the system's keyring."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kibitz.provider.errors import ConfigError
from kibitz.provider.keys.once import Once

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from kibitz.provider.keys.key import Key

RETRY_SECONDS = 30.0
"""After a failure, nobody is asked again for so long, unless the user wants it or a key is refused."""
_RENEW_AT = 0.9
"""A key that expires is renewed after this part of its life."""


class NoKeyError(Exception):
    """No key was given out; the message says why and what to do, and never holds what was printed."""


@dataclass(frozen=True, slots=True)
class Given:
    """A key, and how long it is good."""

    key: Key
    seconds: float = math.inf
    """From now on."""


class RenewedKey:
    """One key that ``get`` gives out; see ``KeySource``. Belongs to one event loop.

    A key that is still good is used while the next one is on its way, and after ``get`` failed.

    Args:
        place: where it comes from, for people.
        get: asks for the key; raises ``NoKeyError``.
        every: seconds after which it is asked again.
        clock: seconds that only go forward.
    """

    def __init__(
        self,
        place: str,
        get: Callable[[], Awaitable[Given]],
        *,
        every: float,
        clock: Callable[[], float],
    ) -> None:
        self.place = place
        self.problem = ""
        self._get = get
        self._every = every
        self._clock = clock
        self._keys: tuple[Key, ...] = ()
        self._expires = -math.inf
        self._due = -math.inf
        self._renewal = Once(self._renew)

    async def keys(self) -> tuple[Key, ...]:
        """See ``KeySource``. Waits only if there is no good key to go on with."""
        now = self._clock()
        if now >= self._due:
            self._renewal.start()
        if now >= self._expires and self._renewal.running:
            await self._renewal()
        return self._good()

    async def refresh(self) -> tuple[Key, ...]:
        """See ``KeySource``."""
        await self._renewal()
        return self._good()

    async def aclose(self) -> None:
        """See ``KeySource``."""
        await self._renewal.aclose()

    def _good(self) -> tuple[Key, ...]:
        if self._clock() >= self._expires:
            raise ConfigError(f"there is no API key: {self.problem}")
        return self._keys

    async def _renew(self) -> None:
        try:
            given = await self._get()
        except NoKeyError as error:
            self.problem = str(error)
            self._due = self._clock() + RETRY_SECONDS
            return
        now = self._clock()
        self.problem = ""
        self._expires = now + given.seconds
        self._due = now + min(self._every, given.seconds * _RENEW_AT)
        if self._keys != (given.key,):
            self._keys = (given.key,)
