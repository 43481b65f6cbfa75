"""A secret of this installation, by which names are told apart in logs without being shown."""

from __future__ import annotations

import hashlib
import hmac
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from kibitz.guard import private

if TYPE_CHECKING:
    from pathlib import Path

FILE_NAME = "install.key"
_BYTES = 32
_SHOWN = 16


class Names:
    """Turns names into codes: the same name the same code, on this machine, and no way back. Blocks."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME
        self._key: bytes | None = None

    def code(self, name: str) -> str:
        """Sixteen hexadecimal digits."""
        if self._key is None:
            self._key = self._read() or self._made()
        digest = hmac.new(self._key, name.encode("utf-8", "surrogatepass"), hashlib.sha256)
        return digest.hexdigest()[:_SHOWN]

    def _read(self) -> bytes | None:
        with suppress(OSError, private.NotPrivateError):
            content, _ = private.read(self._path, limit=_BYTES, secret=True)
            return content if len(content) == _BYTES else None
        return None

    def _made(self) -> bytes:
        """A new secret; one for this process alone, if it cannot be kept."""
        key = os.urandom(_BYTES)
        with suppress(OSError):
            private.write(self._path, key)
        # Another process may have been faster: what is in the file counts.
        return self._read() or key
