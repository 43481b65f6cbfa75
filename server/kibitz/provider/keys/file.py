"""Keys in a file of their own, which may be replaced at any time.

No thread watches it: it is looked at when a key is wanted. That sees a rename over it, and a link that is
switched (as Kubernetes does with the volumes of its secrets), as well as an edit.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from kibitz.config.checks import check_key
from kibitz.guard import private
from kibitz.provider.errors import ConfigError
from kibitz.provider.keys.key import Key
from kibitz.provider.keys.once import Aside, Once

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LOOK_SECONDS = 0.5
"""The file is looked at so often at most. A key that was replaced has to be out of use within a second,
and what is to be sent with it may wait for a busy loop meanwhile."""
_SETTLE_SECONDS = 0.1
"""A file that was written to this lately may be half written, and half a key looks like a key."""
_SECONDS = 5.0
"""How long a look may take. A network drive that is gone does not answer at all."""
_MAX_BYTES = 65_536
_MAX_KEYS = 100


class FileKeys:
    """The keys in the file at ``path``; see ``KeySource``. Belongs to one event loop."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.place = f"file {path}"
        self.problem = ""
        self._path = path
        self._clock = clock
        self._keys: tuple[Key, ...] = ()
        self._stamp: private.Stamp | None = None
        self._looked = float("-inf")
        self._look = Once(self._looking)
        self._aside = Aside()

    async def keys(self) -> tuple[Key, ...]:
        """See ``KeySource``. Looks at the file unless that was done in the last half second."""
        if self._look.running or self._clock() - self._looked >= LOOK_SECONDS:
            await self._look()
        if not self._keys:
            raise ConfigError(f"there is no API key: {self.problem}")
        return self._keys

    async def refresh(self) -> tuple[Key, ...]:
        """See ``KeySource``."""
        self._looked = float("-inf")
        return await self.keys()

    async def aclose(self) -> None:
        """See ``KeySource``."""
        await self._look.aclose()

    async def _looking(self) -> None:
        self._looked = self._clock()
        known = self._stamp
        try:
            found = await self._aside(lambda: _changed(self._path, known), _SECONDS)
            if found is not None:
                content, stamp = found
                self._keys = tuple(Key(line, self.place) for line in parse(content))
                self._stamp = stamp
            self.problem = ""
        except TimeoutError:
            self._trouble(f"it does not answer within {_SECONDS:.0f} s; its drive may be gone")
        except OSError as error:
            self._trouble(error.strerror or type(error).__name__)
        except (private.NotPrivateError, ValueError) as error:
            self._trouble(str(error))

    def _trouble(self, why: str) -> None:
        # The keys stay; so does nothing of the stamp, or a file that is mended would seem unchanged.
        self._stamp = None
        self.problem = f"the key file {self._path} cannot be used as it is: {why}"


def _changed(path: Path, known: private.Stamp | None) -> tuple[bytes, private.Stamp] | None:
    """The content, unless the file is still in the ``known`` state. Blocks; raises as ``private.read``."""
    status = path.stat()
    if private.Stamp.of(status) == known:
        return None
    age = time.time() - status.st_mtime
    if 0 <= age < _SETTLE_SECONDS:
        time.sleep(_SETTLE_SECONDS - age)
    return private.read(path, limit=_MAX_BYTES, secret=True)


def parse(content: bytes) -> tuple[str, ...]:
    """One key per line; empty lines, and those that begin with ``#``, do not count.

    Raises:
        ValueError: something else is in there, or nothing; the message never holds a key.
    """
    try:
        # Editors and shells of Windows write a mark of the encoding first, and ends of lines of their own.
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("it is not plain text (UTF-8)") from None
    keys: dict[str, None] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if not (word := line.strip()) or word.startswith("#"):
            continue
        try:
            check_key(word)
        except ValueError as error:
            raise ValueError(f"line {number} is no key: {error}") from None
        keys[word] = None
    if not keys:
        raise ValueError("it holds no key")
    if len(keys) > _MAX_KEYS:
        raise ValueError(f"it holds more than {_MAX_KEYS} keys")
    return tuple(keys)
