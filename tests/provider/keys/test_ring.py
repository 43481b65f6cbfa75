from __future__ import annotations

import asyncio
import sys
import threading
from typing import TYPE_CHECKING

import keyring
import keyring.backend
import keyring.backends.fail
import keyring.errors
import pytest
from tests.provider.keys.sources import FIRST, SECOND, Clock, held

from kibitz.provider.errors import ConfigError
from kibitz.provider.keys.renewed import RETRY_SECONDS
from kibitz.provider.keys.ring import ring_key

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVICE = "openai"


class Ring(keyring.backend.KeyringBackend):
    """A keyring in memory, which may be out of order."""

    priority = 1

    def __init__(self) -> None:
        self.stored: dict[tuple[str, str], str] = {(SERVICE, "kibitz"): FIRST}
        self.error: Exception | None = None
        self.asked = 0
        self.answer = threading.Event()
        self.answer.set()

    def get_password(self, service: str, username: str) -> str | None:
        self.asked += 1
        self.answer.wait()
        if self.error is not None:
            raise self.error
        return self.stored.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.stored[service, username] = password


@pytest.fixture
def ring() -> Iterator[Ring]:
    before, ring = keyring.get_keyring(), Ring()
    keyring.set_keyring(ring)
    yield ring
    ring.answer.set()
    keyring.set_keyring(before)


async def test_the_key_is_asked_for_once_and_again_when_it_is_refused(ring: Ring) -> None:
    clock = Clock()
    source = ring_key(SERVICE, clock=clock)
    assert source.place == "keyring, service openai"
    assert await asyncio.gather(*(held(source) for _ in range(20))) == [[FIRST]] * 20
    clock.now += 1e9
    assert await held(source) == [FIRST]
    assert [key.place for key in await source.keys()] == [source.place]
    assert ring.asked == 1
    ring.stored[SERVICE, "kibitz"] = SECOND + "\n"
    assert [key.secret() for key in await source.refresh()] == [SECOND]
    assert ring.asked == 2
    await source.aclose()


async def test_an_empty_keyring_says_how_to_store_a_key(ring: Ring) -> None:
    ring.stored.clear()
    with pytest.raises(ConfigError, match="store it with: keyring set openai kibitz"):
        await ring_key(SERVICE).keys()


async def test_a_machine_without_a_keyring_says_what_to_use(ring: Ring) -> None:
    headless = keyring.backends.fail.Keyring()  # type: ignore[no-untyped-call]  # it says nothing of types
    keyring.set_keyring(headless)
    with pytest.raises(ConfigError, match=r"no keyring that can be used.*api_key_file or api_key_command"):
        await ring_key(SERVICE).keys()
    assert ring.asked == 0


@pytest.mark.parametrize(
    "error", [keyring.errors.KeyringLocked("sk-hidden-0123"), RuntimeError("sk-hidden-0123")]
)
async def test_a_keyring_that_fails_keeps_the_old_key(ring: Ring, error: Exception) -> None:
    source = ring_key(SERVICE, clock=Clock())
    await held(source)
    ring.error = error
    assert [key.secret() for key in await source.refresh()] == [FIRST]
    assert source.problem == (
        f"the keyring did not give out the key ({type(error).__name__}): unlock it, or use api_key_file"
    )


async def test_what_is_stored_may_be_no_key(ring: Ring) -> None:
    ring.stored[SERVICE, "kibitz"] = "two words"
    with pytest.raises(ConfigError, match="what the keyring has for openai is no key") as error:
        await ring_key(SERVICE).keys()
    assert "two words" not in str(error.value)


async def test_a_keyring_that_does_not_answer_blocks_nobody_for_long(ring: Ring) -> None:
    ring.answer.clear()
    clock = Clock()
    source = ring_key(SERVICE, clock=clock, seconds=0.05)
    for _ in range(3):
        with pytest.raises(ConfigError, match=r"did not answer within 0\.05 s"):
            await source.keys()
        clock.now += RETRY_SECONDS
    assert ring.asked == 1, "nobody asks again while the first question hangs"
    ring.answer.set()
    keys: list[str] = []
    while not keys:
        clock.now += RETRY_SECONDS
        try:
            keys = await held(source)
        except ConfigError:
            await asyncio.sleep(0)
    assert keys == [FIRST]


async def test_the_package_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)  # that is how an import fails
    with pytest.raises(ConfigError, match=r'pip install "kibitz\[keyring\]"'):
        await ring_key(SERVICE).keys()
