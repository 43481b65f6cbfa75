"""Which key to use now: the first that works, for as long as it works.

Requests under way keep the key that they were sent with. A new one asks ``pick``, so that a key that was
replaced at its place is not used any more from the next request on.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from kibitz.provider.errors import ConfigError, OpenAIError, RateLimitExceeded

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from kibitz.provider.keys.key import Key
    from kibitz.provider.keys.source import KeySource

REFUSED_SECONDS = 900.0
"""So long a key that the provider refused is left alone: its owner may have mended it there."""
NO_CREDIT = "insufficient_quota"
REFUSED = "invalid_api_key"


class State(StrEnum):
    """How a key is doing."""

    IN_USE = "in use"
    READY = "ready"
    REFUSED = "refused"
    NO_CREDIT = "no credit"


@dataclass(frozen=True, slots=True)
class KeyStatus:
    """One key of the pool, for people: never the key itself."""

    id: str
    place: str
    state: State
    why: str = ""


@dataclass(frozen=True, slots=True)
class _Mark:
    state: State
    until: float


class KeyPool:
    """The keys of one source. Belongs to one event loop.

    Args:
        source: where the keys are.
        clock: seconds that only go forward.
    """

    def __init__(self, source: KeySource, clock: Callable[[], float] = time.monotonic) -> None:
        self._source = source
        self._clock = clock
        self._keys: tuple[Key, ...] = ()
        self._current: Key | None = None
        self._marks: dict[str, _Mark] = {}
        self._renewing = asyncio.Lock()

    @property
    def place(self) -> str:
        """Where the keys come from, for people."""
        return self._source.place

    @property
    def problem(self) -> str:
        """What is wrong there now, though the keys may still be good; empty if nothing is."""
        return self._source.problem

    async def pick(self, avoid: Collection[str] = ()) -> Key | None:
        """The key for the next attempt: always the same one while it works.

        Args:
            avoid: ids of keys that are wanted only if no other key works.

        Returns None only if the source holds no key at all.

        Raises:
            ConfigError: there are keys and none can be used, or their place cannot be read.
            RateLimitExceeded: none of the keys has credit left (``code`` is ``insufficient_quota``).
        """
        self._adopt(await self._source.keys())
        if not self._keys:
            return None
        working = self._working()
        if not working:
            raise self._nothing_left()
        if self._current not in working:
            self._current = next((key for key in working if key.id not in avoid), working[0])
        if self._current.id not in avoid:
            return self._current
        return next((key for key in working if key.id not in avoid), self._current)

    def holds(self, key: Key) -> bool:
        """Whether the key is still one of the pool's, as of the last look. No I/O."""
        return key in self._keys

    async def still_works(self, key: Key) -> bool:
        """Whether it is, after a look if one is due, and was not refused: for one who waited with it."""
        await self.look()
        return key in self._working()

    async def rejected(self, key: Key) -> bool:
        """The provider answered 401 or 403 to this key: look for a new one, once for all who were refused.

        Returns whether there is another one to try.
        """
        async with self._renewing:
            mark = self._marks.get(key.id)
            known = mark is not None and mark.state is State.REFUSED and mark.until > self._clock()
            if self.holds(key) and not known:
                self._mark(key, State.REFUSED, REFUSED_SECONDS)
                await self._renew()
        return any(other != key for other in self._working())

    def exhausted(self, key: Key, seconds: float = 900.0) -> None:
        """The key's account has no credit left: leave it alone for so long."""
        if self.holds(key):
            self._mark(key, State.NO_CREDIT, seconds)

    def worked(self, key: Key) -> None:
        """The provider took the key."""
        self._marks.pop(key.id, None)

    async def reload(self) -> None:
        """Look at the source now, and give every key another chance.

        Raises:
            ConfigError: there should be a key, and there is none.
        """
        self._marks.clear()
        self._adopt(await self._source.refresh())

    async def look(self) -> None:
        """Know the keys as they are now. A place that cannot be read is a matter of ``pick``."""
        with suppress(ConfigError):
            self._adopt(await self._source.keys())

    def secrets(self) -> tuple[str, ...]:
        """All keys themselves as of the last look, to be kept out of whatever is sent."""
        return tuple(key.secret() for key in self._keys)

    def status(self) -> tuple[KeyStatus, ...]:
        """All keys as of the last look, in order."""
        return tuple(self._status_of(key) for key in self._keys)

    async def aclose(self) -> None:
        """Let go of the source."""
        await self._source.aclose()

    async def _renew(self) -> None:
        try:
            self._adopt(await self._source.refresh())
        except ConfigError:
            # The next `pick` raises it where it can be told; what matters here is what is left.
            self._adopt(())

    def _adopt(self, keys: tuple[Key, ...]) -> None:
        if keys is self._keys:
            return
        self._keys = keys
        here = {key.id for key in keys}
        self._marks = {id_: mark for id_, mark in self._marks.items() if id_ in here}

    def _working(self) -> tuple[Key, ...]:
        now = self._clock()
        self._marks = {id_: mark for id_, mark in self._marks.items() if mark.until > now}
        return tuple(key for key in self._keys if key.id not in self._marks)

    def _mark(self, key: Key, state: State, seconds: float) -> None:
        self._marks[key.id] = _Mark(state, self._clock() + seconds)

    def _status_of(self, key: Key) -> KeyStatus:
        mark = self._marks.get(key.id)
        left = mark.until - self._clock() if mark is not None else 0
        if mark is None or left <= 0:
            return KeyStatus(key.id, key.place, State.IN_USE if key == self._current else State.READY)
        what = (
            "the provider refuses it"
            if mark.state is State.REFUSED
            else "the provider says that its account has no credit left"
        )
        return KeyStatus(key.id, key.place, mark.state, f"{what}; tried again in {_minutes(left)}")

    def _nothing_left(self) -> OpenAIError:
        bad = self.status()
        names = "; ".join(f"{key.id} ({key.place}): {key.why}" for key in bad)
        subject = "the API key cannot be used" if len(bad) == 1 else f"none of {len(bad)} API keys works"
        trouble = f" Also, {self.problem}." if self.problem else ""
        if all(key.state is State.NO_CREDIT for key in bad):
            return RateLimitExceeded(
                f"{subject}: {names}. Add credit at the provider, or another key.{trouble}", code=NO_CREDIT
            )
        return ConfigError(
            f"{subject}: {names}. Put a good key there; `kibitz key status` shows what is found.{trouble}",
            code=REFUSED,
        )


def _minutes(seconds: float) -> str:
    return f"{max(1, round(seconds / 60))} min"
