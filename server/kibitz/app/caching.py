"""The cache behind the commands that look after it: its tiers and its book, without anybody to ask."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kibitz.app.knowledge import team_of
from kibitz.cache.disk import DiskCache
from kibitz.review import stored, whole
from kibitz.state.database import Database
from kibitz.state.places import database_path
from kibitz.telemetry.cachebook import CacheBook

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from kibitz.app.knowledge import Team
    from kibitz.config import Settings


@dataclass(frozen=True, slots=True)
class Caches:
    """What there is, used or not: with ``disk_cache`` off, the disk may still hold what was kept before."""

    settings: Settings
    database: Database
    disk: DiskCache
    book: CacheBook
    team: Team | None


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Caches]:
    """The cache while the block runs. Nothing is opened or reached for until it is used."""
    database = Database(database_path())
    disk = DiskCache(database, max_bytes=settings.disk_cache_max_bytes)
    team = team_of(settings)
    try:
        yield Caches(settings, database, disk, CacheBook(database), team)
    finally:
        if team is not None:
            await team.aclose()
        await database.aclose()


def is_sound(_digest: str, value: str) -> bool:
    """Whether a kept value is of a shape that kibitz keeps; what it says is checked when it is used."""
    return whole.decode(value) is not None or stored.well_formed(value)


def is_portable(_digest: str, value: str) -> bool:
    """Whether it is also worth carrying elsewhere: no reason why there is no answer."""
    if whole.decode(value) is not None:
        return True
    return stored.well_formed(value) and not stored.is_failure(value)
