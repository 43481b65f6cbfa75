"""A quota that several processes take from: what the gate asks of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Limits:
    """What all who share a scope may use together; comes back continuously, a minute's worth can be saved."""

    requests_per_minute: float
    tokens_per_minute: float


class SharedQuota(Protocol):
    """Counts requests and tokens for everybody with the same ``scope`` (a hash, fit for any key).

    Outages are its own business: where the shared count is out of reach, it falls back to one of its own, so
    nothing here raises. Belongs to one event loop.
    """

    async def take(self, scope: str, tokens: float, limits: Limits) -> float:
        """Take one request and that many tokens, both or neither.

        More tokens than ``limits`` allow in a minute are taken when a whole minute's worth is there, and
        leave a debt. Nobody gets anything while there is a debt, not even 0 tokens. Returns 0.0 if they were
        taken, and otherwise the seconds after which it is worthwhile to ask again.
        """

    async def settle(self, scope: str, tokens: float, least: float = 0.0) -> None:
        """Charge that many tokens more, there or not, or give them back if negative. Never waits long.

        In the end at least ``least`` tokens count as used: so many the provider counts itself.
        """

    async def pause(self, scope: str, seconds: float) -> None:
        """Let nobody take for that long. A shorter pause than the present one changes nothing."""

    def processes(self, scope: str) -> int:
        """How many share that scope at present, as far as is known; 1 if this process is alone."""

    async def aclose(self) -> None:
        """Let go of connections and tasks."""
