"""What all places of keys have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from kibitz.provider.keys.key import Key


class KeySource(Protocol):
    """A place that keys come from. Belongs to one event loop.

    A source that had good keys keeps them until it has new ones: a half-written file or a command that fails
    once loses nothing but time, and is told in ``problem``.
    """

    @property
    def place(self) -> str:
        """Where it is, for people, such as ``file /x/key``."""

    @property
    def problem(self) -> str:
        """What is wrong there now, and what to do; empty if nothing is. Never holds a key."""

    async def keys(self) -> tuple[Key, ...]:
        """The keys as they are now. Cheap: called for every attempt at a request.

        Raises:
            ConfigError: there should be a key, and there is none to go on with.
        """

    async def refresh(self) -> tuple[Key, ...]:
        """The same after a new look, however short ago the last one was."""

    async def aclose(self) -> None:
        """Stop what runs."""
