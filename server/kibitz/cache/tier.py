"""A tier below this process's memory: a place that keeps text by digest, for other processes too.

A tier knows nothing of what it keeps. Whoever reads it back has to check it, because anybody who can write
there could have written it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


LEASE_S = 10.0
"""So long a claim holds after it was last renewed."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A value, and how good it still is."""

    value: str
    fresh_s: float
    """For so many seconds it is as good as new; from 0 on it is stale: to be shown, and asked again."""
    left_s: float
    """In so many seconds it is gone; more than 0, and at least ``fresh_s``."""


class Tier(Protocol):
    """One place. Belongs to one event loop; its outages are nobody's: what it cannot give is not there."""

    @property
    def name(self) -> str:
        """What people know it by: ``disk`` or ``team``."""

    @property
    def problem(self) -> str:
        """Why it cannot be used, in words for people, and what to do; empty while it can."""

    async def get(self, digests: Collection[str]) -> Mapping[str, Kept]:
        """Those of ``digests`` that it knows, stale ones too."""

    async def put(self, values: Mapping[str, Kept], *, discard: Collection[str] = ()) -> bool:
        """Keep ``values`` for as long as each says, and forget ``discard``. False if that could not be."""

    async def clear(self) -> bool:
        """Forget everything, for everybody who uses it. False if that could not be."""

    async def aclose(self) -> None:
        """Let go of what it holds open."""


class Claims(Protocol):
    """Who is asking for what, over all processes: what one asks, the others wait for.

    A claim ends by itself some seconds after the last ``renew``, so that a process that died holds up nobody.
    Outages are nobody's: then everything may be claimed by everybody.
    """

    async def take(self, digests: Collection[str], priority: int) -> frozenset[str]:
        """Claim what nobody else has claimed; returns what is ours now, what was before included.

        ``priority``: how urgent it is (0 the most); who has claimed the others learns of it when renewing.
        """

    async def renew(self, digests: Collection[str]) -> int | None:
        """Hold on to claims of ours; how urgently others wait for any of them, or None if nobody does."""

    async def release(self, digests: Collection[str]) -> None:
        """Give claims of ours up: the answers are kept by now, or will not come."""
