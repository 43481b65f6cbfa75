from __future__ import annotations

import asyncio

import pytest
from tests.provider.keys.sources import FIRST, SECOND, Clock, secrets

from kibitz.provider.errors import ConfigError
from kibitz.provider.keys.key import Key
from kibitz.provider.keys.renewed import Given, NoKeyError, RenewedKey


class Giver:
    """Gives out keys that live for so many seconds, until none is left."""

    def __init__(self, *keys: str, seconds: float = 100.0) -> None:
        self.left = list(keys)
        self.seconds = seconds
        self.asked = 0

    async def __call__(self) -> Given:
        self.asked += 1
        if not self.left:
            raise NoKeyError("none is left")
        return Given(Key(self.left.pop(0), "here"), self.seconds)


def source(give: Giver, clock: Clock) -> RenewedKey:
    return RenewedKey("here", give, every=300, clock=clock)


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_it_is_not_asked_again_while_there_is_no_need() -> None:
    clock, give = Clock(), Giver(FIRST, SECOND)
    renewed = source(give, clock)
    assert renewed.problem == ""
    assert secrets(await renewed.keys()) == [FIRST]
    clock.now += 10
    assert secrets(await renewed.keys()) == [FIRST]
    await settled()
    assert give.asked == 1
    clock.now += 85
    assert secrets(await renewed.keys()) == [FIRST]
    await settled()
    assert give.asked == 2
    assert secrets(await renewed.keys()) == [SECOND]


async def test_a_key_is_gone_at_the_moment_that_it_expires() -> None:
    clock, give = Clock(), Giver(FIRST)
    renewed = source(give, clock)
    await renewed.keys()
    clock.now += 99
    assert secrets(await renewed.keys()) == [FIRST]
    await settled()
    clock.now += 1
    with pytest.raises(ConfigError, match="there is no API key: none is left"):
        await renewed.keys()


async def test_at_the_moment_that_a_key_expires_the_next_one_is_waited_for() -> None:
    clock, give = Clock(), Giver(FIRST, SECOND)
    renewed = source(give, clock)
    await renewed.keys()
    clock.now += 100
    assert secrets(await renewed.keys()) == [SECOND]
