"""Builds what a reviewer knows: its memory, the tiers below it, and the claims that go with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kibitz.cache.claims import DiskClaims
from kibitz.cache.disk import DiskCache
from kibitz.cache.joint_claims import JointClaims
from kibitz.cache.memory import MemoryCache
from kibitz.cache.tiers import Tiers
from kibitz.provider.errors import ConfigError
from kibitz.review.answers import Answers, Held, size_of
from kibitz.review.kept import KeptAnswers, Lives

if TYPE_CHECKING:
    from collections.abc import Callable

    from kibitz.cache.connection import Connection
    from kibitz.cache.remote import Remote
    from kibitz.cache.shared import SharedCache
    from kibitz.cache.tier import Claims
    from kibitz.config import Settings
    from kibitz.state.database import Database
    from kibitz.telemetry.cachecounts import CacheCounts


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What is known, and where."""

    answers: Answers
    claims: Claims | None
    """None: nobody shares what is known here."""
    team: Team | None


class Team:
    """A team's server, as far as answers are concerned. Belongs to one event loop."""

    def __init__(self, connection: Connection, settings: Settings) -> None:
        from kibitz.cache.remote import Remote  # noqa: PLC0415 - few have such a server
        from kibitz.cache.shared import SharedCache  # noqa: PLC0415 - as above
        from kibitz.cache.team_claims import TeamClaims  # noqa: PLC0415 - as above

        secret = settings.shared_cache_secret
        self._connection = connection
        self.remote: Remote = Remote(connection, secret=secret.get_secret_value() if secret else "")
        self.tier: SharedCache = SharedCache(
            self.remote, ttl_s=settings.cache_ttl_s, stale_s=settings.cache_stale_s
        )
        self.claims: Claims = TeamClaims(self.remote)

    async def aclose(self) -> None:
        """Let go of the server."""
        await self.remote.aclose()
        await self._connection.aclose()


def lives(settings: Settings) -> Lives:
    """For how long answers are kept."""
    return Lives(fresh_s=settings.cache_ttl_s, stale_s=settings.cache_stale_s)


def team_of(settings: Settings) -> Team | None:
    """The team's server, if there is one and answers are shared. Does no I/O.

    Raises:
        ConfigError: the address is none.
    """
    if settings.redis_url is None or not settings.shared_cache or not settings.cache_ttl_s:
        return None
    from kibitz.cache.connection import Connection  # noqa: PLC0415 - few have such a server

    try:
        connection = Connection(settings.redis_url.get_secret_value())
    except ValueError as error:
        raise ConfigError(str(error)) from None  # what lies behind it may quote the URL
    return Team(connection, settings)


def knowledge(settings: Settings, database: Database, count: Callable[[str, CacheCounts], None]) -> Knowledge:
    """What is known by these settings. Does no I/O.

    Args:
        settings: all of them.
        database: where answers are kept.
        count: is told what looking up in a tier came to.

    Raises:
        ConfigError: a setting is wrong.
    """
    times = lives(settings)
    memory: MemoryCache[Held] = MemoryCache(
        max_bytes=settings.cache_max_bytes, ttl_s=times.fresh_s + times.stale_s, size_of=size_of
    )
    disk = None
    if settings.disk_cache and times.fresh_s:
        disk = DiskCache(database, max_bytes=settings.disk_cache_max_bytes)
    team = team_of(settings)
    kept, claims = None, None
    if disk is not None or team is not None:
        kept = KeptAnswers(Tiers(disk, team.tier if team else None), times)
        claims = _claims(DiskClaims(database) if disk is not None else None, team)
    return Knowledge(Answers(memory, times, kept=kept, count=count), claims, team)


def _claims(near: Claims | None, team: Team | None) -> Claims | None:
    far = team.claims if team is not None else None
    return JointClaims(near, far) if near is not None and far is not None else near or far
