"""Claims at two places at once: on this machine, and in the team."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from kibitz.cache.tier import Claims


class JointClaims:
    """``Claims`` that are ours only if they are at both places. The nearer one is asked first."""

    def __init__(self, near: Claims, far: Claims) -> None:
        self._near = near
        self._far = far

    async def take(self, digests: Collection[str], priority: int) -> frozenset[str]:
        """See ``Claims``."""
        near = await self._near.take(digests, priority)
        if not near:
            return near
        both = await self._far.take(near, priority)
        if lost := near - both:
            # Others here need not wait for somebody who only waits.
            await self._near.release(lost)
        return both

    async def renew(self, digests: Collection[str]) -> int | None:
        """See ``Claims``."""
        wanted = (await self._near.renew(digests), await self._far.renew(digests))
        return min((each for each in wanted if each is not None), default=None)

    async def release(self, digests: Collection[str]) -> None:
        """See ``Claims``."""
        await self._far.release(digests)
        await self._near.release(digests)
