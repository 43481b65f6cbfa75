"""Keys that the settings themselves hold: from the environment or the user's file."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kibitz.provider.keys.key import Key


class FixedKeys:
    """These keys, until the settings are loaded again. No key at all is right for a server of one's own."""

    problem = ""

    def __init__(self, keys: Sequence[Key]) -> None:
        self._keys = tuple(keys)
        self.place = " and ".join(dict.fromkeys(key.place for key in keys)) or "nowhere"

    async def keys(self) -> tuple[Key, ...]:
        """See ``KeySource``."""
        return self._keys

    async def refresh(self) -> tuple[Key, ...]:
        """See ``KeySource``."""
        return self._keys

    async def aclose(self) -> None:
        """See ``KeySource``."""
