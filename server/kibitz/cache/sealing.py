"""How answers look on a team's server: as they are, or sealed with the team's secret.

Sealed, who has the server but not the secret can neither read an answer, nor write one that is believed, nor
tell from a name which code it is about. They can still delete, and put back what stood there before.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING, Protocol

from kibitz.cache.connection import UnusableError
from kibitz.telemetry import masking

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES = 12
_SALT = b"kibitz: answers of a team"
"""The same for all teams: all who have the secret have to come to the same keys, and know nothing else."""
_COST = 1 << 14
"""Of scrypt: 16 MB and some 50 ms for each secret that somebody tries."""


class Seal(Protocol):
    """May be used by several threads at once, once prepared."""

    @property
    def realm(self) -> str:
        """A part of all names; teams with different secrets have different ones."""

    async def prepare(self) -> None:
        """Compute the keys; awaited first. May take a fifth of a second, in a thread.

        Raises:
            UnusableError: what it needs is not installed.
        """

    def name(self, digest: str) -> str:
        """What ``digest`` is called on the server."""

    def close(self, digest: str, data: bytes) -> bytes:
        """What is kept there for ``data``."""

    def open(self, digest: str, data: bytes) -> bytes | None:
        """What was closed for that digest, or None: it is something else."""


class Unsealed:
    """A ``Seal`` that keeps nothing from whoever has the server."""

    realm = "plain"

    async def prepare(self) -> None:
        """See ``Seal``."""

    def name(self, digest: str) -> str:
        """See ``Seal``."""
        return digest

    def close(self, digest: str, data: bytes) -> bytes:  # noqa: ARG002 - the protocol's
        """See ``Seal``."""
        return data

    def open(self, digest: str, data: bytes) -> bytes | None:  # noqa: ARG002 - the protocol's
        """See ``Seal``."""
        return data


class Sealed:
    """A ``Seal`` with a secret: AES-256-GCM bound to the digest, and names by HMAC-SHA-256."""

    def __init__(self, secret: str) -> None:
        """Does nothing that takes time. From now on the secret is masked wherever it would appear."""
        masking.hide(secret)
        self._secret = secret
        self._names = b""
        self._cipher: AESGCM | None = None
        self.realm = ""

    async def prepare(self) -> None:
        """See ``Seal``."""
        if self._cipher is None:
            await asyncio.to_thread(self._prepare)

    def name(self, digest: str) -> str:
        """See ``Seal``."""
        return hmac.digest(self._names, digest.encode(), "sha256").hex()

    def close(self, digest: str, data: bytes) -> bytes:
        """See ``Seal``."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._prepared.encrypt(nonce, data, digest.encode())

    def open(self, digest: str, data: bytes) -> bytes | None:
        """See ``Seal``."""
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - as in prepare

        try:
            return self._prepared.decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], digest.encode())
        except (InvalidTag, ValueError):  # the latter: too short to be anything
            return None

    def _prepare(self) -> None:
        try:
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - an extra, and slow
        except ImportError as error:
            raise UnusableError(
                f"shared_cache_secret is set, but what encrypts is not installed ({error})",
                "Install kibitz with the extra: pip install 'kibitz[shared]'",
            ) from error
        keys = hashlib.scrypt(self._secret.encode(), salt=_SALT, n=_COST, r=8, p=1, dklen=64)
        self._names = keys[32:]
        self.realm = self.name("realm")[:16]
        self._cipher = AESGCM(keys[:32])

    @property
    def _prepared(self) -> AESGCM:
        if self._cipher is None:
            raise RuntimeError("prepare() comes first")
        return self._cipher
