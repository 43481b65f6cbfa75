from __future__ import annotations

import asyncio
import builtins
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibitz.cache.connection import UnusableError
from kibitz.cache.sealing import Sealed, Unsealed
from kibitz.telemetry.masking import mask

SECRET = "canary-team-secret-41d0"


def prepared(secret: str) -> Sealed:
    seal = Sealed(secret)
    asyncio.run(seal.prepare())
    return seal


@pytest.fixture(scope="module")
def seal() -> Sealed:
    return prepared(SECRET)


@pytest.fixture(scope="module")
def other() -> Sealed:
    return prepared("another-team-secret-41d0")


@given(digest=st.text(max_size=64, alphabet="0123456789abcdef"), data=st.binary())
def test_what_was_closed_can_be_opened_with_the_secret_only(
    seal: Sealed, other: Sealed, digest: str, data: bytes
) -> None:
    closed = seal.close(digest, data)
    assert seal.open(digest, closed) == data
    assert other.open(digest, closed) is None
    assert seal.open(f"{digest}0", closed) is None, "it belongs to its digest"
    assert seal.close(digest, data) != closed


@given(data=st.binary(max_size=60))
def test_what_others_wrote_does_not_open(seal: Sealed, data: bytes) -> None:
    assert seal.open("d", data) is None


@given(at=st.integers(0, 40), bit=st.integers(0, 7))
def test_a_changed_bit_is_noticed(seal: Sealed, at: int, bit: int) -> None:
    closed = bytearray(seal.close("d", b"thirteen here"))
    closed[at] ^= 1 << bit
    assert seal.open("d", bytes(closed)) is None


def test_names_are_the_teams_own_and_the_same_for_all_of_it(seal: Sealed, other: Sealed) -> None:
    again = prepared(SECRET)
    assert again.name("d") == seal.name("d")
    assert again.realm == seal.realm
    assert len({seal.name("d"), seal.name("e"), other.name("d"), "d"}) == 4
    assert len({seal.realm, other.realm, Unsealed.realm}) == 3
    assert again.open("d", seal.close("d", b"data")) == b"data"


def test_the_secret_is_not_shown() -> None:
    seal = Sealed(SECRET)
    assert SECRET not in repr(seal)
    assert SECRET not in mask(f"it is {SECRET}")


async def test_without_what_encrypts_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    there = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("cryptography"):
            raise ModuleNotFoundError("No module named 'cryptography'")
        return there(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UnusableError, match="shared_cache_secret") as caught:
        await Sealed(SECRET).prepare()
    assert "pip install 'kibitz[shared]'" in caught.value.advice


def test_it_has_to_be_prepared() -> None:
    with pytest.raises(RuntimeError, match="prepare"):
        Sealed(SECRET).close("d", b"")


async def test_unsealed_is_as_it_is() -> None:
    seal = Unsealed()
    await seal.prepare()
    assert (seal.name("d"), seal.close("d", b"x"), seal.open("d", b"x")) == ("d", b"x", b"x")
