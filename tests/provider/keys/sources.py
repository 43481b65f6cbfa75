"""What the tests of keys share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kibitz.provider.errors import ConfigError
from kibitz.provider.keys.key import Key

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kibitz.provider.keys.source import KeySource

FIRST, SECOND, THIRD = "sk-first-0123456789", "sk-second-0123456789", "sk-third-0123456789"


class Clock:
    """Seconds that a test lets go by."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Scripted:
    """A source that holds what a test puts into it."""

    place = "a test"

    def __init__(self, *secrets: str) -> None:
        self.problem = ""
        self.fails = False
        self.looks = 0
        self.next: tuple[str, ...] | None = None
        """What the next refresh finds."""
        self.put(*secrets)

    def put(self, *secrets: str) -> None:
        self.held = tuple(Key(secret, self.place) for secret in secrets)

    async def keys(self) -> tuple[Key, ...]:
        if self.fails:
            raise ConfigError("there is no API key: the test took it away")
        return self.held

    async def refresh(self) -> tuple[Key, ...]:
        self.looks += 1
        if self.next is not None:
            self.put(*self.next)
        return await self.keys()

    async def aclose(self) -> None:
        self.held = ()


def secrets(keys: Iterable[Key]) -> list[str]:
    return [key.secret() for key in keys]


async def held(source: KeySource) -> list[str]:
    """The keys of a source."""
    return secrets(await source.keys())
