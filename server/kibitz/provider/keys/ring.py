"""A key in the operating system's keyring. Needs the extra ``keyring``, which is imported when it is used."""

from __future__ import annotations

import importlib
import math
import time
from typing import TYPE_CHECKING

from kibitz.provider.keys.key import Key
from kibitz.provider.keys.once import Aside
from kibitz.provider.keys.renewed import Given, NoKeyError, RenewedKey

if TYPE_CHECKING:
    from collections.abc import Callable

USER = "kibitz"
"""The user name under which the key is stored."""
SECONDS = 30.0
"""How long the keyring may take: a locked one asks its owner for a password first."""


def ring_key(
    service: str, *, clock: Callable[[], float] = time.monotonic, seconds: float = SECONDS
) -> RenewedKey:
    """The key that the keyring has for ``service``. Asked once, and again only when the key is refused.

    Args:
        service: the name it is stored under, by ``keyring set SERVICE kibitz``.
        clock: seconds that only go forward.
        seconds: how long the keyring may take.
    """
    place = f"keyring, service {service}"
    aside = Aside()

    async def get() -> Given:
        try:
            # Over D-Bus, it may not answer at all.
            return Given(Key(await aside(lambda: _stored(service), seconds), place))
        except TimeoutError:
            raise NoKeyError(
                f"the keyring did not answer within {seconds:g} s; it may be locked, or have no desktop to "
                "ask on: unlock it, or use api_key_file"
            ) from None
        except ValueError as error:
            raise NoKeyError(f"what the keyring has for {service} is no key: {error}") from None

    return RenewedKey(place, get, every=math.inf, clock=clock)


def _stored(service: str) -> str:
    """The password of ``service``. Blocks.

    Raises:
        NoKeyError: there is none, or no keyring.
    """
    try:
        keyring = importlib.import_module("keyring")
        errors = importlib.import_module("keyring.errors")
    except ImportError:
        raise NoKeyError(
            'the setting api_key_keyring needs the package keyring: pip install "kibitz[keyring]"'
        ) from None
    try:
        found: str | None = keyring.get_password(service, USER)
    except errors.NoKeyringError:
        raise NoKeyError(
            "this machine has no keyring that can be used (one without a desktop mostly has none): use "
            "api_key_file or api_key_command"
        ) from None
    except Exception as error:  # noqa: BLE001 - its backends are plugins, which raise what they like
        raise NoKeyError(
            f"the keyring did not give out the key ({type(error).__name__}): unlock it, or use api_key_file"
        ) from None
    if found is None:
        raise NoKeyError(
            f"the keyring has no key for the service {service} and the user {USER}; store it with: keyring "
            f"set {service} {USER}"
        )
    return found.strip()
