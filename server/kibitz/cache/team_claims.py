"""Who of a team is asking for what, kept on the team's server. See ``Claims``."""

from __future__ import annotations

import secrets
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from kibitz.cache.shared import NAMESPACE
from kibitz.cache.tier import LEASE_S

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from redis.asyncio import Redis

    from kibitz.cache.remote import Remote

_NOBODY = -1


class TeamClaims:
    """``Claims`` for everybody who uses that server, and has the same secret, or none."""

    def __init__(self, remote: Remote, *, lease_s: float = LEASE_S, namespace: str = NAMESPACE) -> None:
        """Does no I/O. A claim ends ``lease_s`` seconds after it was last renewed, by the server's clock."""
        self._remote = remote
        self._lease_s = lease_s
        self._namespace = namespace
        self._owner = secrets.token_hex(8)

    async def take(self, digests: Collection[str], priority: int) -> frozenset[str]:
        """See ``Claims``. Takes 50 ms at most, and nothing while the server is away."""
        wanted = list(digests)
        reply = await self._run("take", wanted, priority) if wanted else []
        if not isinstance(reply, list) or len(reply) != len(wanted):
            return frozenset(wanted)
        return frozenset(digest for digest, ours in zip(wanted, reply, strict=True) if ours == 1)

    async def renew(self, digests: Collection[str]) -> int | None:
        """See ``Claims``."""
        reply = await self._run("renew", list(digests), _NOBODY) if digests else _NOBODY
        return reply if isinstance(reply, int) and reply > _NOBODY else None

    async def release(self, digests: Collection[str]) -> None:
        """See ``Claims``."""
        if digests:
            await self._run("release", list(digests), _NOBODY)

    async def _run(self, step: str, digests: Sequence[str], priority: int) -> object:
        return await self._remote.ask("keep claims", partial(self._step, step, digests, priority))

    async def _step(self, step: str, digests: Sequence[str], priority: int, redis: Redis) -> object:
        seal = self._remote.seal
        keys = [f"{self._namespace}:{seal.realm}:claim:{seal.name(digest)}" for digest in digests]
        arguments: list[str | int] = [step, self._owner, int(self._lease_s * 1000), priority]
        return await redis.register_script(_script())(keys, arguments)


@cache
def _script() -> str:
    return Path(__file__).with_name("claims.lua").read_text("utf-8")
